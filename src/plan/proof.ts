/**
 * What must be seen on both routers of a pair before a change counts as proven (docs/rollout.md):
 * 1. each instance is MASTER on exactly one router and BACKUP on the other, by the daemons' own word;
 * 2. each VIP stands on exactly one router, the master's; VIPs that were taken out stand nowhere;
 * 3. the master's routes are in their tables;
 * 4. the backup receives the master's adverts, and refuses none of them;
 * 5. all of this without a break for two down timers;
 * 6. each instance made as many transitions as the plan said.
 * Pure: it judges what was read, whoever read it.
 */
import { formatIpPrefix, parseIpPrefix } from '../base/address.ts';
import { type Effective, effective, identityOf } from '../change/effective.ts';
import { pairInstances } from '../change/instances.ts';
import { pairUp } from '../change/lines.ts';
import type { AddressFact, InstanceFact, Observed, RouteFact } from '../change/observed.ts';
import type { AddressLine, Config, Instance, RouteLine } from '../keepalived/model.ts';

/** Something that is not as it shall be: a sentence for people. */
export interface Finding {
  readonly message: string;
  readonly router?: string;
  /** Both routers are MASTER: where adverts arrive, that is over within one down timer. */
  readonly split?: true;
  /** Another apply works on the router: it can be tried again when that one is done. */
  readonly locked?: true;
}

/** What one router shall run now, and what it ran before the move. */
export interface Expected {
  readonly router: string;
  readonly config: Config;
  readonly before: Config;
}

/** Rules 1 to 3 for one look at both routers: what is not as it shall be, nothing when all is well. */
export function unsettled(expected: readonly Expected[], seen: readonly Observed[]): Finding[] {
  const findings = instancesOnWire(expected).flatMap((instance) => instanceFindings(instance, seen));
  for (const { router, config, before } of expected) {
    const facts = seen.find((s) => s.router === router);
    for (const left of leftOvers(config, before, facts)) {
      findings.push({ router, message: `${left} was taken out and still stands on ${router}` });
    }
  }
  return findings;
}

/** An instance as one router has it; the other router may know the same one by another name. */
interface OnRouter {
  readonly router: string;
  readonly instance: Instance;
  readonly effective: Effective;
}

/** Which instances of the two files speak with each other: VRID and family say so, then the names. */
function instancesOnWire(expected: readonly Expected[]): OnRouter[][] {
  const [first = [], second = []] = expected.map(({ router, config }) =>
    config.vrrp_instance.map((instance) => ({ router, instance, effective: effective(config, instance) })),
  );
  const wire = ({ effective: { vrid, family } }: OnRouter): string => `${vrid} ${family}`;
  const name = ({ instance }: OnRouter): string => instance.name;
  const { pairs, removed, added } = pairUp(first, second, [(i) => `${wire(i)} ${name(i)}`, wire, name]);
  return [...pairs.map((both) => [...both]), ...[...removed, ...added].map((one) => [one])];
}

function instanceFindings(both: readonly OnRouter[], seen: readonly Observed[]): Finding[] {
  const { name } = both[0]!.instance;
  const states = seen.map((facts) => {
    const own = both.find((each) => each.router === facts.router)?.instance;
    return { router: facts.router, facts, instance: own, state: stateOf(facts, own?.name ?? name) };
  });
  const masters = states.filter((s) => s.state === 'MASTER');
  if (masters.length !== 1) {
    const told = states.map((s) => `${s.router} ${stateText(s)}`).join(', ');
    const why = masters.length > 1 ? masters.map((s) => whyDeaf(s.facts, s.instance?.name ?? name)).join('') : '';
    const message = `${name}: exactly one router must be MASTER, but ${told}${why}`;
    return [{ message, ...(masters.length > 1 && { split: true }) }];
  }
  const master = masters[0]!.router;
  const findings: Finding[] = [];
  for (const { router, facts, instance, state } of states) {
    if (!instance) continue;
    if (router !== master && state !== 'BACKUP') {
      const what = stateText({ facts, state });
      findings.push({ router, message: `${name}: ${router} is ${what}, not ready to take over` });
    }
    findings.push(...addressFindings(instance, facts, router === master));
    if (router === master) findings.push(...routeFindings(instance, facts));
  }
  return findings;
}

const stateOf = (facts: Observed, name: string): InstanceFact['state'] | undefined =>
  facts.instances?.find((i) => i.name === name)?.state;

function stateText({ facts, state }: { facts: Observed; state: InstanceFact['state'] | undefined }): string {
  if (state !== undefined) return state;
  return facts.daemon.kind === 'stopped' || facts.daemon.kind === 'absent' ? 'without a daemon' : 'unknown';
}

/** What a second master's counters say about how it came to be one; empty where they say nothing. */
function whyDeaf({ router, instances }: Observed, name: string): string {
  const counters = instances?.find((i) => i.name === name);
  if (!counters) return '';
  const refused = Object.entries(counters.errors).filter(([, count]) => count > 0);
  if (refused.length > 0) {
    return `; ${router} refused adverts of its peer: ${refused.map(([error, count]) => `${count} for ${error}`).join(', ')}`;
  }
  // A daemon that became MASTER without having heard anything has listened for a whole down timer.
  return counters.advertsReceived === 0 ? `; ${router} receives no adverts: ${NO_ADVERTS}` : '';
}

function addressFindings(instance: Instance, facts: Observed, isMaster: boolean): Finding[] {
  const findings: Finding[] = [];
  for (const line of addressesOf(instance)) {
    const text = formatIpPrefix(line.address);
    const held =
      indexOf(facts)
        .addresses.get(text)
        ?.some((a) => holds(a, line, instance)) === true;
    if (isMaster && !held) {
      findings.push({
        router: facts.router,
        message: `${instance.name}: ${facts.router} is MASTER without VIP ${text}`,
      });
    }
    if (!isMaster && held) {
      findings.push({
        router: facts.router,
        message: `${instance.name}: ${facts.router} holds VIP ${text} and is not MASTER`,
      });
    }
  }
  return findings;
}

/** All VIPs of an instance, in the adverts or not. */
export const addressesOf = (instance: Instance): readonly AddressLine[] => [
  ...(instance.virtual_ipaddress ?? []),
  ...(instance.virtual_ipaddress_excluded ?? []),
];

/** Of an address fact with the line's own address. */
function holds(fact: AddressFact, line: AddressLine, instance: Instance): boolean {
  // With use_vmac the address stands on the VMAC's own interface, whose name keepalived may choose.
  return instance.use_vmac !== undefined || fact.dev === (line.dev ?? instance.interface);
}

/** What a router showed, by address and by destination: ten thousand lines are looked up in ten thousand facts. */
interface Index {
  readonly addresses: ReadonlyMap<string, readonly AddressFact[]>;
  readonly routes: ReadonlyMap<string, readonly RouteFact[]>;
}

const INDEXES = new WeakMap<Observed, Index>();

function indexOf(facts: Observed): Index {
  const known = INDEXES.get(facts);
  if (known) return known;
  const index = {
    addresses: groupBy(facts.addresses, ({ address }) => formatIpPrefix(address)),
    routes: groupBy(facts.routes, ({ family, to }) => `${family} ${prefixText(to)}`),
  };
  INDEXES.set(facts, index);
  return index;
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}

function routeFindings(instance: Instance, facts: Observed): Finding[] {
  return (instance.virtual_routes ?? [])
    .filter(
      (line) =>
        !indexOf(facts)
          .routes.get(`${line.to.family} ${wanted(line)}`)
          ?.some((f) => isRoute(f, line)),
    )
    .map((line) => ({
      router: facts.router,
      message: `${instance.name}: ${facts.router} is MASTER without route ${destination(line)} in table ${line.table ?? 'main'}`,
    }));
}

const destination = (line: RouteLine): string =>
  'default' in line.to ? 'default' : `${line.to.text}/${line.to.prefix}`;

/** As `ip route` would print it: a default route may be written as 0.0.0.0/0. */
const wanted = (line: RouteLine): string =>
  'prefix' in line.to && line.to.prefix === 0 ? 'default' : destination(line);

/** Of a route fact with the line's own destination. */
const isRoute = (fact: RouteFact, line: RouteLine): boolean =>
  tableNumber(fact.table) === tableNumber(line.table ?? 'main') &&
  (line.via === undefined || fact.via === line.via.text) &&
  (line.dev === undefined || fact.dev === line.dev) &&
  (line.metric === undefined || fact.metric === line.metric);

function prefixText(text: string): string {
  if (text === 'default') return text;
  const prefix = parseIpPrefix(text);
  return prefix ? formatIpPrefix(prefix) : text;
}

/** /etc/iproute2/rt_tables as every system has it. */
const TABLES: Readonly<Record<string, string>> = { local: '255', main: '254', default: '253' };
const tableNumber = (table: string): string => TABLES[table] ?? table;

/** VIPs that the file named before and does not name now, where they still stand. */
function leftOvers(config: Config, before: Config, facts: Observed | undefined): string[] {
  const now = new Set(config.vrrp_instance.flatMap(addressesOf).map(({ address }) => formatIpPrefix(address)));
  return before.vrrp_instance.flatMap((instance) =>
    addressesOf(instance)
      .map((line) => ({ line, text: formatIpPrefix(line.address) }))
      .filter(({ text }) => facts !== undefined && !now.has(text))
      .filter(({ line, text }) =>
        indexOf(facts!)
          .addresses.get(text)
          ?.some((fact) => holds(fact, line, instance)),
      )
      .map(({ text }) => `VIP ${text}`),
  );
}

/**
 * Rule 4, between two looks that lie at least one interval apart: the backup heard the master, and refused nothing.
 * @returns what is not so; an instance whose counters cannot be had is a finding too.
 */
export function unheard(
  expected: readonly Expected[],
  first: readonly Observed[],
  last: readonly Observed[],
): Finding[] {
  const findings: Finding[] = [];
  for (const name of new Set(expected.flatMap((e) => e.config.vrrp_instance.map((i) => i.name)))) {
    const runs = expected.filter((e) => e.config.vrrp_instance.some((i) => i.name === name)).map((e) => e.router);
    for (const now of last.filter((each) => runs.includes(each.router))) {
      const to = now.instances?.find((i) => i.name === name);
      const from = first.find((f) => f.router === now.router)?.instances?.find((i) => i.name === name);
      if (!to || !from) {
        findings.push({ router: now.router, message: `${name}: ${now.router} gives no counters` });
        continue;
      }
      if (to.state === 'BACKUP' && to.advertsReceived <= from.advertsReceived) {
        findings.push({ router: now.router, message: `${name}: ${now.router} receives no adverts: ${NO_ADVERTS}` });
      }
      // Of a peer that speaks in two ways the other one is meant for whom it was before.
      const twice = [...first, ...last].some(
        (each) => each.router !== now.router && each.instances?.some((i) => i.name === name && i.speaksTwice),
      );
      for (const [error, count] of twice ? [] : Object.entries(to.errors)) {
        const fresh = count - (from.errors[error] ?? 0);
        if (fresh > 0) {
          findings.push({ router: now.router, message: `${name}: ${now.router} refused ${fresh} adverts (${error})` });
        }
      }
    }
  }
  return findings;
}

const NO_ADVERTS = 'IP protocol 112 to 224.0.0.18 or ff02::12 may be held back by firewalld, nftables or IGMP snooping';

/**
 * How often each instance became MASTER on either router between two looks, by the name that it has now: a failover
 * is 1, there and back is 2. Counters start from zero where the daemon was restarted, and where a reload took an
 * instance for a new one; an instance that it only knows by a new name goes on counting.
 * @param expected what the routers ran at the first look (`before`) and run at the last one; absent: the same
 */
export function transitionsBetween(
  before: readonly Observed[],
  after: readonly Observed[],
  expected: readonly Expected[] = [],
): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const now of after) {
    const then = before.find((b) => b.router === now.router);
    const isSame = then !== undefined && processOf(then) === processOf(now);
    const former = formerNames(expected.find((e) => e.router === now.router));
    for (const fact of now.instances ?? []) {
      const isNew = former.has(fact.name) && former.get(fact.name) === undefined;
      const known = (name: string | undefined) => then?.instances?.find((i) => i.name === name);
      // After an undo the router was first seen with the names that it has now.
      const old = isNew ? undefined : (known(former.get(fact.name)) ?? known(fact.name));
      const goesOn =
        isSame && old !== undefined && fact.becameMaster >= old.becameMaster && fact.advertsSent >= old.advertsSent;
      counts[fact.name] = (counts[fact.name] ?? 0) + fact.becameMaster - (goesOn ? old.becameMaster : 0);
    }
  }
  return counts;
}

/** Counters start from zero with every new process; where none is known to run there is nothing to tell apart. */
const processOf = ({ daemon }: Observed): string =>
  daemon.kind === 'running' ? `${daemon.pid} ${daemon.startTime}` : '';

/** By the new name: the old one, or undefined where a reload takes the instance for a new one. */
function formerNames(expected: Expected | undefined): Map<string, string | undefined> {
  const pairs = expected ? pairInstances(expected.before, expected.config) : [];
  return new Map(
    pairs.flatMap(({ before, after }) => {
      if (!after) return [];
      const same =
        before &&
        identityOf(effective(before.config, before.instance)) === identityOf(effective(after.config, after.instance));
      return [[after.instance.name, same ? before.instance.name : undefined] as const];
    }),
  );
}
