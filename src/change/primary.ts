/**
 * The kernel's order of IPv4 addresses on a device: the first of a network is primary, the later ones of the same
 * network and length hang on it as secondaries. Without promote_secondaries the kernel deletes them with it.
 */
import { formatIpPrefix, type IpPrefix, networkOf } from '../base/address.ts';
import type { AddressLine } from '../keepalived/model.ts';
import type { Change } from './change.ts';
import type { RouterContext } from './context.ts';
import { deviceOf } from './effective.ts';
import type { Facts } from './impact-model.ts';
import { normalAddress } from './lines.ts';

export interface Lost {
  readonly dev: string;
  /** The addresses that go with the primary although they shall stay, as `ADDRESS/LENGTH`. */
  readonly addresses: readonly string[];
}

/** What else the kernel takes along when the change deletes its address on a router that holds it; undefined: nothing. */
export function lostWithPrimary(router: RouterContext, change: Change): Lost | undefined {
  const deleted = deletedAddress(change);
  if (deleted?.dev === undefined || deleted.address.family !== 4) return undefined;
  const { dev } = deleted;
  if (promotesSecondaries(router.facts, dev)) return undefined;
  const { networks, ownBusiness } = held(router);
  const [primary, ...secondaries] = networks.get(networkName(deleted.address, dev)) ?? [];
  if (primary !== formatIpPrefix(deleted.address)) return undefined;
  const addresses = secondaries.filter((text) => !ownBusiness.has(`${text} ${dev}`));
  return addresses.length > 0 ? { dev, addresses } : undefined;
}

interface Held {
  /** Addresses by device and network, in the kernel's order: the first is the primary one. */
  readonly networks: ReadonlyMap<string, readonly string[]>;
  /** `ADDRESS/LENGTH DEV` that a change deletes by itself; keepalived adds an edited one again by itself. */
  readonly ownBusiness: ReadonlySet<string>;
}

/** Worked out once a router, for a change may remove ten thousand addresses. */
const HELD = new WeakMap<RouterContext, Held>();

function held(router: RouterContext): Held {
  const known = HELD.get(router);
  if (known) return known;
  const networks = new Map<string, string[]>();
  for (const { address, dev } of heldBy(router)) {
    const name = networkName(address, dev);
    const list = networks.get(name);
    if (list) list.push(formatIpPrefix(address));
    else networks.set(name, [formatIpPrefix(address)]);
  }
  const deleted = router.changes.map(deletedAddress).filter((line) => line !== undefined);
  const ownBusiness = new Set(deleted.map((line) => `${formatIpPrefix(line.address)} ${line.dev}`));
  const found = { networks, ownBusiness };
  HELD.set(router, found);
  return found;
}

const networkName = (address: IpPrefix, dev: string): string => `${dev} ${networkOf(address)}/${address.prefix}`;

/** The address that keepalived deletes to carry out the change: removed, or deleted and added again. */
function deletedAddress(change: Change): AddressLine | undefined {
  switch (change.subject) {
    case 'vip':
    case 'vip-excluded':
      return isDeletion(change) ? change.before?.line : undefined;
    case 'static':
      return change.keyword === 'static_ipaddress' && isDeletion(change) ? (change.before as AddressLine) : undefined;
    default:
      return undefined;
  }
}

/**
 * What makes keepalived delete an address and add it again; with other edits it leaves the address as it is, also
 * with a move between virtual_ipaddress and virtual_ipaddress_excluded (seen with 2.2.7).
 */
const RE_ADDING = ['dev', 'label', 'prefix', 'scope'] as const;

const isDeletion = ({ op, aspects }: { readonly op: string; readonly aspects: readonly string[] }): boolean =>
  op === 'remove' || RE_ADDING.some((field) => aspects.includes(field));

/** As the router says; addresses of the old file that it did not show come behind them, in the order of the file. */
function heldBy(router: RouterContext): { readonly address: IpPrefix; readonly dev: string }[] {
  const seen = router.facts.addresses.map(({ address, dev }) => ({ address, dev }));
  const texts = new Set(seen.map(({ address, dev }) => `${formatIpPrefix(address)} ${dev}`));
  const inFile = router.before.vrrp_instance.flatMap((instance) =>
    [...(instance.virtual_ipaddress ?? []), ...(instance.virtual_ipaddress_excluded ?? [])].map((line) =>
      normalAddress(line, deviceOf(router.before, instance)),
    ),
  );
  const computed = [...router.before.static_ipaddress, ...inFile].flatMap(({ address, dev }) =>
    dev === undefined || texts.has(`${formatIpPrefix(address)} ${dev}`) ? [] : [{ address, dev }],
  );
  return [...seen, ...computed].filter(({ address }) => address.family === 4);
}

/** The kernel takes the device's setting or that of `all`, whichever is on. */
function promotesSecondaries(facts: Facts, dev: string): boolean {
  return ['all', dev].some((name) => sysctl(facts, name, 'promote_secondaries') === 1);
}

/** The kernel takes the larger one of the device and `all`. */
export const arpIgnore = (facts: Facts, dev: string): number =>
  Math.max(sysctl(facts, 'all', 'arp_ignore') ?? 0, sysctl(facts, dev, 'arp_ignore') ?? 0);

/** sysctl(8) writes the dots of a device's name as slashes; both spellings are read. */
function sysctl(facts: Facts, dev: string, name: string): number | undefined {
  const text =
    facts.sysctls[`net.ipv4.conf.${dev}.${name}`] ?? facts.sysctls[`net.ipv4.conf.${dev.replaceAll('.', '/')}.${name}`];
  return text === undefined ? undefined : Number(text);
}
