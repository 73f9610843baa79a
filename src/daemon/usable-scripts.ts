/**
 * Which of the file's scripts may be run, and as whom. keepalived leaves out a script that is not there, that its user
 * cannot execute, whose user does not exist, or, under enable_script_security, that is run as root and could be replaced
 * by somebody else; what tracks it does without. So it is here: the configuration comes back without them, with a
 * warning for each.
 */
import { assert } from '../base/assert.ts';
import type { Problem } from '../base/problem.ts';
import type { Command, Config, Fifo, GlobalDefs, Instance, SyncGroup, VrrpScript } from '../keepalived/model.ts';
import { otherLine } from '../keepalived/other-line.ts';
import { type Account, type Accounts, accountKey } from './accounts.ts';
import { findCommand, type Identity, notRunnable, notSecure } from './script-file.ts';
import type { Program } from './scripts.ts';
import { umaskOf } from './umask.ts';

export interface UsableScripts {
  readonly config: Config;
  readonly problems: readonly Problem[];
  /** Who was found, for the reload after this. */
  readonly accounts: Accounts;
  /** A command of `config` as it is to be run. */
  programOf(command: Command): Program;
  fifoOwner(fifo: Fifo): Identity;
}

/**
 * @param accounts of all that `accountsIn` names
 * @param umask `-u`
 */
export function usableScripts(config: Config, accounts: Accounts, umask?: number): UsableScripts {
  const judge = new Judge(config.global_defs, accounts, umaskOf(config.global_defs, umask));
  const scripts = config.vrrp_script.filter((script) => judge.allowsScript(script));
  const tracked = new Set(scripts.map(({ name }) => name));
  const instances = config.vrrp_instance.map((one) => withoutScripts(one, `(${one.name})`, tracked, judge));
  const groups = config.vrrp_sync_group.map((one) => withoutScripts(one, `VRRP_Group(${one.name})`, tracked, judge));
  const usable = {
    ...config,
    global_defs: without(config.global_defs, FIFO_SCRIPTS, 'global_defs', judge),
    vrrp_script: scripts,
    vrrp_instance: instances,
    vrrp_sync_group: groups,
  };
  return {
    config: usable,
    problems: judge.problems,
    accounts,
    programOf: (command) => judge.programOf(command),
    fifoOwner: (fifo) => judge.fifoOwner(fifo),
  };
}

/** Everyone whom a script of the file runs as, or a FIFO belongs to. */
export function accountsIn({ global_defs, vrrp_script, vrrp_instance, vrrp_sync_group }: Config): readonly Account[] {
  const fifos = [global_defs.notify_fifo, global_defs.vrrp_notify_fifo].filter((fifo) => fifo !== undefined);
  const wanted: readonly Wanted[] = [
    ...vrrp_script.flatMap(({ script, user }) => (script ? [{ ...script, ...user }] : [])),
    ...commandsIn(global_defs, FIFO_SCRIPTS).map(([, command]) => command),
    ...[...vrrp_instance, ...vrrp_sync_group].flatMap((one) => commandsIn(one, SCRIPTS).map(([, command]) => command)),
    ...fifos.flatMap((fifo) => [fifo, {}]),
  ];
  return wanted.map((one) => accountOf(one, global_defs));
}

const FIFO_SCRIPTS = ['notify_fifo_script', 'vrrp_notify_fifo_script'] as const satisfies (keyof GlobalDefs)[];
const GROUP_SCRIPTS = ['notify_master', 'notify_backup', 'notify_fault', 'notify_stop', 'notify'] as const;
const SCRIPTS = [
  ...GROUP_SCRIPTS,
  'notify_master_rx_lower_pri',
  'notify_deleted',
] as const satisfies (keyof Instance)[];

function withoutScripts<Owner extends Instance | SyncGroup>(
  owner: Owner,
  title: string,
  tracked: ReadonlySet<string>,
  judge: Judge,
): Owner {
  const { track_script, ...rest } = without(owner, SCRIPTS, title, judge);
  const left = track_script?.filter(({ name }) => tracked.has(name));
  return { ...rest, ...(left && { track_script: left }) } as unknown as Owner;
}

function without<Owner extends object>(owner: Owner, keywords: readonly string[], title: string, judge: Judge): Owner {
  const refused = commandsIn(owner, keywords).filter(
    ([keyword, command]) => !judge.allows(command, `${title} ${keyword}`),
  );
  if (refused.length === 0) return owner;
  const names = refused.map(([keyword]) => keyword);
  return Object.fromEntries(Object.entries(owner).filter(([keyword]) => !names.includes(keyword))) as Owner;
}

/** `notify_deleted` alone is no command. */
const commandsIn = (owner: object, keywords: readonly string[]): readonly (readonly [string, Command])[] =>
  Object.entries(owner).filter(([keyword, value]) => keywords.includes(keyword) && value !== true);

/** keepalived's user for scripts where the file names none, if it exists. */
const DEFAULT_USER = 'keepalived_script';

/** What a command or a FIFO says of whose it is. */
interface Wanted {
  readonly user?: string | undefined;
  readonly group?: string | undefined;
}

const accountOf = ({ user, group }: Wanted, { script_user }: GlobalDefs): Account =>
  user === undefined ? (script_user ?? { user: DEFAULT_USER }) : { user, group };

const OURSELVES: Identity = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

class Judge {
  readonly problems: Problem[] = [];
  readonly #globals: GlobalDefs;
  readonly #accounts: Accounts;
  readonly #umask: number;
  /** setpriv(1), where the file wants scripts to have all groups of their users. */
  readonly #setpriv: string | undefined;

  constructor(globals: GlobalDefs, accounts: Accounts, umask: number) {
    this.#globals = globals;
    this.#accounts = accounts;
    this.#umask = umask;
    if (!otherLine(globals, 'set_supplementary_groups')) return;
    this.#setpriv = findCommand('setpriv');
    if (this.#setpriv) return;
    const message =
      'set_supplementary_groups: setpriv (util-linux) is nowhere in PATH; scripts have their own group alone';
    this.problems.push({ code: 'conf-script', severity: 'warning', message });
  }

  programOf({ argv, ...wanted }: Command): Program {
    const [name = '', ...rest] = argv;
    const identity = this.#identity(wanted);
    assert(typeof identity !== 'string', 'a script whose user is not known is left out');
    const program = { argv: [findCommand(name) ?? name, ...rest], umask: this.#umask };
    if (this.#setpriv === undefined || identity.uid === process.getuid?.()) return { ...program, ...identity };
    // Node gives a child of another user no groups; setpriv looks them up, and keeps a group that the file names.
    const { uid, gid } = identity;
    const groups = [`--reuid=${uid}`, `--regid=${gid}`, '--init-groups', '--'];
    return { ...program, argv: [this.#setpriv, ...groups, ...program.argv], ...OURSELVES };
  }

  /** Ours where it is nobody's else: only we can open it then. */
  fifoOwner({ user, group }: Fifo): Identity {
    const [own, usual] = [this.#identity({ user, group }), this.#identity({})];
    if (typeof own !== 'string') return own;
    return typeof usual === 'string' ? OURSELVES : usual;
  }

  allowsScript({ name, script, user }: VrrpScript): boolean {
    return script === undefined || this.allows({ ...script, ...user }, `vrrp_script ${name}`);
  }

  allows({ argv: [name = ''], ...wanted }: Command, owner: string): boolean {
    const why = this.#refusal(name, wanted);
    if (why === undefined) return true;
    const message = `${owner}: ${why}; it is left out`;
    this.problems.push({ code: 'conf-script', severity: 'warning', message });
    return false;
  }

  #refusal(name: string, wanted: Wanted): string | undefined {
    const identity = this.#identity(wanted);
    if (typeof identity === 'string') return identity;
    const path = findCommand(name);
    if (path === undefined) return `${name} is nowhere in PATH`;
    const broken = notRunnable(path, identity);
    if (broken !== undefined) return `${path} ${broken}`;
    if (!this.#globals.enable_script_security || identity.uid !== 0) return undefined;
    const open = notSecure(path);
    return open === undefined ? undefined : `${path} would run as root, and ${open} (enable_script_security)`;
  }

  /** @returns why not, where it cannot be said. A script without a user of its own has ours where its usual one is none. */
  #identity(wanted: Wanted): Identity | string {
    const account = accountOf(wanted, this.#globals);
    const { user, group } = account;
    const found = this.#accounts.get(accountKey(account));
    assert(found !== undefined, 'all accounts of the file have been looked up');
    if (typeof found !== 'string') return found;
    if (wanted.user === undefined && (found === 'none' || user === DEFAULT_USER)) return OURSELVES;
    if (found === 'unanswered') return `user ${user} cannot be looked up`;
    return `there is no user ${user}${group === undefined ? '' : ` or no group ${group}`}`;
  }
}
