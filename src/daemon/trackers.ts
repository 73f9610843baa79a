/**
 * Everything that the instances track beside interfaces: scripts, files, processes. Only what some instance tracks is
 * looked after. A status is reported when it is first known and when it changes, by kind and name, as the core wants it.
 */
import { isDeepStrictEqual } from 'node:util';
import { type Millis, ms, seconds } from '../base/units.ts';
import { scriptTimes } from '../keepalived/defaults.ts';
import type { Command, Config, TrackFile, TrackProcess, VrrpScript } from '../keepalived/model.ts';
import { otherLine } from '../keepalived/other-line.ts';
import type { RouterConfig } from '../vrrp/config.ts';
import { type Status, trackerKey } from '../vrrp/tracking.ts';
import type { Loaded } from './load.ts';
import type { Log } from './log.ts';
import type { ProcessPattern } from './process-match.ts';
import { type Program, ScriptPool } from './scripts.ts';
import { systemTimers, type Timers } from './timers.ts';
import { type FileTracker, trackFile } from './track-file.ts';
import { countProcesses, type ProcessTracker, trackProcesses } from './track-process.ts';
import { type ScriptTracker, trackScript } from './track-script.ts';
import type { Tracking } from './tracking.ts';

export interface TrackersOptions {
  readonly config: Config;
  readonly router: RouterConfig;
  /** Whom a command runs as, by number (`usableScripts`). */
  readonly programOf: (command: Command) => Program;
  readonly log: Log;
  /** What the trackers before a reload knew (`Trackers.scripts`); absent at the daemon's start. */
  readonly before?: KnownScripts;
  /** Loop.tracked: never called before the constructor has returned. */
  readonly report: (kind: 'script' | 'file' | 'process', name: string, status: Status) => void;
  readonly timers?: Timers;
}

/**
 * What scripts were found to be, by their command and user: a reload that gives a script another name or interval need
 * not ask it first, and one that gives it another command must.
 */
export type KnownScripts = ReadonlyMap<string, boolean>;

/** Whether two configurations ask the same of scripts, files and processes: then whoever asks goes on asking. */
export function tracksAlike(one: Loaded, other: Loaded): boolean {
  const asked = ({ config, router }: Loaded): unknown => [
    config.vrrp_script,
    config.track_file,
    config.track_process,
    config.global_defs.script_user,
    [...trackersIn(router)].sort(),
  ];
  return isDeepStrictEqual(asked(one), asked(other));
}

const trackersIn = (router: RouterConfig): ReadonlySet<string> =>
  new Set(router.instances.flatMap(({ trackers }) => trackers.map(trackerKey)));

/** Scripts mostly wait for an answer; more at once would take the processor from VRRP. */
const SCRIPTS_AT_ONCE = 16;

/** A file on a network that hangs must not keep VRRP from starting; what it holds counts once it is read. */
const KNOWN: Millis = ms(2_000);

export class Trackers {
  /**
   * When files and processes have been reported for the first time, or took too long: an instance that starts before
   * that would go through FAULT for a process that is there.
   */
  readonly known: Promise<void>;
  readonly #pool = new ScriptPool(SCRIPTS_AT_ONCE);
  readonly #known = new Map<string, boolean>();
  #trackings: readonly Tracking[] = [];
  #closed = false;

  constructor(options: TrackersOptions) {
    const { timers = systemTimers } = options;
    this.known = new Promise((resolve) => {
      setImmediate(() => {
        if (!this.#closed) this.#start(options, timers);
        const giveUp = timers.after(KNOWN, resolve);
        void Promise.all(this.#trackings.map(({ known }) => known)).then(() => {
          giveUp();
          resolve();
        });
      });
    });
  }

  /** What scripts were found to be, for those that follow after a reload. */
  get scripts(): KnownScripts {
    return this.#known;
  }

  /** Ends all, running scripts too; resolves when these are gone. */
  close(): Promise<void> {
    this.#closed = true;
    for (const tracking of this.#trackings) tracking.end();
    return this.#pool.close();
  }

  #start({ config, router, programOf, log, before, report }: TrackersOptions, timers: Timers): void {
    const tell = (kind: 'script' | 'file' | 'process', name: string) => (status: Status) => {
      if (!this.#closed) report(kind, name, status);
    };
    const used = trackersIn(router);
    const wanted = <Definition extends { readonly name: string }>(
      kind: 'script' | 'file' | 'process',
      definitions: readonly Definition[],
    ) => definitions.filter(({ name }) => used.has(trackerKey({ kind, name })));
    const seams = { timers, log, runner: this.#pool, count: countProcesses };

    const scripts = wanted('script', config.vrrp_script).flatMap((script) => {
      const key = JSON.stringify([script.script, script.user]);
      const tracker = scriptTracker(script, programOf, before?.get(key));
      const report = (up: boolean): void => {
        this.#known.set(key, up);
        tell('script', script.name)(up);
      };
      return tracker ? [trackScript(tracker, { ...seams, report })] : [];
    });
    const files = wanted('file', config.track_file).flatMap((file) => {
      const tracker = fileTracker(file, before === undefined);
      return tracker ? [trackFile(tracker, { ...seams, report: tell('file', file.name) })] : [];
    });
    const processes = wanted('process', config.track_process).map(processTracker);
    const reportProcess = (name: string, up: boolean): void => tell('process', name)(up);
    this.#trackings = [...scripts, ...files, trackProcesses(processes, { ...seams, report: reportProcess })];
  }
}

function scriptTracker(
  script: VrrpScript,
  programOf: (command: Command) => Program,
  known: boolean | undefined,
): ScriptTracker | undefined {
  if (!script.script) return undefined;
  return {
    name: script.name,
    program: programOf({ ...script.script, ...script.user }),
    ...scriptTimes(script),
    before: known !== undefined ? { known } : script.init_fail ? 'failed' : 'nothing',
  };
}

function fileTracker({ name, file, init_file }: TrackFile, atStart: boolean): FileTracker | undefined {
  if (file === undefined) return undefined;
  const init = init_file && { value: init_file.value ?? 0, overwrite: init_file.overwrite === true };
  return { name, path: file, ...(atStart && init && { init }) };
}

/** Without quorum_max there is no upper bound. */
function processTracker(tracker: TrackProcess): ProcessTracker {
  const { name, quorum = 1, quorum_max: quorumMax = Number.POSITIVE_INFINITY, delay = ms(0) } = tracker;
  return {
    name,
    quorum: Math.min(quorum, quorumMax),
    quorumMax,
    riseDelay: otherSeconds(tracker, 'fork_delay') ?? delay,
    fallDelay: otherSeconds(tracker, 'terminate_delay') ?? delay,
    pattern: patternOf(tracker),
  };
}

function patternOf(tracker: TrackProcess): ProcessPattern {
  const match = otherLine(tracker, 'param_match')?.args[0];
  return {
    words: tracker.process ?? [],
    ...((match === 'initial' || match === 'partial') && { paramMatch: match }),
    fullCommand: otherLine(tracker, 'full_command') !== undefined,
  };
}

function otherSeconds(tracker: TrackProcess, keyword: string): Millis | undefined {
  const value = Number(otherLine(tracker, keyword)?.args[0]);
  return value >= 0 ? seconds(value) : undefined;
}
