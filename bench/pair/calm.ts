/** Measuring on a machine that may stand still: what was measured meanwhile is thrown away. */
import type { Heartbeat } from '../../test/support/heartbeat.ts';

/** Later than this by the heartbeat the machine stood still. */
const STALL_MS_MAX = 20;
/** Of one round, and of a whole benchmark: a machine that never is calm must not keep it from ending. */
const AGAIN_MAX = 2;
const AGAIN_IN_ALL_MAX = 6;

export class Calm {
  readonly #heartbeat: Heartbeat;
  #again = 0;
  #disturbed = 0;

  constructor(heartbeat: Heartbeat) {
    this.#heartbeat = heartbeat;
  }

  /** Measures until the machine was calm meanwhile, a few times at most. */
  async measure<T>(once: () => Promise<T>): Promise<T> {
    for (let again = 0; ; again += 1) {
      const mark = this.#heartbeat.mark();
      const found = await once();
      if (this.#heartbeat.latestMs(mark) <= STALL_MS_MAX) return found;
      if (again === AGAIN_MAX || this.#again === AGAIN_IN_ALL_MAX) {
        this.#disturbed += 1;
        return found;
      }
      this.#again += 1;
    }
  }

  /** For below the tables. */
  get words(): string {
    const disturbed = this.#disturbed === 0 ? '' : `, ${this.#disturbed} kept in which it stood still every time`;
    return `${this.#again} rounds thrown away in which the machine stood still for more than 20 ms${disturbed}.`;
  }
}
