/**
 * track_file: the number in a file. The kernel tells of changes (inotify on its folder, so that a file that is made,
 * replaced by rename or removed counts at once); what inotify cannot see, such as a folder that is not there yet, a
 * symbolic link's target or a file on the network, is seen by reading it now and then.
 */
import { constants, type FSWatcher, watch } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { type Millis, ms } from '../base/units.ts';
import { readStart } from './file-start.ts';
import type { Log } from './log.ts';
import type { Timers } from './timers.ts';
import type { Tracking } from './tracking.ts';

export interface FileTracker {
  readonly name: string;
  readonly path: string;
  /** init_file; to be left out after a reload: it counts at the daemon's start only. */
  readonly init?: { readonly value: number; readonly overwrite: boolean };
}

export interface TrackFileSeams {
  readonly timers: Timers;
  readonly log: Log;
  /** The number at the start, and whenever it has changed. */
  report(value: number): void;
}

/** A net under inotify: one small read. */
const POLL: Millis = ms(2_000);

export function trackFile(tracker: FileTracker, seams: TrackFileSeams): Tracking {
  const { log, timers } = seams;
  let closed = false;
  let value: number | undefined;
  let reading = false;
  let again = false;
  let watcher: FSWatcher | undefined;
  let invalid: string | undefined;

  /** One read at a time; what changes meanwhile is read once more. */
  const read = async (): Promise<void> => {
    again = reading;
    if (reading) return;
    reading = true;
    // What cannot be read counts as an empty file, that is 0.
    const text = (await readStart(tracker.path, BYTES_MAX)) ?? '';
    reading = false;
    if (closed) return;
    take(text);
    if (again) await read();
  };

  const take = (text: string): void => {
    const found = trackedNumber(text);
    if (found === undefined && text !== invalid) {
      log('warning', `Invalid number ${text.trim()} read from ${tracker.path} - ignoring`);
    }
    invalid = found === undefined ? text : undefined;
    // A number out of range leaves what there was; at the start that is nothing, which counts as 0.
    const next = found ?? value ?? 0;
    if (next === value) return;
    value = next;
    seams.report(next);
  };

  const arm = (): void => {
    if (watcher || closed) return;
    try {
      watcher = watch(dirname(tracker.path), (_event, file) => {
        if (file === null || file === basename(tracker.path)) void read();
      });
      watcher.on('error', disarm);
    } catch {
      // No such folder: the poll tries again.
    }
  };
  const disarm = (): void => {
    watcher?.close();
    watcher = undefined;
  };

  let cancel = (): void => {};
  const poll = async (): Promise<void> => {
    // Anew each time: a folder that was removed and made again has another inode, of which inotify says nothing.
    disarm();
    arm();
    cancel = timers.after(POLL, () => void poll());
    await read();
  };
  return {
    known: initialise(tracker, log).then(() => (closed ? undefined : poll())),
    end() {
      closed = true;
      cancel();
      disarm();
    },
  };
}

async function initialise({ path, init }: FileTracker, log: Log): Promise<void> {
  if (!init) return;
  const { O_WRONLY, O_CREAT, O_NONBLOCK, O_TRUNC, O_EXCL } = constants;
  // Whoever opens a pipe waits for its reader otherwise.
  const flag = O_WRONLY | O_CREAT | O_NONBLOCK | (init.overwrite ? O_TRUNC : O_EXCL);
  try {
    await writeFile(path, `${init.value}\n`, { flag });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
    log('warning', `track_file ${path} cannot be initialised: ${(error as Error).message}`);
  }
}

/** Far more than a number has digits. */
const BYTES_MAX = 128;

const INT_MAX = 2_147_483_647;

/**
 * The number at the start of a text, as strtol reads it: blanks, a sign, 0x for base 16, 0 for base 8; what follows is
 * ignored, and a text without a number is 0. Seen with keepalived 2.2.7.
 * @returns undefined for a number that no C int holds
 */
export function trackedNumber(text: string): number | undefined {
  const match = /^[ \t\n\v\f\r]*([+-]?)(?:0[xX]([0-9a-fA-F]+)|(0[0-7]*)|([1-9][0-9]*))/.exec(text);
  if (!match) return 0;
  const [, sign, hex, octal, decimal] = match;
  const size = hex ? Number.parseInt(hex, 16) : octal ? Number.parseInt(octal, 8) : Number(decimal);
  if (size > INT_MAX) return undefined;
  return sign === '-' && size > 0 ? -size : size;
}
