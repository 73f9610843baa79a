/** The daemon from its start to its end: one session after another, signals, logs, pid files, systemd. */
import { rmSync, writeFileSync } from 'node:fs';
import { constants, uptime } from 'node:os';
import { dirname, join } from 'node:path';
import { type Millis, ms } from '../base/units.ts';
import { CONTROL_SOCKET, type Reply, type Request } from '../control/messages.ts';
import { KnownLines } from '../keepalived/known-lines.ts';
import type { Config, GlobalDefs } from '../keepalived/model.ts';
import { print } from '../keepalived/printer.ts';
import { DatagramSender } from '../linux/datagram.ts';
import { ignoreSignal, unblockSignal } from '../linux/ffi.ts';
import type { Kernel, KernelEvent, Snapshot } from '../linux/kernel.ts';
import { LinuxKernel } from '../linux/linux-kernel.ts';
import { keepalivedState } from '../vrrp/names.ts';
import type { Router } from '../vrrp/sync.ts';
import { ControlServer } from './control-server.ts';
import { tellReady } from './detach.ts';
import { DATA_FILE, dataText, STATS_FILE, statsText, writeDump } from './dumps.ts';
import type { Hangup } from './early-signals.ts';
import { EXIT } from './exit.ts';
import { deletedHappening, type Happening } from './happening.ts';
import { interfaceNames, type Loaded, type LoadResult, load } from './load.ts';
import { consoleSink, createLog, JOURNAL_SOCKET, journalSink, type Log, logSocket, syslogSink } from './log.ts';
import { forgetStart } from './memory.ts';
import { Notices } from './notices.ts';
import type { Options } from './options.ts';
import type { Hooks } from './perform.ts';
import { livingPid, removePidFile, writePidFile } from './pid-file.ts';
import { ProcessTraits } from './process-traits.ts';
import { ReloadTime } from './reload-time.ts';
import { Session } from './session.ts';
import { inSlices } from './slices.ts';
import { answer, type Condition, countersOf, statusOf } from './status.ts';
import { type Supervisor, supervisor } from './systemd.ts';
import { systemTimers } from './timers.ts';
import { View } from './view.ts';

const IDENTIFIER = 'tandemd';
/** keepalived's signals for its JSON file and for clearing its counters, which scripts may send. */
const UNANSWERED = [36, 63];
/** What the kernel still has to do when we leave: 10,000 addresses take it 1.6 s. */
const END_MS_MAX = 15_000;
/** What one reads in a log; `tandem plan` shows all of them beforehand. */
const CHANGES_TOLD_MAX = 50;
/** After the start's own work; before that a reload or a takeover is as quick as it can be. */
const REHEARSAL_MS = 1_000;
const SIGNS = { add: '+', remove: '-', change: '~' } as const;
/** keepalived's child_wait_time: how long it waits for its scripts at the end. */
const NOTICES_END: Millis = ms(5_000);

/** @returns the exit code, once it has ended */
export async function runDaemon(options: Options, version: string, hangup: Hangup): Promise<number> {
  const log = openLog(options);
  log('info', `Starting tandemd v${version}`);
  for (const remark of options.remarks) log('warning', remark);
  if ([options.pidFile, options.vrrpPidFile].some((file) => livingPid(file) !== undefined)) {
    log('error', 'daemon is already running');
    return EXIT.ok;
  }
  const known = new KnownLines();
  const read = await load({ ...options, interfaces: interfaceNames(), missingInterface: 'wait', known });
  if (read.report !== '') {
    log(read.loaded ? 'warning' : 'error', read.report);
    if (!options.console) process.stderr.write(`${read.report}\n`);
  }
  if (!read.loaded) return EXIT.config;
  if (options.dump) log('info', withoutSecrets(read.loaded.config));
  const daemon = await Daemon.start({ options, version, log, loaded: read.loaded, known, hangup });
  return daemon.ended;
}

/** keepalived prints passwords here; a log is no place for them. */
function withoutSecrets(config: Config): string {
  const hidden = config.vrrp_instance.map((instance) =>
    instance.authentication?.auth_pass === undefined
      ? instance
      : { ...instance, authentication: { ...instance.authentication, auth_pass: 'hidden' } },
  );
  return print({ ...config, vrrp_instance: hidden });
}

function openLog(options: Options): Log {
  const path = logSocket();
  const console = consoleSink((line) => process.stderr.write(line));
  if (path === undefined) return createLog([console], options.detail);
  const socket = new DatagramSender(path);
  const system = path === JOURNAL_SOCKET ? journalSink(socket, IDENTIFIER) : syslogSink(socket, IDENTIFIER);
  return createLog(options.console ? [console] : [system], options.detail);
}

interface DaemonOptions {
  readonly options: Options;
  readonly version: string;
  readonly log: Log;
  readonly loaded: Loaded;
  readonly known: KnownLines;
  readonly hangup: Hangup;
}

class Daemon {
  /** Its exit code, when it has let go of everything. */
  readonly ended: Promise<number>;
  readonly #options: DaemonOptions;
  readonly #kernel: Kernel;
  readonly #view: View;
  readonly #supervisor: Supervisor;
  readonly #notices: Notices;
  readonly #traits: ProcessTraits;
  readonly #reloadTime: ReloadTime;
  readonly #startedAt = Date.now() / 1000;
  readonly #session: Session;
  #loadedAt = this.#startedAt;
  #refused: { readonly at: number; readonly report: string } | undefined;
  #control: ControlServer | undefined;
  #watchdog: NodeJS.Timeout | undefined;
  #rehearsal: NodeJS.Timeout | undefined;
  /** What signals ask for is done one after another. */
  #busy: Promise<void> = Promise.resolve();
  #stopping = false;
  #end: (code: number) => void = () => {};

  /** Resolves when VRRP runs. */
  static async start(options: DaemonOptions): Promise<Daemon> {
    const kernel = new LinuxKernel();
    let daemon: Daemon | undefined;
    const snapshot = await kernel.watch((events) => {
      for (const event of events) daemon?.heard(event);
    });
    const notices = await Notices.open(options.loaded.scripts, options.log);
    daemon = new Daemon(options, kernel, new View(snapshot), notices);
    await daemon.#begin(snapshot);
    return daemon;
  }

  private constructor(options: DaemonOptions, kernel: Kernel, view: View, notices: Notices) {
    this.#options = options;
    this.#kernel = kernel;
    this.#view = view;
    this.#notices = notices;
    this.#traits = new ProcessTraits(options.log);
    this.#reloadTime = new ReloadTime({
      timers: systemTimers,
      clock: Date.now,
      log: options.log,
      reload: () => this.#later('reload', () => this.#reload()),
    });
    const { NOTIFY_SOCKET } = process.env;
    this.#supervisor = supervisor(NOTIFY_SOCKET ? new DatagramSender(NOTIFY_SOCKET) : undefined, process.env);
    this.#session = this.#newSession(options.loaded);
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  async #begin(snapshot: Snapshot): Promise<void> {
    const { options, log, hangup } = this.#options;
    for (const file of [options.pidFile, options.vrrpPidFile]) writePidFile(file);
    process.on('SIGTERM', () => this.#stop());
    process.on('SIGINT', () => this.#stop());
    const reload = (): void => this.#later('reload', () => this.#reload());
    process.removeAllListeners('SIGHUP').on('SIGHUP', reload);
    process.on('SIGUSR1', () => this.#dump(DATA_FILE, () => dataText(statusOf(this.#condition()))));
    process.on('SIGUSR2', () => this.#dump(STATS_FILE, () => statsText(countersOf(this.#condition()))));
    unblockSignal(constants.signals.SIGUSR1);
    for (const number of UNANSWERED) ignoreSignal(number);
    this.#traits.apply(this.#session.loaded.config.global_defs);
    this.#reloadTime.configure(this.#session.loaded.config.global_defs);
    forgetStart();
    const started = this.#session.start(snapshot, startDelay(this.#session.loaded.config));
    this.#later('starting', () => started);
    if (hangup.came) reload();
    await started;
    try {
      const path = process.env.TANDEMD_SOCKET ?? CONTROL_SOCKET;
      const failed = (error: Error): void => log('error', `the control socket: ${error.message}`);
      this.#control = await ControlServer.listen(path, (request) => this.#answer(request), failed);
    } catch (error) {
      log('error', `there is no control socket: ${(error as Error).message}`);
    }
    this.#supervisor.ready(this.#summary());
    tellReady();
    const { watchdogMs } = this.#supervisor;
    if (watchdogMs !== undefined) this.#watchdog = setInterval(() => this.#supervisor.alive(), watchdogMs);
    log('info', 'Startup complete');
    this.#rehearsal = setTimeout(() => this.#later('the rehearsal', () => this.#rehearse()), REHEARSAL_MS).unref();
  }

  #newSession(loaded: Loaded): Session {
    const { log, options } = this.#options;
    const hooks: Hooks = {
      notify: (instance, what, priority) => {
        this.#supervisor.status(this.#summary());
        const { name } = instance;
        const deleted = what === 'DELETED';
        this.#notices.take(deleted ? deletedHappening(instance, priority) : { type: 'INSTANCE', name, what, priority });
      },
      notifyGroup: (name, what) => {
        if (what !== 'INIT') this.#notices.take({ type: 'GROUP', name, what, priority: 0 });
      },
      priorityChanged: ({ name }, state, priority) => {
        this.#notices.take({ type: 'INSTANCE', name, what: `${state}_PRIORITY`, priority });
      },
    };
    return new Session({
      kernel: this.#kernel,
      view: this.#view,
      loaded,
      log,
      hooks,
      keepOwned: options.keepOwned,
    });
  }

  private heard(event: KernelEvent): void {
    if (this.#view.apply(event)) this.#session.heard(event);
  }

  #later(what: string, job: () => Promise<void>): void {
    this.#busy = this.#busy.then(job).catch((error: unknown) => {
      this.#options.log('error', `${what} failed: ${(error as Error).message}`);
    });
  }

  /** A file that is bad in any way changes nothing; of a good one only what differs. */
  async #reload(): Promise<void> {
    if (this.#stopping) return;
    const { options, log } = this.#options;
    log('info', 'Reloading ...');
    this.#supervisor.reloading(process.hrtime.bigint() / 1000n);
    const reading = reloadFileOf(this.#session.loaded.config.global_defs, options.pidFile);
    if (reading !== undefined) this.#mark(() => writeFileSync(reading, ''));
    const { loaded, report } = await this.#read();
    if (reading !== undefined) this.#mark(() => rmSync(reading, { force: true }));
    if (report !== '') log(loaded ? 'warning' : 'error', report);
    this.#refused = loaded ? undefined : { at: Date.now() / 1000, report };
    if (loaded) {
      await this.#notices.reload(loaded.scripts);
      const changes = await this.#session.change(loaded);
      this.#traits.apply(loaded.config.global_defs);
      this.#reloadTime.configure(loaded.config.global_defs);
      this.#loadedAt = Date.now() / 1000;
      this.#notices.tell(statesOf(this.#session.loop.router));
      for (const { op, text } of changes.slice(0, CHANGES_TOLD_MAX)) log('info', `${SIGNS[op]} ${text}`);
      if (changes.length > CHANGES_TOLD_MAX) log('info', `and ${changes.length - CHANGES_TOLD_MAX} more changes`);
      log('info', 'Reload complete');
    } else log('error', 'Reload refused: the configuration before goes on');
    this.#supervisor.ready(this.#summary());
  }

  /** The file as it is now. */
  #read(): Promise<LoadResult> {
    const { options, known } = this.#options;
    const { accounts } = this.#session.loaded.scripts;
    const interfaces = interfaceNames();
    return load({ ...options, interfaces, missingInterface: 'refuse', known, accounts }, inSlices);
  }

  /** Code that has never run takes three times as long: what has to be quick when it counts is done once for nothing. */
  async #rehearse(): Promise<void> {
    if (this.#stopping) return;
    const { loaded } = await this.#read();
    if (loaded) await this.#session.rehearse(loaded);
  }

  /** reload_file: who writes configurations sees by it that they are being read. */
  #mark(change: () => void): void {
    try {
      change();
    } catch (error) {
      this.#options.log('warning', `reload_file: ${(error as Error).message}`);
    }
  }

  #dump(path: string, text: () => string): void {
    try {
      writeDump(path, text());
      this.#options.log('info', `Printing ${path} on signal`);
    } catch (error) {
      this.#options.log('error', `${path} cannot be written: ${(error as Error).message}`);
    }
  }

  #stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    const { log, options } = this.#options;
    log('info', 'Stopping');
    this.#supervisor.stopping();
    clearInterval(this.#watchdog);
    clearTimeout(this.#rehearsal);
    this.#reloadTime.close();
    const giveUp = setTimeout(() => {
      log('error', 'the kernel has not let go of everything in time');
      process.exit(EXIT.failed);
    }, END_MS_MAX);
    this.#later('stopping', async () => {
      await this.#session.end();
      await this.#notices.close(NOTICES_END);
      this.#control?.close();
      await this.#kernel.close({ keepSettings: options.keepOwned });
      for (const file of [options.pidFile, options.vrrpPidFile]) removePidFile(file);
      clearTimeout(giveUp);
      log('info', 'Stopped tandemd');
      this.#end(EXIT.ok);
    });
  }

  #answer(request: Request): Reply | Promise<Reply> {
    return answer(request, this.#condition(), (name) => this.#session.loop.put(name, { kind: 'forget' }));
  }

  #condition(): Condition {
    const { loaded, loop, history } = this.#session;
    return {
      daemon: {
        version: this.#options.version,
        pid: process.pid,
        startedAt: this.#startedAt,
        config: this.#options.options.file,
        loadedAt: this.#loadedAt,
        ...(this.#refused !== undefined && { refused: this.#refused.report, refusedAt: this.#refused.at }),
      },
      written: loaded.written,
      config: loaded.router,
      router: loop.router,
      now: this.#kernel.now(),
      history,
      failed: (name) => this.#session.failed(name),
    };
  }

  /** For `systemctl status`: `VI_0 MASTER, VI_1 BACKUP`. */
  #summary(): string {
    const { router } = this.#session.loop;
    return Object.entries(router.instances)
      .map(([name, state]) => `${name} ${keepalivedState(state)}`)
      .join(', ');
  }
}

/** Its name, where it has none: keepalived.reload beside the pid file. */
const reloadFileOf = ({ reload_file }: GlobalDefs, pidFile: string): string | undefined =>
  reload_file === true ? join(dirname(pidFile), 'keepalived.reload') : reload_file?.path;

/** vrrp_startup_delay, and what is left of vrrp_delay_after_boot: keepalived.conf(5). */
function startDelay({ global_defs }: Config): Millis {
  const sinceBoot = uptime() * 1000;
  const { vrrp_startup_delay, vrrp_delay_after_boot } = global_defs;
  return ms(Math.max(0, vrrp_startup_delay ?? 0, (vrrp_delay_after_boot ?? 0) - sinceBoot));
}

/** Every instance, then every group, in the state that it is in; one that has not begun is in none. */
function statesOf({ instances, groups }: Router): readonly Happening[] {
  const states = Object.entries(instances).flatMap(([name, instance]): readonly Happening[] => {
    const what = keepalivedState(instance);
    return what === 'INIT' ? [] : [{ type: 'INSTANCE', name, what, priority: instance.priority }];
  });
  const ofGroups = Object.entries(groups).flatMap(([name, what]): readonly Happening[] =>
    what === 'INIT' ? [] : [{ type: 'GROUP', name, what, priority: 0 }],
  );
  return [...states, ...ofGroups];
}
