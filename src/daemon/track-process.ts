/**
 * vrrp_track_process: up while the number of matching processes is within its quorum. The processes are counted by
 * reading /proc once a second for all trackers together: the kernel's process events would tell at once, and are only
 * to be had with netlink in the first pid namespace; a second is what a script that looks for a process takes.
 * All of it is read each time: a process can change its name under the same number.
 */
import { readdir, readFile } from 'node:fs/promises';
import { type Millis, ms } from '../base/units.ts';
import type { Log } from './log.ts';
import { byName, matchesCommandLine, matchesName, type ProcessPattern } from './process-match.ts';
import type { Timers } from './timers.ts';
import type { Tracking } from './tracking.ts';

export interface ProcessTracker {
  readonly name: string;
  readonly pattern: ProcessPattern;
  readonly quorum: number;
  readonly quorumMax: number;
  /** How long the quorum must be held, and must be missed, before that counts. */
  readonly riseDelay: Millis;
  readonly fallDelay: Millis;
}

export interface TrackProcessSeams {
  readonly timers: Timers;
  readonly log: Log;
  /** How many processes each pattern has; rejects where they cannot be counted. */
  readonly count: (patterns: readonly ProcessPattern[]) => Promise<readonly number[]>;
  /** At the start, and at every change. */
  report(name: string, up: boolean): void;
}

const INTERVAL: Millis = ms(1_000);

export function trackProcesses(trackers: readonly ProcessTracker[], seams: TrackProcessSeams): Tracking {
  const { timers, log } = seams;
  if (trackers.length === 0) return { known: Promise.resolve(), end: () => {} };
  const watches = trackers.map((tracker) => new Quorum(tracker));
  let closed = false;
  let cancel = (): void => {};

  const look = async (): Promise<void> => {
    try {
      const counts = await seams.count(trackers.map(({ pattern }) => pattern));
      if (closed) return;
      for (const [index, watch] of watches.entries()) {
        const up = watch.counted(counts[index] ?? 0, timers.now());
        if (up !== undefined) seams.report(trackers[index]!.name, up);
      }
    } catch (error) {
      // What was known stays: a moment without memory or descriptors says nothing about the processes.
      if (!closed) log('warning', `processes cannot be counted: ${(error as Error).message}`);
    }
    if (!closed) cancel = timers.after(INTERVAL, () => void look());
  };
  return {
    known: look(),
    end() {
      closed = true;
      cancel();
    },
  };
}

/** One tracker's up and down; delays hold a change back until it has lasted. */
class Quorum {
  readonly #tracker: ProcessTracker;
  #up: boolean | undefined;
  #since: Millis | undefined;

  constructor(tracker: ProcessTracker) {
    this.#tracker = tracker;
  }

  /** @returns the new status where this count makes it change */
  counted(count: number, now: Millis): boolean | undefined {
    const { quorum, quorumMax, riseDelay, fallDelay } = this.#tracker;
    const within = count >= quorum && count <= quorumMax;
    if (within === this.#up) {
      this.#since = undefined;
      return undefined;
    }
    this.#since ??= now;
    const delay = this.#up === undefined ? 0 : within ? riseDelay : fallDelay;
    if (now - this.#since < delay) return undefined;
    this.#since = undefined;
    this.#up = within;
    return within;
  }
}

/** Processes at once: node's four threads are busy with them, and nothing else of ours waits long. */
const BATCH = 16;

export async function countProcesses(patterns: readonly ProcessPattern[]): Promise<readonly number[]> {
  const counts = patterns.map(() => 0);
  const names = patterns.some(byName);
  const lines = !patterns.every(byName);
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const one = async (pid: string): Promise<void> => {
    const comm = names ? await readProcess(`/proc/${pid}/comm`) : undefined;
    const cmdline = lines ? await readProcess(`/proc/${pid}/cmdline`) : undefined;
    for (const [index, pattern] of patterns.entries()) {
      const found = byName(pattern)
        ? comm && matchesName(pattern, comm)
        : cmdline && matchesCommandLine(pattern, cmdline);
      if (found) counts[index] = counts[index]! + 1;
    }
  };
  for (let at = 0; at < pids.length; at += BATCH) await Promise.all(pids.slice(at, at + BATCH).map(one));
  return counts;
}

/** Undefined: it has ended meanwhile, or hides from us. A zombie's command line is empty, and its name is still there. */
async function readProcess(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM') return undefined;
    throw error;
  }
}
