/** A clock that a test moves on: what is due is called in the order of its time. */
import { type Millis, ms } from '../../src/base/units.ts';
import type { Timers } from '../../src/daemon/timers.ts';

export class FakeTimers implements Timers {
  #now = 0;
  #due: { readonly at: number; readonly call: () => void }[] = [];

  now(): Millis {
    return ms(this.#now);
  }

  /** Something is due, sooner or later. */
  get isWaiting(): boolean {
    return this.#due.length > 0;
  }

  after(wait: Millis, call: () => void): () => void {
    const one = { at: this.#now + wait, call };
    this.#due.push(one);
    return () => {
      this.#due = this.#due.filter((other) => other !== one);
    };
  }

  /** Moves on; between two calls everything that was promised meanwhile happens. */
  async pass(wait: number): Promise<void> {
    const until = this.#now + wait;
    await settled();
    for (;;) {
      const next = this.#due.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#due = this.#due.filter((other) => other !== next);
      this.#now = Math.max(this.#now, next.at);
      next.call();
      await settled();
    }
    this.#now = until;
  }
}

/** Every promise that can be kept without the world's help has been. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
