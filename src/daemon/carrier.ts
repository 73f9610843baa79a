/**
 * Carries the estate's work out: slice after slice, the most urgent lane first, until nothing is left to do. Only one
 * slice is under way at any time, and between two of them everything else has its turn.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Address } from '../linux/address.ts';
import type { Failure, Kernel } from '../linux/kernel.ts';
import type { Link } from '../linux/link.ts';
import type { Backlog } from './backlog.ts';
import { decideEarly } from './early.ts';
import { addressIn, answers, type Entry, type Lane } from './lanes.ts';
import type { Owner } from './owner.ts';
import { type Ground, type Work, worksFor } from './works.ts';

/** 32 addresses or 1,024 routes: 10 ms for a kernel that has 10,000 addresses on the device. So long a cut may wait. */
const SLICE_COST = 1_024;
/**
 * What the main thread does itself: 32 addresses, or 1,024 routes or rules, two milliseconds where there are few others.
 * A small router never starts the worker and its 10 MB.
 */
export const INLINE_COST = 1_024;

export interface CarrierOptions {
  readonly kernel: Pick<Kernel, 'setting' | 'change' | 'sharedRoutes'>;
  readonly backlog: Backlog;
  readonly ground: Ground;
  readonly link: (dev: string) => Link | undefined;
  /** Addresses that answer from now on, and did not before. */
  readonly answering: (owner: Owner, addresses: readonly Address[]) => void;
}

export class Carrier {
  /** How many slices there have been: what was changed after a look at the kernel had begun is not judged by it. */
  slices = 0;
  readonly #options: CarrierOptions;
  #running: Promise<void> | undefined;
  /** Addresses came, so that routes which were refused before may be accepted. */
  #retry = false;

  constructor(options: CarrierOptions) {
    this.#options = options;
  }

  /** To be called when there may be something to do. */
  wake(): void {
    this.#running ??= this.#run();
  }

  /** When nothing is left to do. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    // Whatever else is wished in the same breath belongs to it.
    await Promise.resolve();
    for (;;) {
      this.#decide();
      const next = this.#options.backlog.next(SLICE_COST);
      if (await this.#lookedAround(next)) continue;
      if (next.length > 0) await this.#carryOut(next);
      else if (!this.#tryAgain()) break;
    }
    this.#running = undefined;
  }

  #decide(): void {
    const { kernel, link, backlog } = this.#options;
    const undecided = backlog.in('undecided');
    if (undecided.size === 0) return;
    const underWay = (dev: string, wanted: boolean): number => {
      const lanes: readonly Lane[] = wanted ? ['answer', 'behind'] : ['silence', 'empty'];
      return lanes.reduce((sum, lane) => sum + countOn(backlog.in(lane), dev), 0);
    };
    for (const entry of decideEarly(undecided, { kernel, link, underWay })) backlog.place(entry);
  }

  async #carryOut(next: ReturnType<Backlog['next']>): Promise<void> {
    this.slices += 1;
    const answered = new Set(next.flatMap(({ entry }) => (answers(entry) ? [entry] : [])));
    const works = next.flatMap(({ entry, lane }) => worksFor(entry, lane, this.#options.ground));
    for (const { entry } of next) entry.underWay = true;
    const failures = await this.#ask(works);
    for (const [i, { done }] of works.entries()) done?.(failures.get(i));
    for (const { entry } of next) {
      entry.underWay = false;
      entry.touched = this.slices;
      this.#options.backlog.place(entry);
    }
    this.#tell(next.flatMap(({ entry }) => (answers(entry) && !answered.has(entry) ? [entry] : [])));
    await nextTurn();
  }

  /**
   * Replacing an IPv6 route is the one change that could hit somebody else's: before the first one it is asked.
   * @returns whether it had to be, and wishes may be others by now
   */
  async #lookedAround(next: ReturnType<Backlog['next']>): Promise<boolean> {
    const unsure = next.flatMap(({ entry, lane }) => {
      const change = entry.stands?.add;
      const isRoute = lane === 'swap' && change?.kind === 'route' && change.route.destination.family === 6;
      return isRoute && entry.shared === undefined ? [{ entry, route: change.route }] : [];
    });
    if (unsure.length === 0) return false;
    const routes = unsure.map(({ route }) => route);
    // Where it cannot be known the careful way is taken.
    const shared = await this.#options.kernel.sharedRoutes(routes).catch(() => new Set(routes));
    for (const { entry, route } of unsure) entry.shared = shared.has(route);
    return true;
  }

  async #ask(works: readonly Work[]): Promise<ReadonlyMap<number, Failure>> {
    const changes = works.map(({ change }) => change);
    try {
      const failures = await this.#options.kernel.change(changes, { bulk: this.#options.backlog.cost > INLINE_COST });
      return new Map(failures.map((failure) => [failure.index, failure]));
    } catch (error) {
      const { message } = error as Error;
      return new Map(changes.map((_, index) => [index, { index, errno: 0, code: 'EIO', message }]));
    }
  }

  #tell(entries: readonly Entry[]): void {
    const byOwner = new Map<Owner, Address[]>();
    for (const entry of entries) {
      const address = addressIn(entry);
      if (!address || !entry.wanted) continue;
      this.#retry = true;
      const addresses = byOwner.get(entry.owner);
      if (addresses) addresses.push(address);
      else byOwner.set(entry.owner, [address]);
    }
    for (const [owner, addresses] of byOwner) this.#options.answering(owner, addresses);
  }

  /** Routes wait for the addresses that lead to their next hops. */
  #tryAgain(): boolean {
    if (!this.#retry) return false;
    this.#retry = false;
    for (const entry of this.#options.backlog.entries()) {
      if (!entry.refused || entry.wanted?.add.kind !== 'route') continue;
      entry.refused = false;
      this.#options.backlog.place(entry);
    }
    return this.#options.backlog.cost > 0;
  }
}

function countOn(entries: Iterable<Entry>, dev: string): number {
  let count = 0;
  for (const entry of entries) if (addressIn(entry)?.dev === dev) count += 1;
  return count;
}
