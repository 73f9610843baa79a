/** The worker seen from the main thread: batches in, refusals out. Started by whoever first has much to do. */
import { getAsset, isSea } from 'node:sea';
import { Worker } from 'node:worker_threads';
import { type Deferred, deferred } from '../base/deferred.ts';
import { keepOff, workerProcessor } from './apart.ts';
import type { Answer, Ready, WorkerTask } from './bulk-worker.ts';
import type { Batch, Refusal } from './netlink-client.ts';

/** What was refused, batch by batch. */
export type Refusals = readonly (readonly Refusal[])[];

export class BulkSender {
  readonly #processor = workerProcessor();
  readonly #worker = startWorker(this.#processor);
  readonly #waiting: Deferred<Refusals>[] = [];
  readonly #ready = deferred<number>();
  #failed: Error | undefined;
  #comeBack: (() => void) | undefined;

  constructor() {
    // It is no reason to go on living.
    this.#worker.unref();
    this.#ready.promise.catch(() => {});
    this.#worker.once('message', ({ port }: Ready) => {
      this.#worker.on('message', (answer: Answer) => this.#settle(answer));
      this.#ready.resolve(port);
    });
    this.#worker.on('error', (cause) => this.#fail(new Error('the netlink worker failed', { cause })));
    this.#worker.on('exit', () => this.#fail(new Error('the netlink worker has ended')));
  }

  /** Its socket's number, once it is up. */
  get port(): Promise<number> {
    return this.#ready.promise;
  }

  /** Batches are carried out in the order of the calls; several calls may be under way. @returns refusals by batch */
  send(batches: readonly Batch[]): Promise<Refusals> {
    if (this.#failed) return Promise.reject(this.#failed);
    const waiting = deferred<Refusals>();
    if (this.#waiting.length === 0 && this.#processor !== undefined) this.#comeBack ??= keepOff(this.#processor);
    this.#waiting.push(waiting);
    this.#worker.postMessage(
      batches,
      batches.map(({ bytes }) => bytes.buffer as ArrayBuffer),
    );
    return waiting.promise;
  }

  /** Whether it can carry nothing out any more. */
  get failed(): boolean {
    return this.#failed !== undefined;
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #settle(answer: Answer): void {
    const waiting = this.#waiting.shift();
    if (this.#waiting.length === 0) this.#rest();
    if ('error' in answer) waiting?.reject(new Error(answer.error));
    else waiting?.resolve(answer.refused);
  }

  #rest(): void {
    this.#comeBack?.();
    this.#comeBack = undefined;
  }

  #fail(error: Error): void {
    this.#failed ??= error;
    this.#rest();
    this.#ready.reject(error);
    for (const waiting of this.#waiting.splice(0)) waiting.reject(error);
  }
}

/** The one executable carries the worker's source. */
function startWorker(processor: number | undefined): Worker {
  const workerData = { processor } satisfies WorkerTask;
  if (isSea()) return new Worker(getAsset('bulk-worker.js', 'utf8'), { eval: true, workerData });
  return new Worker(new URL('./bulk-worker.ts', import.meta.url), { workerData });
}
