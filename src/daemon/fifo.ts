/**
 * notify_fifo and vrrp_notify_fifo: a line for everything that happens, `INSTANCE "VI_0" MASTER 150`, in order. The pipe
 * is opened for reading too, so that it can be opened and keeps what is written while nobody reads; nothing here ever
 * waits for a reader. When the pipe is full, lines wait here, and the oldest are lost first: whoever reads again sees
 * how things ended.
 */
import { execFile } from 'node:child_process';
import { closeSync, constants, existsSync, fchownSync, fstatSync, openSync, rmSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { type Millis, seconds } from '../base/units.ts';
import type { Happening } from './happening.ts';
import type { Log } from './log.ts';
import type { Program, Run, ScriptRunner } from './scripts.ts';
import type { Timers } from './timers.ts';

export interface FifoOptions {
  readonly path: string;
  /** Whose the pipe is. */
  readonly owner: { readonly uid: number; readonly gid: number };
  /** Started with the pipe, which it gets as its last argument. */
  readonly script: Program | undefined;
  readonly runner: ScriptRunner;
  readonly timers: Timers;
  readonly log: Log;
}

/** The pipe itself holds 64 KiB, some 2,000 lines; as many again. */
const LINES_MAX = 2_000;
/** How long a full pipe is left alone: a reader that is back gets its lines within that. */
const RETRY: Millis = seconds(1);

export class NotifyFifo {
  readonly #options: FifoOptions;
  readonly #fd: number;
  /** Ours to remove at the end: it was not there before. */
  readonly #made: boolean;
  readonly #script: Run | undefined;
  #closed = false;
  #lines: string[] = [];
  #lost = 0;
  #cancelRetry: (() => void) | undefined;

  private constructor(options: FifoOptions, fd: number, made: boolean) {
    this.#options = options;
    this.#fd = fd;
    this.#made = made;
    const { script, runner, path } = options;
    this.#script = script && runner.run({ ...script, argv: [...script.argv, path] });
    void this.#script?.ended.then((ending) => {
      if (this.#closed) return;
      const why = ending.kind === 'failed' ? ending.error.message : 'it has ended, and nobody may read the FIFO now';
      options.log('error', `the script of ${path}: ${why}`);
    });
  }

  /** Makes the pipe where it is not there, and starts its script. Rejects where it cannot be had. */
  static async open(options: FifoOptions): Promise<NotifyFifo> {
    const { path, owner } = options;
    const made = await makeFifo(path);
    const { O_RDWR, O_NONBLOCK, O_NOFOLLOW } = constants;
    const fd = openSync(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW);
    try {
      if (!fstatSync(fd).isFIFO()) throw new Error(`${path} is no FIFO`);
      if (made && (owner.uid !== process.getuid?.() || owner.gid !== process.getgid?.())) {
        fchownSync(fd, owner.uid, owner.gid);
      }
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    return new NotifyFifo(options, fd, made);
  }

  write(happening: Happening): void {
    // Its descriptor may be somebody else's by now.
    if (this.#closed) return;
    this.#lines.push(fifoLine(happening));
    if (this.#lines.length > LINES_MAX) {
      this.#lines.shift();
      this.#lost += 1;
    }
    if (!this.#cancelRetry) this.#flush();
  }

  /** Ends its script, and removes the pipe. */
  close(): void {
    this.#closed = true;
    this.#cancelRetry?.();
    this.#script?.stop();
    closeSync(this.#fd);
    if (this.#made) rmSync(this.#options.path, { force: true });
  }

  #flush(): void {
    this.#cancelRetry = undefined;
    const { log, path, timers } = this.#options;
    while (this.#lines.length > 0) {
      const refused = tryWrite(this.#fd, this.#lines[0]!);
      if (refused !== undefined) {
        if (refused !== 'EAGAIN') log('error', `${path} cannot be written to: ${refused}`);
        this.#cancelRetry = timers.after(RETRY, () => this.#flush());
        return;
      }
      this.#lines.shift();
    }
    if (this.#lost > 0) log('warning', `${path}: nobody read it for long; ${this.#lost} lines were lost`);
    this.#lost = 0;
  }
}

/** keepalived's line; a name has neither a quote nor a line feed in it. */
export const fifoLine = ({ type, name, what, priority }: Happening): string =>
  `${type} "${name}" ${what} ${priority}\n`;

/** A line is far below PIPE_BUF (4096): it is written whole or not at all. @returns the errno's name, or undefined */
function tryWrite(fd: number, line: string): string | undefined {
  try {
    writeSync(fd, line);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

/** mkfifo(1) takes a millisecond; more is a machine in trouble. */
const MKFIFO: Millis = seconds(10);

/** @returns whether it was made; false: something is there already */
async function makeFifo(path: string): Promise<boolean> {
  try {
    await promisify(execFile)('mkfifo', ['-m', '600', '--', path], { timeout: MKFIFO });
    return true;
  } catch (error) {
    if (existsSync(path)) return false;
    throw new Error(`making the FIFO ${path}`, { cause: error });
  }
}
