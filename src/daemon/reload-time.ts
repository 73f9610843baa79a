/**
 * reload_time_file: a reload at the time that a file names, so that both routers of a pair do it at once.
 * keepalived.conf(5). The file is looked at once a second, and so is the clock: whoever sets it moves the reload too.
 */
import { rm } from 'node:fs/promises';
import { type Millis, ms } from '../base/units.ts';
import type { GlobalDefs } from '../keepalived/model.ts';
import { readStart } from './file-start.ts';
import type { Log } from './log.ts';
import type { Timers } from './timers.ts';

export interface ReloadTimeSeams {
  readonly timers: Timers;
  /** The wall clock, milliseconds since 1970. */
  readonly clock: () => number;
  readonly log: Log;
  readonly reload: () => void;
}

const LOOK: Millis = ms(1_000);

export class ReloadTime {
  readonly #seams: ReloadTimeSeams;
  #path: string | undefined;
  #repeat = false;
  /** What was read last; undefined: no file. */
  #text: string | undefined;
  #at: number | undefined;
  #cancel = (): void => {};
  /** Counts configurations: what was begun for one before counts no more. */
  #turn = 0;

  constructor(seams: ReloadTimeSeams) {
    this.#seams = seams;
  }

  /** At the start and after each reload. */
  configure({ reload_time_file: path, reload_repeat: repeat }: GlobalDefs): void {
    this.#repeat = repeat === true;
    if (path === this.#path) return;
    this.close();
    this.#path = path;
    if (path !== undefined) void this.#look(path, this.#turn);
  }

  close(): void {
    this.#cancel();
    this.#turn += 1;
    this.#path = undefined;
    this.#text = undefined;
    this.#at = undefined;
  }

  async #look(path: string, turn: number): Promise<void> {
    const text = await firstLine(path);
    if (turn !== this.#turn) return;
    if (text !== this.#text) this.#read(text);
    const { timers, clock, log, reload } = this.#seams;
    if (this.#at !== undefined && clock() >= this.#at) {
      this.#at = undefined;
      // Read again it would name tomorrow, or the past.
      if (this.#repeat) this.#read(text);
      else {
        await rm(path, { force: true }).catch((error: Error) => log('warning', `reload_time_file: ${error.message}`));
      }
      reload();
    }
    if (turn !== this.#turn) return;
    const left = this.#at === undefined ? LOOK : Math.max(1, this.#at - clock());
    this.#cancel = timers.after(ms(Math.min(LOOK, left)), () => void this.#look(path, turn));
  }

  #read(text: string | undefined): void {
    const { clock, log } = this.#seams;
    const before = this.#at;
    this.#text = text;
    this.#at = undefined;
    if (text === undefined) {
      if (before !== undefined) log('info', `Cancelling reload scheduled for ${shown(before)}`);
      return;
    }
    const at = reloadTime(text, clock());
    if (typeof at === 'string') {
      log('warning', `Reload time ${text} is ${at} - ignoring`);
      return;
    }
    this.#at = at;
    log('info', `Reload scheduled for ${shown(at)}`);
  }
}

/** Bytes: more than the longest form has. */
const TEXT_MAX = 64;

const firstLine = async (path: string): Promise<string | undefined> =>
  (await readStart(path, TEXT_MAX))?.split('\n')[0];

const FORM = /^(?:(\d{4}|\d{2})-(\d{2})-(\d{2}) )?(\d{2}):(\d{2}):(\d{2})(Z?)$/;

/**
 * `HH:MM:SS`, the next one; `YY-MM-DD HH:MM:SS`, `YYYY-MM-DD HH:MM:SS`; each in UTC with a Z behind it, else local.
 * @param now milliseconds since 1970, as the result
 */
export function reloadTime(text: string, now: number): number | 'not valid' | 'in the past' {
  const match = FORM.exec(text);
  if (!match) return 'not valid';
  const [, year, month, day, ...rest] = match;
  const [hour = 0, minute = 0, second = 0] = rest.slice(0, 3).map(Number);
  const make = (y: number, m: number, d: number): Date =>
    rest[3] === 'Z' ? new Date(Date.UTC(y, m, d, hour, minute, second)) : new Date(y, m, d, hour, minute, second);
  if (hour > 23 || minute > 59 || second > 59) return 'not valid';
  if (year === undefined) {
    const today = new Date(now);
    const utc = rest[3] === 'Z';
    const [y, m, d] = utc
      ? [today.getUTCFullYear(), today.getUTCMonth(), today.getUTCDate()]
      : [today.getFullYear(), today.getMonth(), today.getDate()];
    const soon = make(y, m, d).getTime();
    return soon > now ? soon : make(y, m, d + 1).getTime();
  }
  const [m, d] = [Number(month) - 1, Number(day)];
  const y = Number(year) + (year.length === 2 ? 2000 : 0);
  if (m < 0 || m > 11 || d < 1 || d > new Date(Date.UTC(y, m + 1, 0)).getUTCDate()) return 'not valid';
  const at = make(y, m, d).getTime();
  return at > now ? at : 'in the past';
}

const shown = (at: number): string => new Date(at).toISOString();
