/**
 * Runs the file's scripts as keepalived does: no shell, the script's own user and group, our environment, standard
 * streams to /dev/null (so there is no output to bound), and a process group of its own, so that a script that is
 * ended takes its children along. A script that ends by itself may leave something running: notify scripts do.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { deferred } from '../base/deferred.ts';
import { type Millis, ms } from '../base/units.ts';
import { endsWithin } from './timers.ts';

export interface Program {
  readonly argv: readonly string[];
  readonly uid: number;
  readonly gid: number;
  /** The mask that it creates files with; absent: ours. */
  readonly umask?: number;
}

export type Ending =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'killed'; readonly signal: string }
  | { readonly kind: 'timed-out' }
  /** It could not be started. */
  | { readonly kind: 'failed'; readonly error: Error }
  /** The pool was closed before its turn came. */
  | { readonly kind: 'cancelled' };

export interface Run {
  /** How it ended; at its timeout already, and not only when it is gone. */
  readonly ended: Promise<Ending>;
  /** When its process is no more. */
  readonly gone: Promise<void>;
  /** SIGTERM to it and its children, and SIGKILL a little later; before it has begun: it never begins. */
  stop(): void;
}

export interface ScriptRunner {
  /** @param timeout undefined: it may take as long as it wants */
  run(program: Program, timeout?: Millis): Run;
}

/** keepalived's grace between SIGTERM and SIGKILL. */
const GRACE: Millis = ms(2_000);

/** At most so many scripts at once; the others wait. A caller has one run at a time, so what waits is bounded too. */
export class ScriptPool implements ScriptRunner {
  readonly #max: number;
  readonly #waiting: Waiting[] = [];
  readonly #running = new Set<Run>();
  #closed = false;

  constructor(max: number) {
    this.#max = max;
  }

  run(program: Program, timeout?: Millis): Run {
    const ended = deferred<Ending>();
    const gone = deferred<void>();
    const waiting: Waiting = {
      begin: () => {
        const run = start(program, timeout);
        this.#running.add(run);
        void run.ended.then(ended.resolve);
        void run.gone.then(() => {
          this.#running.delete(run);
          gone.resolve();
          this.#next();
        });
        return run;
      },
      cancel: () => {
        ended.resolve({ kind: 'cancelled' });
        gone.resolve();
      },
      begun: undefined,
    };
    this.#waiting.push(waiting);
    this.#next();
    return { ended: ended.promise, gone: gone.promise, stop: () => this.#stop(waiting) };
  }

  /**
   * Ends what runs; what waits, and what comes later, is cancelled. Resolves when all is gone, or cannot be killed (it
   * may stand in the kernel, on a disk that does not answer).
   */
  async close(): Promise<void> {
    this.#closed = true;
    for (const run of this.#running) run.stop();
    this.#next();
    await endsWithin(Promise.all([...this.#running].map(({ gone }) => gone)), ms(2 * GRACE));
  }

  #stop(waiting: Waiting): void {
    if (waiting.begun) waiting.begun.stop();
    const index = this.#waiting.indexOf(waiting);
    if (index === -1) return;
    this.#waiting.splice(index, 1);
    waiting.cancel();
  }

  #next(): void {
    while (this.#waiting.length > 0 && (this.#closed || this.#running.size < this.#max)) {
      const waiting = this.#waiting.shift()!;
      if (this.#closed) waiting.cancel();
      else waiting.begun = waiting.begin();
    }
  }
}

interface Waiting {
  readonly begin: () => Run;
  readonly cancel: () => void;
  begun: Run | undefined;
}

function start(program: Program, timeout: Millis | undefined): Run {
  const ended = deferred<Ending>();
  const gone = deferred<void>();
  const child = spawnGroup(program);
  if (child instanceof Error) {
    return { ended: Promise.resolve({ kind: 'failed', error: child }), gone: Promise.resolve(), stop: () => {} };
  }
  let killing: NodeJS.Timeout | undefined;
  const stop = (): void => {
    if (killing) return;
    signal(child, 'SIGTERM');
    killing = setTimeout(() => signal(child, 'SIGKILL'), GRACE);
  };
  const late = timeout === undefined ? undefined : setTimeout(expire, timeout);
  function expire(): void {
    ended.resolve({ kind: 'timed-out' });
    stop();
  }
  child.once('error', (error) => {
    // Only before it runs: a signal that cannot be sent is no error here.
    if (child.pid !== undefined) return;
    clearTimeout(late);
    ended.resolve({ kind: 'failed', error });
    gone.resolve();
  });
  child.once('exit', (code, killed) => {
    clearTimeout(late);
    clearTimeout(killing);
    // Its children do not outlive a script that was ended.
    if (killing) signal(child, 'SIGKILL');
    ended.resolve(code === null ? { kind: 'killed', signal: killed ?? '' } : { kind: 'exited', code });
    gone.resolve();
  });
  return { ended: ended.promise, gone: gone.promise, stop };
}

/** It throws at words that no process can have, a NUL in them. */
function spawnGroup({ argv: [file = '', ...rest], uid, gid, umask }: Program): ChildProcess | Error {
  // A child gets ours: it is made before this returns, and nothing of ours comes in between.
  const before = process.umask(umask ?? process.umask());
  try {
    return spawn(file, rest, { detached: true, stdio: 'ignore', ...identity(uid, gid) });
  } catch (error) {
    return error as Error;
  } finally {
    process.umask(before);
  }
}

/** Our own identity is kept as it is, supplementary groups and all; for another one the kernel wants root. */
const identity = (uid: number, gid: number): { uid?: number; gid?: number } =>
  uid === process.getuid?.() && gid === process.getgid?.() ? {} : { uid, gid };

function signal(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, name);
  } catch {
    // Nobody of the group is left.
  }
}
