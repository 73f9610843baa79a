/**
 * What the kernel is asked for, for one entry in one lane, and what is known of the entry afterwards. Every answer of
 * the kernel's moves the entry on: what cannot be removed counts as gone, what cannot be added as refused.
 */
import type { Address } from '../linux/address.ts';
import type { Change, Failure } from '../linux/kernel.ts';
import type { Route } from '../linux/route.ts';
import { careFor, type Neighbourhood } from './careful.ts';
import { drop, hasSubnetRoute, kernelRoute, localRoute, put, subnetRoute } from './holds.ts';
import { addressIn, type Entry, type Lane } from './lanes.ts';
import { subnetKey } from './picture.ts';
import { addressKey, sameThing, type Thing } from './things.ts';

/** One change and what it means; without `done` its outcome means nothing. */
export interface Work {
  readonly change: Change;
  readonly done?: (failure: Failure | undefined) => void;
}

/** Where entries stand: what one of them means to the others. */
export interface Ground extends Neighbourhood {
  /** Subnets that a route of ours leads to until their first address is in. */
  readonly subnets: Set<string>;
  /** How many notices are to come, by key, of addresses that went along with a primary one and are back already. */
  readonly along: Map<string, number>;
  entryOf(key: string): Entry | undefined;
  /** Entries of IPv4 routes that stand, are wanted, and are on this device or have this source. */
  routesOn(dev: string): readonly Entry[];
  routesFrom(source: string): readonly Entry[];
  /** The kernel refused something. */
  cannot(entry: Entry, doing: 'added' | 'changed' | 'removed', failure: Failure): void;
}

export function worksFor(entry: Entry, lane: Lane, ground: Ground): readonly Work[] {
  const address = addressIn(entry);
  switch (lane) {
    case 'undecided':
      return [];
    case 'silence':
      return [...unhold(entry, ground), ...silence(entry)];
    case 'answer':
      return entry.silent ? answerAgain(entry, ground) : answer(entry, ground);
    case 'add-address':
    case 'behind':
      return [...add(entry, entry.wanted!, ground), ...dropSubnetRoute(entry, ground)];
    case 'add-route':
    case 'add-rule':
      return add(entry, entry.wanted!, ground);
    case 'unhold':
      return unhold(entry, ground);
    case 'swap':
      if (!address) return supersede(entry, ground);
      return address.address.family === 4 ? swapAddress(entry, ground) : swapAddress6(entry, ground);
    default:
      if (entry.leftover) return [removeLeftover(entry, ground), ...(entry.wanted ? [] : [remove(entry, ground)])];
      return address?.address.family === 4 ? removeAddress(entry, address, ground) : [remove(entry, ground)];
  }
}

/** What a delete says where there is nothing to delete. */
const GONE: ReadonlySet<string> = new Set(['EADDRNOTAVAIL', 'ESRCH', 'ENOENT', 'ENODEV']);
const isThere = (failure: Failure | undefined): boolean => failure === undefined || failure.code === 'EEXIST';
const isGone = (failure: Failure | undefined): boolean => failure === undefined || GONE.has(failure.code);

/** A local route for an address, and a way to its subnet if it would be the first there. */
function answer(entry: Entry, ground: Ground): readonly Work[] {
  const address = addressIn(entry)!;
  const works: Work[] = [
    {
      change: put(localRoute(address)),
      done: (failure) => {
        if (isThere(failure)) entry.held = address;
        else entry.early = false;
      },
    },
  ];
  const subnet = subnetKey(address);
  if (hasSubnetRoute(address) && ground.picture.primary(address) === undefined && !ground.subnets.has(subnet)) {
    ground.subnets.add(subnet);
    entry.subnetRoute = subnetRoute(address, address);
    works.push({ change: put(entry.subnetRoute) });
  }
  return works;
}

/** The address is there and only silent: the kernel's own local route for it is put back as it was. */
function answerAgain(entry: Entry, { picture }: Ground): readonly Work[] {
  const address = addressIn(entry)!;
  const done = (failure: Failure | undefined): void => {
    entry.silent = false;
    entry.differs ||= !isThere(failure);
  };
  return [{ change: put(kernelRoute(address, picture.primary(address) ?? address)), done }];
}

function silence(entry: Entry): readonly Work[] {
  if (!entry.stands || !entry.early || entry.silent) return [];
  const done = (): void => {
    entry.silent = true;
  };
  return [{ change: drop(kernelRoute(addressIn(entry)!)), done }];
}

function unhold(entry: Entry, ground: Ground): readonly Work[] {
  if (!entry.held) return [];
  const done = (): void => {
    entry.held = undefined;
  };
  return [...dropSubnetRoute(entry, ground), { change: drop(localRoute(entry.held)), done }];
}

function dropSubnetRoute(entry: Entry, { subnets }: Ground): readonly Work[] {
  const { subnetRoute: route } = entry;
  if (!route) return [];
  entry.subnetRoute = undefined;
  subnets.delete(subnetKey(addressIn(entry)!));
  return [{ change: drop(route) }];
}

/** The picture has it from now on, so that what follows in the same breath reckons with it. */
function add(entry: Entry, thing: Thing, { picture, cannot }: Ground): readonly Work[] {
  const change = thing.add;
  const address = change.kind === 'address' ? change.address : undefined;
  if (address) picture.add(address);
  const done = (failure: Failure | undefined): void => {
    // There already: someone put it where we want it, and it serves.
    if (isThere(failure)) {
      noteStanding(entry, thing);
      return;
    }
    entry.stands = undefined;
    if (address) picture.delete(address);
    if (entry.wanted !== thing) return;
    entry.refused = true;
    cannot(entry, 'added', failure!);
  };
  return [{ change, done }];
}

/** While it was on its way something else may have come to be wanted. */
function noteStanding(entry: Entry, thing: Thing): void {
  entry.stands = thing;
  entry.differs = entry.wanted !== undefined && !sameThing(entry.wanted, thing);
}

function remove(entry: Entry, { cannot }: Ground): Work {
  const done = (failure: Failure | undefined): void => {
    entry.stands = undefined;
    if (!isGone(failure)) cannot(entry, 'removed', failure!);
  };
  return { change: entry.stands!.remove, done };
}

function removeAddress(entry: Entry, address: Address, ground: Ground): readonly Work[] {
  const care = careFor(address, undefined, ground);
  ground.picture.delete(address);
  const done = (failure: Failure | undefined): void => {
    entry.stands = undefined;
    entry.silent = false;
    if (!isGone(failure)) ground.cannot(entry, 'removed', failure!);
  };
  const works = [...care.before.map(only), { change: entry.stands!.remove, done }, ...putBack(care, ground)];
  if (care.flushes) return [...works, ...ground.routesOn(address.dev).map((route) => again(route, ground))];
  // Not those that another address of the same name keeps; the kernel knows.
  return [...works, ...ground.routesFrom(address.address.text).map((route) => again(route, ground))];
}

/** Label, broadcast, scope and flags cannot be changed: it goes and comes again in one breath. */
function swapAddress(entry: Entry, ground: Ground): readonly Work[] {
  const before = entry.stands!;
  const after = entry.wanted!;
  const [old, next] = [before, after].map((thing) => (thing.add.kind === 'address' ? thing.add.address : undefined));
  const care = careFor(old!, next!, ground);
  ground.picture.delete(old!);
  return [...care.before.map(only), { change: before.remove }, ...add(entry, after, ground), ...putBack(care, ground)];
}

/** An address of IPv6 is changed in place, but for the length of its prefix: then it goes and comes again. */
function swapAddress6(entry: Entry, ground: Ground): readonly Work[] {
  const before = entry.stands!;
  const after = entry.wanted!;
  const [old, next] = [before, after].map((thing) => (thing.add.kind === 'address' ? thing.add.address : undefined));
  if (old!.address.prefix !== next!.address.prefix) {
    const routes = ground.routesFrom(next!.address.text).filter((route) => !route.differs);
    return [
      { change: before.remove },
      ...add(entry, after, ground),
      ...routes.flatMap((route) => [{ change: route.stands!.remove }, again(route, ground)]),
    ];
  }
  return change(entry, { kind: 'address', verb: 'replace', address: next! }, ground);
}

/**
 * A rule is added behind the old one, an IPv4 route in front of it; then the old one goes. Never by replacing: that
 * takes the first of the key, whoever owns it. IPv6 knows one route of a key, so there it is replaced, and where others
 * have one too it goes and comes again.
 */
function supersede(entry: Entry, ground: Ground): readonly Work[] {
  const before = entry.stands!;
  const after = entry.wanted!;
  const asked = after.add;
  if (asked.kind !== 'route' || before.add.kind !== 'route') return change(entry, asked, ground, before);
  const { route } = asked;
  if (route.destination.family === 6) {
    if (entry.shared !== false) return [{ change: before.remove }, ...add(entry, after, ground)];
    return change(entry, { kind: 'route', verb: 'replace', route }, ground);
  }
  const verb = isTakenFor(before.add.route, route) ? 'append' : 'prepend';
  return change(entry, { kind: 'route', verb, route }, ground, before);
}

function change(entry: Entry, asked: Change, { cannot }: Ground, leftover?: Thing): readonly Work[] {
  const after = entry.wanted!;
  const done = (failure: Failure | undefined): void => {
    if (isThere(failure)) {
      noteStanding(entry, after);
      entry.leftover = leftover;
    } else if (entry.wanted === after) {
      entry.differs = false;
      entry.refused = true;
      cannot(entry, 'changed', failure!);
    }
  };
  return [{ change: asked, done }];
}

/** Whether a delete of `old` could take `next` in its place: the kernel compares what it is given, and no more. */
function isTakenFor(old: Route, next: Route): boolean {
  if (old.hops || next.hops) return true;
  const differs =
    old.type !== next.type ||
    old.scope !== next.scope ||
    (old.dev !== undefined && old.dev !== next.dev) ||
    (old.gateway !== undefined && old.gateway.text !== next.gateway?.text) ||
    (old.preferredSource !== undefined && old.preferredSource.text !== next.preferredSource?.text);
  return !differs;
}

function removeLeftover(entry: Entry, { cannot }: Ground): Work {
  const { leftover } = entry;
  const done = (failure: Failure | undefined): void => {
    entry.leftover = undefined;
    if (!isGone(failure)) cannot(entry, 'removed', failure!);
  };
  return { change: leftover!.remove, done };
}

const only = (asked: Change): Work => ({ change: asked });

/** The secondaries that went along, ours and others'; their notices come late and mean nothing. */
function putBack({ along, after }: ReturnType<typeof careFor>, ground: Ground): readonly Work[] {
  return after.map((asked, i) => {
    const address = along[i];
    if (!address) return only(asked);
    const key = addressKey(address);
    ground.along.set(key, (ground.along.get(key) ?? 0) + 1);
    ground.picture.delete(address);
    ground.picture.add(address);
    const done = (failure: Failure | undefined): void => {
      if (isThere(failure)) return;
      ground.picture.delete(address);
      const entry = ground.entryOf(key);
      if (entry) entry.stands = undefined;
    };
    return { change: asked, done };
  });
}

/** A route that the kernel has flushed, or may have; one of IPv6 has lost its source and has to go before. */
function again(entry: Entry, { cannot }: Ground): Work {
  const done = (failure: Failure | undefined): void => {
    if (isThere(failure)) return;
    entry.stands = undefined;
    if (!entry.wanted) return;
    entry.refused = true;
    cannot(entry, 'added', failure!);
  };
  return { change: entry.stands!.add, done };
}
