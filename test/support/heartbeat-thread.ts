/** The thread of heartbeat.ts: wants to wake every 10 ms, and writes down by how much it was late. */
import { workerData } from 'node:worker_threads';
import { LATE_MS_MIN, LATENESSES_MAX } from './heartbeat.ts';

const PERIOD_MS = 10;
/** How many times it was late so far, then a ring of by how many milliseconds. */
const written = new Int32Array(workerData as SharedArrayBuffer);

let due = performance.now() + PERIOD_MS;
function beat(): void {
  const now = performance.now();
  if (now - due >= LATE_MS_MIN) {
    const count = Atomics.load(written, 0);
    Atomics.store(written, 1 + (count % LATENESSES_MAX), Math.ceil(now - due));
    Atomics.store(written, 0, count + 1);
  }
  due = Math.max(due + PERIOD_MS, now);
  setTimeout(beat, due - now);
}
setTimeout(beat, PERIOD_MS);
