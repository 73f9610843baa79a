/** Long work done a little at a time, so that advertisements, packets and answers come in between. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Steps } from '../base/steps.ts';
import { monotonicNow } from '../linux/timer.ts';

/** So much later may an advertisement go out for it, at worst: a fifth of the shortest interval that v3 has. */
const SLICE_MS = 2;

export async function inSlices<T>(steps: Steps<T>): Promise<T> {
  for (;;) {
    const end = monotonicNow() + SLICE_MS;
    do {
      const { done, value } = steps.next();
      if (done) return value;
    } while (monotonicNow() < end);
    await nextTurn();
  }
}
