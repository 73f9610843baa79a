/**
 * Which of the file's scripts may be run, and as whom. keepalived leaves out a script that is not there, that its user
 * cannot execute, whose user does not exist, or, under enable_script_security, that is run as root and could be replaced
 * by somebody else; what tracks it does without. So it is here: the configuration comes back without them, with a
 * warning for each.
 */
import { execFileSync } from 'node:child_process';
import type { Problem } from '../base/problem.ts';
import type { Command, Config, Fifo, GlobalDefs, Instance, SyncGroup, VrrpScript } from '../keepalived/model.ts';
import { otherLine } from '../keepalived/other-line.ts';
import { findCommand, type Identity, notRunnable, notSecure } from './script-file.ts';
import type { Program } from './scripts.ts';
import { umaskOf } from './umask.ts';

export interface UsableScripts {
  readonly config: Config;
  readonly problems: readonly Problem[];
  /** A command of `config` as it is to be run. */
  programOf(command: Command): Program;
  fifoOwner(fifo: Fifo): Identity;
}

/** @param umask `-u` */
export function usableScripts(config: Config, umask?: number): UsableScripts {
  const judge = new Judge(config.global_defs, umaskOf(config.global_defs, umask));
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
    programOf: (command) => judge.programOf(command),
    fifoOwner: ({ user, group }) => judge.identity(user, group) ?? judge.identity()!,
  };
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
  const refused = Object.entries(owner).filter(
    ([keyword, value]) =>
      keywords.includes(keyword) && value !== true && !judge.allows(value as Command, `${title} ${keyword}`),
  );
  if (refused.length === 0) return owner;
  const names = refused.map(([keyword]) => keyword);
  return Object.fromEntries(Object.entries(owner).filter(([keyword]) => !names.includes(keyword))) as Owner;
}

/** keepalived's user for scripts where the file names none, if it exists. */
const DEFAULT_USER = 'keepalived_script';

const OURSELVES: Identity = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

class Judge {
  readonly problems: Problem[] = [];
  readonly #globals: GlobalDefs;
  readonly #umask: number;
  /** setpriv(1), where the file wants scripts to have all groups of their users. */
  readonly #setpriv: string | undefined;
  readonly #identities = new Map<string, Identity | undefined>();

  constructor(globals: GlobalDefs, umask: number) {
    this.#globals = globals;
    this.#umask = umask;
    if (!otherLine(globals, 'set_supplementary_groups')) return;
    this.#setpriv = findCommand('setpriv');
    if (this.#setpriv) return;
    const message =
      'set_supplementary_groups: setpriv (util-linux) is nowhere in PATH; scripts have their own group alone';
    this.problems.push({ code: 'conf-script', severity: 'warning', message });
  }

  /** Whoever a script without a user of its own runs as, where `user` is absent. */
  identity(user?: string, group?: string): Identity | undefined {
    if (user !== undefined) return this.#lookUp(user, group);
    const { script_user: wanted } = this.#globals;
    if (wanted) return this.#lookUp(wanted.user, wanted.group) ?? OURSELVES;
    return this.#lookUp(DEFAULT_USER, undefined) ?? OURSELVES;
  }

  programOf({ argv, user, group }: Command): Program {
    const [name = '', ...rest] = argv;
    const identity = this.identity(user, group)!;
    const program = { argv: [findCommand(name) ?? name, ...rest], umask: this.#umask };
    if (this.#setpriv === undefined || identity.uid === process.getuid?.()) return { ...program, ...identity };
    // Node gives a child of another user no groups; setpriv looks them up, and keeps a group that the file names.
    const { uid, gid } = identity;
    const groups = [`--reuid=${uid}`, `--regid=${gid}`, '--init-groups', '--'];
    return { ...program, argv: [this.#setpriv, ...groups, ...program.argv], ...OURSELVES };
  }

  allowsScript({ name, script, user }: VrrpScript): boolean {
    return script === undefined || this.allows({ ...script, ...user }, `vrrp_script ${name}`);
  }

  allows({ argv: [name = ''], user, group }: Command, owner: string): boolean {
    const why = this.#refusal(name, user, group);
    if (why === undefined) return true;
    const message = `${owner}: ${why}; it is left out`;
    this.problems.push({ code: 'conf-script', severity: 'warning', message });
    return false;
  }

  #refusal(name: string, user: string | undefined, group: string | undefined): string | undefined {
    const identity = this.identity(user, group);
    if (!identity) return `there is no user ${user}${group === undefined ? '' : ` or no group ${group}`}`;
    const path = findCommand(name);
    if (path === undefined) return `${name} is nowhere in PATH`;
    const broken = notRunnable(path, identity);
    if (broken !== undefined) return `${path} ${broken}`;
    if (!this.#globals.enable_script_security || identity.uid !== 0) return undefined;
    const open = notSecure(path);
    return open === undefined ? undefined : `${path} would run as root, and ${open} (enable_script_security)`;
  }

  #lookUp(user: string, group: string | undefined): Identity | undefined {
    const key = `${user}:${group ?? ''}`;
    if (!this.#identities.has(key)) this.#identities.set(key, lookUp(user, group));
    return this.#identities.get(key);
  }
}

/** Users may come from a directory on the network; a start or reload does not wait for it for ever. */
const LOOKUP_MS_MAX = 5_000;

function lookUp(user: string, group: string | undefined): Identity | undefined {
  const [, , uid, gid] = database('passwd', user);
  const other = group === undefined ? gid : database('group', group)[2];
  return uid === undefined || other === undefined ? undefined : { uid: Number(uid), gid: Number(other) };
}

/** One line of getent(1), by its colons; empty where there is none. */
function database(name: 'passwd' | 'group', key: string): readonly string[] {
  try {
    return execFileSync('getent', [name, '--', key], {
      encoding: 'utf8',
      timeout: LOOKUP_MS_MAX,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
      .trim()
      .split(':');
  } catch {
    return [];
  }
}
