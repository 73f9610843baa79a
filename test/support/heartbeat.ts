/**
 * A thread that wants to wake every 10 ms, and by how much it was late: where that is much the machine stood still, and
 * what was measured meanwhile is not what the daemons do.
 */
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

/** Less is the scheduler's everyday. */
export const LATE_MS_MIN = 20;
/** More in one measurement say no more than the last of them. */
export const LATENESSES_MAX = 256;

export class Heartbeat implements AsyncDisposable {
  readonly #written = new Int32Array(new SharedArrayBuffer(4 * (1 + LATENESSES_MAX)));
  readonly #worker = new Worker(join(import.meta.dirname, 'heartbeat-thread.ts'), { workerData: this.#written.buffer });

  constructor() {
    // It keeps no program running.
    this.#worker.unref();
  }

  /** This moment, to be given to `latestMs`. */
  mark(): number {
    return Atomics.load(this.#written, 0);
  }

  /** By how many milliseconds it was late at most since the mark; 0 where that is below 20. */
  latestMs(mark: number): number {
    let latest = 0;
    for (let i = Math.max(mark, this.mark() - LATENESSES_MAX); i < this.mark(); i += 1) {
      latest = Math.max(latest, Atomics.load(this.#written, 1 + (i % LATENESSES_MAX)));
    }
    return latest;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}
