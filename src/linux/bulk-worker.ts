/**
 * The thread that carries out many changes: a batch can wait for seconds on the kernel's lock, and adverts must not
 * wait with it. It only sends what the main thread has written.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { allowProcessors } from './ffi.ts';
import { type Batch, NetlinkClient, type Refusal } from './netlink-client.ts';

export interface WorkerTask {
  /** Where it is to run; undefined: anywhere. */
  readonly processor: number | undefined;
}

/** First from the worker: it is ready, and its socket's number. */
export interface Ready {
  readonly port: number;
}

/** Answers come in the order of the batches. */
export type Answer = { readonly refused: readonly (readonly Refusal[])[] } | { readonly error: string };

assert(parentPort, 'this file runs as a worker');
const port = parentPort;
const { processor } = workerData as WorkerTask;
if (processor !== undefined) allowProcessors([processor]);
const client = new NetlinkClient();
port.postMessage({ port: client.port } satisfies Ready);
port.on('message', (batches: readonly Batch[]) => port.postMessage(answer(batches)));

function answer(batches: readonly Batch[]): Answer {
  try {
    return { refused: batches.map((batch) => client.send(batch)) };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}
