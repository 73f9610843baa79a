/** The entries of the estate, and those of them that have something to be done, by lane. */
import { type Deferred, deferred } from '../base/deferred.ts';
import { type Entry, LANES, type Lane, laneOf, newEntry } from './lanes.ts';
import type { Owner } from './owner.ts';
import type { Thing } from './things.ts';

/** What an entry of a lane costs the kernel: an address much, and more the more its device has. */
const ADDRESS_COST = 32;
const ADDRESS_LANES: ReadonlySet<Lane> = new Set([
  ...(['release-address', 'add-address', 'swap', 'remove-address', 'empty', 'behind'] as const),
]);

const GOING: ReadonlySet<Lane> = new Set(['remove-address', 'empty']);

/** What putting all of these in place costs. */
export const costOf = (things: Iterable<Thing>): number => {
  let cost = 0;
  for (const { add } of things) cost += add.kind === 'address' ? ADDRESS_COST : 1;
  return cost;
};

const costIn = (lane: Lane): number => (ADDRESS_LANES.has(lane) ? ADDRESS_COST : 1);

export class Backlog {
  readonly #entries = new Map<string, Entry>();
  readonly #lanes = new Map<Lane, Set<Entry>>(LANES.map((lane) => [lane, new Set()]));
  readonly #counts = new Map<Owner, number>();
  readonly #waiting = new Map<Owner, Deferred<void>[]>();

  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  /** The entry under a key, made where there is none. */
  at(key: string): Entry {
    const known = this.#entries.get(key);
    if (known) return known;
    const entry = newEntry(key);
    this.#entries.set(key, entry);
    return entry;
  }

  entries(): IterableIterator<Entry> {
    return this.#entries.values();
  }

  in(lane: Lane): ReadonlySet<Entry> {
    return this.#lanes.get(lane)!;
  }

  /** To be called whenever an entry has changed; what is at rest and neither wanted nor there is forgotten. */
  place(entry: Entry): void {
    const lane = laneOf(entry);
    if (lane === undefined) {
      entry.early = undefined;
      if (!entry.wanted && !entry.stands && !entry.held && !entry.underWay) this.#entries.delete(entry.key);
    }
    if (lane === entry.lane) return;
    if (entry.lane) this.#lanes.get(entry.lane)!.delete(entry);
    if (lane) this.#lanes.get(lane)!.add(entry);
    const counted = Number(lane !== undefined) - Number(entry.lane !== undefined);
    entry.lane = lane;
    if (counted !== 0) this.#count(entry.owner, counted);
  }

  /** Who wants it may change while it waits. */
  give(entry: Entry, owner: Owner): void {
    if (entry.owner === owner) return;
    if (entry.lane) {
      this.#count(entry.owner, -1);
      this.#count(owner, 1);
    }
    entry.owner = owner;
  }

  /** When nothing of this owner's waits any more, or is wanted otherwise. */
  settled(owner: Owner): Promise<void> {
    if (!this.#counts.has(owner)) return Promise.resolve();
    const waiting = deferred<void>();
    this.#waiting.set(owner, [...(this.#waiting.get(owner) ?? []), waiting]);
    return waiting.promise;
  }

  /** Whoever waits for this owner waits for what is not wanted any more. */
  release(owner: Owner): void {
    for (const { resolve } of this.#waiting.get(owner) ?? []) resolve();
    this.#waiting.delete(owner);
  }

  /**
   * The most urgent work, up to `costMax`; a route costs 1, an address `ADDRESS_COST`. Addresses that go begin
   * a new slice: which routes go along with them depends on what the routes have become before.
   */
  next(costMax: number): readonly { readonly entry: Entry; readonly lane: Lane }[] {
    const found: { readonly entry: Entry; readonly lane: Lane }[] = [];
    let cost = 0;
    for (const [lane, entries] of this.#lanes) {
      if (GOING.has(lane) && entries.size > 0 && cost > 0) return found;
      for (const entry of entries) {
        if (cost >= costMax) return found;
        cost += costIn(lane);
        found.push({ entry, lane });
      }
    }
    return found;
  }

  /** Of all that waits. */
  get cost(): number {
    let cost = 0;
    for (const [lane, { size }] of this.#lanes) cost += size * costIn(lane);
    return cost;
  }

  #count(owner: Owner, by: number): void {
    const count = (this.#counts.get(owner) ?? 0) + by;
    if (count > 0) this.#counts.set(owner, count);
    else {
      this.#counts.delete(owner);
      this.release(owner);
    }
  }
}
