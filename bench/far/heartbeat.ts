/**
 * A thread that wants to wake every 10 ms and writes down by how much it was late at most, in milliseconds, into the
 * memory it is given: above some 20 ms the machine stood still, and what was measured meanwhile is not the daemons'.
 */
import { workerData } from 'node:worker_threads';

const PERIOD_MS = 10;
const latest = new Float64Array(workerData as SharedArrayBuffer);

let due = performance.now() + PERIOD_MS;
function beat(): void {
  const now = performance.now();
  latest[0] = Math.max(latest[0]!, now - due);
  due = Math.max(due + PERIOD_MS, now);
  setTimeout(beat, due - now);
}
setTimeout(beat, PERIOD_MS);
