/**
 * Notify scripts. Those of one instance or group run one after another, in the order of what happened; instances and
 * groups do not wait for each other. keepalived starts them all at once, and the last to finish wins.
 *
 * While scripts run, what happens meanwhile waits; of several states only the newest does, so that a flapping link does
 * not leave a router behind with scripts of the past, and the last script always sees the last state.
 */
import { type Millis, seconds } from '../base/units.ts';
import type { Command, Config, Instance, SyncGroup } from '../keepalived/model.ts';
import { type Happening, isState, type NotifyState } from './happening.ts';
import type { Log } from './log.ts';
import type { Ending, Program, ScriptRunner } from './scripts.ts';

export interface NotifierOptions {
  readonly runner: ScriptRunner;
  readonly log: Log;
}

/** What systemd gives a service to start: a script that starts one must be able to. */
const TIMEOUT: Millis = seconds(90);

export class Notifier {
  readonly #runner: ScriptRunner;
  readonly #log: Log;
  readonly #queues = new Map<string, Queue>();
  #scripts: Scripts;
  /** Before the last reload: those of an instance that it took away are run as the file said that had them. */
  #former: Scripts;

  constructor(scripts: Scripts, { runner, log }: NotifierOptions) {
    this.#scripts = scripts;
    this.#former = scripts;
    this.#runner = runner;
    this.#log = log;
  }

  /** A reload; what happened before it is still told to the scripts of then. */
  configure(scripts: Scripts): void {
    this.#former = this.#scripts;
    this.#scripts = scripts;
  }

  take(happening: Happening): void {
    const { type, name, what } = happening;
    const scripts = happening.deleted ? this.#former : this.#scripts;
    const entry = { happening, programs: programsFor(scripts, happening) };
    // A state without a script counts too: it takes the place of one whose script has not begun.
    if (entry.programs.length === 0 && !isState(what)) return;
    const key = `${type} ${name}`;
    const queue = this.#queues.get(key) ?? { running: undefined, state: undefined, lowerPriority: undefined };
    this.#queues.set(key, queue);
    this.#enqueue(queue, entry);
    queue.running ??= this.#work(key, queue);
  }

  /** Resolves when nothing runs or waits any more; the caller sets the limit. */
  async idle(): Promise<void> {
    await Promise.all([...this.#queues.values()].map(({ running }) => running));
  }

  #enqueue(queue: Queue, entry: Entry): void {
    if (!isState(entry.happening.what)) {
      queue.lowerPriority = entry;
      return;
    }
    if (queue.state && queue.state.programs.length > 0) {
      const { type, name, what } = queue.state.happening;
      this.#log('warning', `${type} ${name}: the notify scripts are late; ${what} is over before they ran`);
    }
    queue.state = entry;
    // It belonged to the state before.
    queue.lowerPriority = undefined;
  }

  async #work(key: string, queue: Queue): Promise<void> {
    for (;;) {
      const entry = queue.state ?? queue.lowerPriority;
      if (!entry) {
        // Here and not behind an await: what comes now must find no queue that nobody works on.
        this.#queues.delete(key);
        return;
      }
      if (queue.state) queue.state = undefined;
      else queue.lowerPriority = undefined;
      for (const program of entry.programs) await this.#run(program, entry.happening);
    }
  }

  async #run(program: Program, { type, name, what }: Happening): Promise<void> {
    const run = this.#runner.run(program, TIMEOUT);
    const words = failure(await run.ended);
    if (words !== undefined)
      this.#log('warning', `${type} ${name}: notify script ${program.argv[0]} (${what}) ${words}`);
    await run.gone;
  }
}

/** A configuration's scripts; `usableScripts` gives both. */
export interface Scripts {
  readonly config: Config;
  /** Whom a command runs as, by number. */
  programOf(command: Command): Program;
}

interface Entry {
  readonly happening: Happening;
  readonly programs: readonly Program[];
}

/** What has not begun yet, beside what runs. */
interface Queue {
  running: Promise<void> | undefined;
  state: Entry | undefined;
  lowerPriority: Entry | undefined;
}

function programsFor({ config, programOf }: Scripts, happening: Happening): readonly Program[] {
  const owners = happening.type === 'INSTANCE' ? config.vrrp_instance : config.vrrp_sync_group;
  const owner = happening.deleted ?? owners.find(({ name }) => name === happening.name);
  return owner ? commandsFor(owner, happening).map(programOf) : [];
}

const KEYWORDS = {
  MASTER: 'notify_master',
  BACKUP: 'notify_backup',
  FAULT: 'notify_fault',
  STOP: 'notify_stop',
} as const satisfies Partial<Record<NotifyState, keyof Instance>>;

/** The state's own script first, then `notify` with the four words behind its own: man keepalived.conf. */
function commandsFor(
  owner: Instance | SyncGroup,
  { type, name, what, priority, deleted }: Happening,
): readonly Command[] {
  if (!isState(what)) {
    const lower = 'notify_master_rx_lower_pri' in owner ? owner.notify_master_rx_lower_pri : undefined;
    return what === 'MASTER_RX_LOWER_PRI' && lower ? [lower] : [];
  }
  const own = what === 'DELETED' || deleted ? commandOf(deleted?.notify_deleted) : owner[KEYWORDS[what]];
  const { notify } = owner;
  const argv = notify && [...notify.argv, type, name, what, String(priority)];
  return [...(own ? [own] : []), ...(notify && argv ? [{ ...notify, argv }] : [])];
}

/** keepalived runs no notify_fault for an instance that is deleted. */
const commandOf = (keyword: true | Command | undefined): Command | undefined =>
  keyword === true ? undefined : keyword;

/** Its exit code is its own affair, as it is for keepalived. */
function failure(ending: Ending): string | undefined {
  switch (ending.kind) {
    case 'timed-out':
      return `is ended: it took more than ${TIMEOUT / 1000} s`;
    case 'failed':
      return `cannot be run: ${ending.error.message}`;
    case 'killed':
      return `was killed by ${ending.signal}`;
    case 'exited':
    case 'cancelled':
      return undefined;
  }
}
