/**
 * Who is told of what happens: notify scripts, FIFOs, mails, in keepalived's order. Nobody here is waited for. A reload
 * makes new ones of everything but the FIFOs: a pipe that stays in the file stays open, and its reader keeps it.
 */
import type { Millis } from '../base/units.ts';
import type { Command, Config, Fifo } from '../keepalived/model.ts';
import { otherFlag } from '../keepalived/other-line.ts';
import { type FifoOptions, NotifyFifo } from './fifo.ts';
import type { Happening } from './happening.ts';
import type { Log } from './log.ts';
import { Mailer, mailFor } from './mail.ts';
import { Notifier } from './notify.ts';
import { ScriptPool } from './scripts.ts';
import { endsWithin, systemTimers } from './timers.ts';
import type { UsableScripts } from './usable-scripts.ts';

/** Every instance and group runs one at a time; more at once would take the processor from VRRP. */
const NOTIFY_SCRIPTS_AT_ONCE = 16;
/** Two FIFOs, and two that a reload is replacing. */
const FIFO_SCRIPTS_AT_ONCE = 4;

interface OpenFifo {
  /** What it was opened with. */
  readonly key: string;
  readonly fifo: NotifyFifo;
}

export class Notices {
  readonly #log: Log;
  readonly #notifier: Notifier;
  readonly #mailer: Mailer;
  readonly #fifoScripts = new ScriptPool(FIFO_SCRIPTS_AT_ONCE);
  #fifos: readonly OpenFifo[] = [];
  #config: Config;

  private constructor(scripts: UsableScripts, log: Log) {
    this.#log = log;
    this.#config = scripts.config;
    this.#notifier = new Notifier(scripts, { runner: new ScriptPool(NOTIFY_SCRIPTS_AT_ONCE), log });
    this.#mailer = new Mailer(scripts.config.global_defs, log);
  }

  /** Resolves when the FIFOs are there; one that cannot be had is a line in the log. */
  static async open(scripts: UsableScripts, log: Log): Promise<Notices> {
    const notices = new Notices(scripts, log);
    notices.#fifos = await notices.#openFifos(scripts, []);
    return notices;
  }

  take(happening: Happening): void {
    this.#notifier.take(happening);
    if (this.#isForFifo(happening)) for (const { fifo } of this.#fifos) fifo.write(happening);
    const mail = mailFor(this.#config, happening);
    if (mail) this.#mailer.send(mail);
  }

  async reload(scripts: UsableScripts): Promise<void> {
    this.#config = scripts.config;
    this.#notifier.configure(scripts);
    this.#mailer.configure(scripts.config.global_defs);
    const before = this.#fifos;
    this.#fifos = await this.#openFifos(scripts, before);
  }

  /** What every instance and group is in after a reload, for the readers of FIFOs that want it. */
  tell(states: readonly Happening[]): void {
    if (!this.#config.global_defs.fifo_write_vrrp_states_on_reload) return;
    for (const state of states) for (const { fifo } of this.#fifos) fifo.write(state);
  }

  /** Waits for what is under way, the scripts of STOP among it, at most so long. */
  async close(limit: Millis): Promise<void> {
    const work = Promise.all([this.#notifier.idle(), this.#mailer.idle()]);
    if (!(await endsWithin(work, limit))) this.#log('warning', 'notify scripts or mails are not done; they are left');
    this.#mailer.close();
    for (const { fifo } of this.#fifos) fifo.close();
    // None outlives us, whatever it does with SIGTERM.
    await this.#fifoScripts.close();
  }

  /** Those that stay in the file stay open; the others are closed before a new one may take their path. */
  async #openFifos(scripts: UsableScripts, before: readonly OpenFifo[]): Promise<readonly OpenFifo[]> {
    const { notify_fifo, notify_fifo_script, vrrp_notify_fifo, vrrp_notify_fifo_script } = scripts.config.global_defs;
    const wanted: readonly (readonly [Fifo | undefined, Command | undefined])[] = [
      [notify_fifo, notify_fifo_script],
      [vrrp_notify_fifo, vrrp_notify_fifo_script],
    ];
    const wishes = wanted.flatMap(([fifo, command]) => {
      if (!fifo) return [];
      const script = command && scripts.programOf(command);
      const options = { path: fifo.path, owner: scripts.fifoOwner(fifo), script };
      return [{ key: JSON.stringify(options), options }];
    });
    for (const { key, fifo } of before) if (!wishes.some((wish) => wish.key === key)) fifo.close();
    const fifos: OpenFifo[] = [];
    for (const { key, options } of wishes) {
      const fifo = before.find((one) => one.key === key)?.fifo ?? (await this.#openFifo(options));
      if (fifo) fifos.push({ key, fifo });
    }
    return fifos;
  }

  async #openFifo(options: Pick<FifoOptions, 'path' | 'owner' | 'script'>): Promise<NotifyFifo | undefined> {
    const log = this.#log;
    try {
      return await NotifyFifo.open({ ...options, runner: this.#fifoScripts, timers: systemTimers, log });
    } catch (error) {
      log('error', `there is no notify FIFO: ${(error as Error).message}`);
      return undefined;
    }
  }

  /** Priorities are told only where the file wants it. */
  #isForFifo({ what, type, name }: Happening): boolean {
    if (what !== 'MASTER_PRIORITY' && what !== 'BACKUP_PRIORITY') return true;
    const instance = type === 'INSTANCE' ? this.#config.vrrp_instance.find((one) => one.name === name) : undefined;
    const own = instance && otherFlag(instance, 'notify_priority_changes');
    return own ?? this.#config.global_defs.vrrp_notify_priority_changes ?? false;
  }
}
