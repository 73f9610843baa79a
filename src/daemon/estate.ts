/**
 * The daemon's addresses, routes and rules in the kernel: who wants what there, what stands there, and what could not
 * be put there. Wishes are noted at once; carrying them out goes on in slices behind, the most urgent lane first
 * (`lanes.ts`), and looks at the wishes again before each slice: nothing waits for what nobody wants any more.
 *
 * Whatever someone else takes away is put back, five times in ten seconds an object; then it is left alone and the
 * owner is told.
 */
import type { IpPrefix } from '../base/address.ts';
import type { Address } from '../linux/address.ts';
import type { Failure, Kernel, KernelEvent, Snapshot } from '../linux/kernel.ts';
import type { Link } from '../linux/link.ts';
import { type Route, TABLE_LOCAL } from '../linux/route.ts';
import { Backlog } from './backlog.ts';
import { Carrier } from './carrier.ts';
import { localRoute } from './holds.ts';
import { addressIn, answers, type Entry } from './lanes.ts';
import { leftovers } from './leftovers.ts';
import type { Log } from './log.ts';
import type { Owner } from './owner.ts';
import { Picture } from './picture.ts';
import { addressKey, keysOf, routeKey, ruleKey, sameThing, type Thing, type Things } from './things.ts';
import type { Ground } from './works.ts';

/** Two who both want it their way would fight for ever. */
const REPAIRS_MAX = 5;
const REPAIRS_MS = 10_000;

/** What the estate wants of the kernel. */
export type EstateKernel = Pick<Kernel, 'now' | 'setting' | 'snapshot' | 'change' | 'sharedRoutes'>;

export interface EstateOptions {
  readonly kernel: EstateKernel;
  readonly log: Log;
  readonly link: (dev: string) => Link | undefined;
  /** An object that is not put back any more. */
  readonly lost: (owner: Owner, text: string) => void;
  /** Addresses that answer from now on, and did not before. */
  readonly answering: (owner: Owner, addresses: readonly Address[]) => void;
}

export class Estate {
  readonly #options: EstateOptions;
  readonly #backlog = new Backlog();
  readonly #failed = new Map<string, { readonly owner: Owner; readonly text: string }>();
  readonly #ground: Ground;
  readonly #carrier: Carrier;
  /** Keys of routes by their preferred source. */
  readonly #routesFrom = new Map<string, Set<string>>();
  #picture = new Picture();
  /** How many there have been. */
  #reload = 0;
  #reconciling = false;

  constructor(options: EstateOptions) {
    this.#options = options;
    const { kernel, link, answering } = options;
    const estate = this;
    this.#ground = {
      get picture() {
        return estate.#picture;
      },
      subnets: new Set(),
      along: new Map(),
      promotes: (dev) => ['all', dev].some((name) => kernel.setting(`ipv4/conf/${name}/promote_secondaries`) === '1'),
      isHeld: (address) => this.#backlog.get(addressKey(address))?.held !== undefined,
      entryOf: (key) => this.#backlog.get(key),
      routesOn: (dev) => [...this.#backlog.entries()].filter((entry) => isIpv4RouteOn(entry, dev)),
      routesFrom: (source) =>
        [...(this.#routesFrom.get(source) ?? [])].flatMap((key) => standingAt(this.#backlog, key)),
      cannot: (entry, doing, failure) => this.#cannot(entry, doing, failure),
    };
    this.#carrier = new Carrier({ kernel, backlog: this.#backlog, ground: this.#ground, link, answering });
  }

  /** What could not be put into the kernel, each with the reason. */
  failed(owner: Owner): readonly string[] {
    return [...this.#failed]
      .filter(([key, one]) => one.owner === owner && this.#backlog.get(key)?.refused !== false)
      .map(([, { text }]) => text);
  }

  /** An owner's addresses that answer, in its order. */
  standing(owner: Owner): readonly Address[] {
    const found: Address[] = [];
    for (const entry of this.#backlog.entries()) {
      if (entry.owner !== owner || !entry.wanted || !answers(entry)) continue;
      const address = addressIn(entry);
      if (address) found.push(address);
    }
    return found;
  }

  /** Whether an address is wanted, and answers. */
  isStanding(address: Address): boolean {
    const entry = this.#backlog.get(addressKey(address));
    return entry?.wanted !== undefined && answers(entry);
  }

  /** When all that this owner wants, or wants no more, is done, or is wanted otherwise. */
  settled(owner: Owner): Promise<void> {
    return this.#backlog.settled(owner);
  }

  /** When nothing is left to do. */
  idle(): Promise<void> {
    return this.#carrier.idle();
  }

  /** The owner wants these from now on, with what it wants already; in the order of their importance. */
  want(owner: Owner, { things, unresolved }: Things): void {
    for (const { text, reason } of unresolved) this.#fail(owner, `unresolved ${text}`, text, reason);
    for (const thing of things) this.#wish(owner, thing);
    this.#carrier.wake();
  }

  /** The owner gives these up, at once. An address that others of its subnet hang on comes first and goes last. */
  release(owner: Owner, things: readonly Thing[]): void {
    this.#backlog.release(owner);
    this.#forget(owner);
    for (const { key } of things.toReversed()) {
      const entry = this.#backlog.get(key);
      if (entry && entry.owner === owner) this.#giveUp(entry, true);
    }
    this.#carrier.wake();
  }

  /**
   * A reload: each of these owners wants from now on what stands beside it here, in place of all that it wanted before;
   * owners that are not named keep what they have. What stays as it is is not touched, though its owner may be another
   * one now. What is new comes before what goes; what only changes is changed without a gap.
   * @returns the addresses that were not there before, by owner: they, and no others, are to be announced
   */
  async change(wishes: ReadonlyMap<Owner, Things>): Promise<ReadonlyMap<Owner, readonly Address[]>> {
    const added: Entry[] = [];
    this.#reload += 1;
    for (const [owner, { things, unresolved }] of wishes) {
      this.#forget(owner);
      for (const { text, reason } of unresolved) this.#fail(owner, `unresolved ${text}`, text, reason);
      for (const thing of things) {
        const known = this.#backlog.get(thing.key);
        // A line that has not changed is the same object: of ten thousand nothing has to be compared.
        if (known?.wanted === thing && known.owner === owner && !known.refused) {
          known.wished = this.#reload;
          continue;
        }
        const entry = this.#wish(owner, thing);
        entry.wished = this.#reload;
        if (!answers(entry)) added.push(entry);
      }
    }
    for (const entry of this.#unwished(wishes).reverse()) this.#giveUp(entry, false);
    this.#carrier.wake();
    await Promise.all([...wishes.keys()].map((owner) => this.settled(owner)));
    const came = (owner: Owner) => added.filter((entry) => entry.wanted && entry.owner === owner && answers(entry));
    return new Map([...wishes.keys()].map((owner) => [owner, came(owner).flatMap((entry) => addressIn(entry) ?? [])]));
  }

  /** What these owners wanted, and do not ask for in this reload. */
  #unwished(owners: ReadonlyMap<Owner, Things>): Entry[] {
    const found: Entry[] = [];
    for (const entry of this.#backlog.entries()) {
      if (entry.wished !== this.#reload && entry.wanted && owners.has(entry.owner)) found.push(entry);
    }
    return found;
  }

  /**
   * Takes away what an earlier life has left, as after a kill -9: it is ours by its line, or by our number. Statics
   * that stand already stay.
   */
  begin(owned: readonly Thing[], statics: Things, snapshot: Snapshot): void {
    this.#picture = new Picture(snapshot.addresses);
    const fixed = new Map(statics.things.map((thing) => [thing.key, thing]));
    const left = leftovers(snapshot);
    const known = new Set(left.map(({ key }) => key));
    const standing = new Set(snapshot.addresses.map(addressKey));
    const lines = owned.filter(({ key }) => standing.has(key) && !known.has(key));
    for (const [i, thing] of [...left, ...lines].toReversed().entries()) {
      const wanted = fixed.get(thing.key);
      if (wanted) this.#backlog.at(thing.key).stands = wanted;
      // Several may stand under one key.
      else this.#stray(`${i} ${thing.key}`, thing);
    }
    this.want(undefined, statics);
  }

  #stray(key: string, thing: Thing): void {
    const entry = this.#backlog.at(key);
    entry.stands = thing;
    entry.urgent = true;
    this.#backlog.place(entry);
  }

  #wish(owner: Owner, thing: Thing): Entry {
    const entry = this.#backlog.at(thing.key);
    this.#backlog.give(entry, owner);
    entry.wanted = thing;
    entry.urgent = false;
    entry.refused = false;
    entry.shared = undefined;
    entry.repairs = [];
    entry.differs = entry.stands !== undefined && !sameThing(entry.stands, thing);
    if (thing.add.kind === 'route' && thing.add.route.preferredSource) {
      const source = thing.add.route.preferredSource.text;
      this.#routesFrom.set(source, (this.#routesFrom.get(source) ?? new Set()).add(thing.key));
    }
    this.#backlog.place(entry);
    return entry;
  }

  #giveUp(entry: Entry, urgent: boolean): void {
    if (!entry.wanted) return;
    entry.wanted = undefined;
    entry.urgent = urgent;
    entry.early = undefined;
    this.#backlog.place(entry);
  }

  #forget(owner: Owner): void {
    for (const [key, one] of this.#failed) if (one.owner === owner) this.#failed.delete(key);
  }

  /** Follows the kernel's notices. */
  heard(event: KernelEvent): void {
    switch (event.kind) {
      case 'address':
        if (!event.own) this.#picture.add(event.address);
        break;
      case 'address-gone':
        if (!event.own) this.#addressGone(event.address);
        break;
      case 'route-gone':
        if (!event.own) this.#routeGone(event.route);
        break;
      case 'rule-gone':
        if (!event.own) this.#gone(this.#backlog.get(ruleKey(event.rule)));
        break;
      // The kernel takes IPv4 routes away with their device and says nothing of it.
      case 'link':
      case 'link-gone':
        this.#reconcileSoon();
        break;
      case 'lost':
        this.#picture = new Picture(event.snapshot.addresses);
        this.#ground.along.clear();
        this.#reconcileSoon();
        break;
      default:
    }
  }

  #addressGone(address: Address): void {
    const key = addressKey(address);
    const along = this.#ground.along.get(key) ?? 0;
    if (along > 1) this.#ground.along.set(key, along - 1);
    else this.#ground.along.delete(key);
    if (along > 0) return;
    this.#picture.delete(address);
    this.#gone(this.#backlog.get(key));
    // Routes from it, and with the last address all of the device, went without a word.
    if (this.#picture.count(address.dev) === 0 || this.#routesFrom.has(address.address.text)) this.#reconcileSoon();
  }

  #routeGone(route: Route): void {
    const { type, table, destination, dev = '' } = route;
    const standIn = type === 'local' && table === TABLE_LOCAL && destination.family === 4;
    const held = standIn ? this.#heldAt(dev, destination) : undefined;
    if (held) this.#putBack(held, () => Object.assign(held, { held: undefined }));
    else this.#gone(this.#backlog.get(routeKey(route)));
  }

  /** The entry that a local route of ours stands in for. */
  #heldAt(dev: string, { family, text }: IpPrefix): Entry | undefined {
    for (let prefix = 32; prefix >= 0; prefix -= 1) {
      const entry = this.#backlog.get(addressKey({ dev, address: { family, text, prefix } }));
      if (entry?.held) return entry;
    }
    return undefined;
  }

  #gone(entry: Entry | undefined): void {
    if (entry?.stands) this.#putBack(entry, () => Object.assign(entry, { stands: undefined, silent: false }));
  }

  /** @param note what is known of it from now on */
  #putBack(entry: Entry, note: () => void): void {
    // Our own change of it will tell; the kernel is looked at behind it.
    if (entry.underWay) {
      this.#reconcileSoon();
      return;
    }
    note();
    entry.touched = this.#carrier.slices;
    if (entry.wanted) this.#countRepair(entry, entry.wanted);
    this.#backlog.place(entry);
    this.#carrier.wake();
  }

  #countRepair(entry: Entry, { text }: Thing): void {
    const { kernel, log, lost } = this.#options;
    const now = kernel.now();
    const recent = entry.repairs.filter((at) => at > now - REPAIRS_MS);
    entry.repairs = [...recent, now];
    if (recent.length < REPAIRS_MAX) {
      log('warning', `${text} was removed by someone else: it is put back`);
      return;
    }
    log('warning', `${text} was removed by someone else again: it is not put back any more`);
    entry.wanted = undefined;
    entry.urgent = true;
    lost(entry.owner, text);
  }

  /** Once for all that happens until its turn comes. */
  #reconcileSoon(): void {
    if (this.#reconciling) return;
    this.#reconciling = true;
    setImmediate(() => {
      this.#reconciling = false;
      this.#reconcile().catch((error: Error) =>
        this.#options.log('error', `a look at the kernel failed: ${error.message}`),
      );
    });
  }

  /** What has been changed since the look began is newer than it. */
  async #reconcile(): Promise<void> {
    const since = this.#carrier.slices;
    const keys = await keysOf(await this.#options.kernel.snapshot());
    for (const entry of this.#backlog.entries()) {
      if (entry.underWay || entry.touched > since) continue;
      entry.refused = false;
      if (entry.stands && !keys.has(entry.stands.key)) {
        entry.stands = undefined;
        entry.silent = false;
      }
      if (entry.held && !keys.has(routeKey(localRoute(entry.held)))) entry.held = undefined;
      this.#backlog.place(entry);
    }
    this.#carrier.wake();
  }

  #cannot(entry: Entry, doing: 'added' | 'changed' | 'removed', { message, code }: Failure): void {
    const { text } = (entry.wanted ?? entry.stands)!;
    if (doing === 'added') this.#fail(entry.owner, entry.key, text, message ?? code);
    else this.#options.log('error', `${text} cannot be ${doing}: ${message ?? code}`);
  }

  #fail(owner: Owner, key: string, text: string, reason: string): void {
    const told = `${text}: ${reason}`;
    if (this.#failed.get(key)?.text !== told) this.#options.log('error', `${text} cannot be added: ${reason}`);
    this.#failed.set(key, { owner, text: told });
  }
}

/** What is not wanted any more may go along. */
const ipv4RouteOf = (entry: Entry): Route | undefined => {
  const change = entry.wanted && entry.stands?.add;
  return change?.kind === 'route' && change.route.destination.family === 4 ? change.route : undefined;
};

const isIpv4RouteOn = (entry: Entry, dev: string): boolean => {
  const route = ipv4RouteOf(entry);
  return route?.dev === dev || route?.hops?.some((hop) => hop.dev === dev) === true;
};

function standingAt(backlog: Backlog, key: string): readonly Entry[] {
  const entry = backlog.get(key);
  return entry?.wanted && entry.stands ? [entry] : [];
}
