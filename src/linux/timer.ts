/** Timers that neither drift nor wait for Node's own: timerfd, armed absolutely. timerfd_create(2). */
import { type Millis, ms } from '../base/units.ts';
import { armTimer, openTimer, takeExpiration, watchReadable } from './ffi.ts';
import type { Timer } from './kernel.ts';

/** CLOCK_MONOTONIC. */
export const monotonicNow = (): Millis => ms(Number(process.hrtime.bigint()) / 1e6);

/** `due` is called as soon as the loop looks: what waits for its turn, as packets do that were read before, comes later. */
export function openDeadline(due: () => void): Timer {
  const fd = openTimer();
  let closed = false;
  const watch = watchReadable(fd, () => {
    // Armed anew since it expired, it has not.
    if (takeExpiration(fd)) due();
  });
  return {
    arm(at) {
      // Its descriptor may be somebody else's by now.
      if (closed) return;
      // 0 would disarm it; what lies in the past expires at once.
      armTimer(fd, Number.isFinite(at) ? BigInt(Math.max(1, Math.round(at * 1e6))) : 0n);
    },
    close() {
      closed = true;
      watch.close();
    },
  };
}
