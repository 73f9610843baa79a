/** What is done later, for whatever is not VRRP's own: trackers, retries. Tests hand in a clock of their own. */
import { type Millis, ms } from '../base/units.ts';

export interface Timers {
  /** Never goes back. */
  now(): Millis;
  /** Calls `due` once after so long; the function that it returns takes that back. */
  after(wait: Millis, due: () => void): () => void;
}

export const systemTimers: Timers = {
  now: () => ms(performance.now()),
  after(wait, due) {
    const timer = setTimeout(due, wait);
    return () => clearTimeout(timer);
  },
};

/** Whether it is done in time; then what it rejects with is passed on. What is late goes on, and nobody hears of it. */
export async function endsWithin(work: Promise<unknown>, limit: Millis): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), limit);
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
