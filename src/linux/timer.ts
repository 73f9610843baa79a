/** Timers that neither drift nor wait for Node's own: timerfd, armed absolutely. timerfd_create(2). */
import { type Millis, ms } from '../base/units.ts';
import { armTimer, openTimer, takeExpiration, watchReadable } from './ffi.ts';
import type { Timer } from './kernel.ts';

/** CLOCK_MONOTONIC. */
export const monotonicNow = (): Millis => ms(Number(process.hrtime.bigint()) / 1e6);

export function openDeadline(due: () => void): Timer {
  const fd = openTimer();
  let armed = 0;
  let closed = false;
  const watch = watchReadable(fd, () => {
    if (!takeExpiration(fd)) return;
    const expired = armed;
    // Armed anew, or closed, between the callback and its turn: that expiry counts no more.
    setImmediate(() => {
      if (armed === expired) due();
    });
  });
  return {
    arm(at) {
      // Its descriptor may be somebody else's by now.
      if (closed) return;
      armed += 1;
      // 0 would disarm it; what lies in the past expires at once.
      armTimer(fd, Number.isFinite(at) ? BigInt(Math.max(1, Math.round(at * 1e6))) : 0n);
    },
    close() {
      armed += 1;
      closed = true;
      watch.close();
    },
  };
}
