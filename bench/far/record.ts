import type { Tally } from './orders.ts';

/** What came of each address, and when. */
export class Record {
  readonly #firsts: Float64Array;
  #addresses = 0;
  #frames = 0;
  #first = Number.NaN;
  #allBy = Number.NaN;
  #last = Number.NaN;

  constructor(size: number) {
    this.#firsts = new Float64Array(size);
  }

  /** @param index undefined: an address that nobody asks for */
  note(index: number | undefined, at: number): void {
    this.#frames += 1;
    this.#last = at;
    if (index === undefined || this.has(index)) return;
    this.#firsts[index] = at;
    if (this.#addresses === 0) this.#first = at;
    this.#addresses += 1;
    this.#allBy = at;
  }

  has(index: number): boolean {
    return this.#firsts[index] !== 0;
  }

  tally(): Tally {
    const [addresses, frames, first, allBy, last] = [
      this.#addresses,
      this.#frames,
      this.#first,
      this.#allBy,
      this.#last,
    ];
    return { addresses, frames, first, allBy, last };
  }
}
