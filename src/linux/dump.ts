/** What the kernel lists, read without keeping anybody waiting. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { formatIpPrefix } from '../base/address.ts';
import { type Address, addressDumpHeader, RTM_ADDRESS, readAddress } from './address.ts';
import type { Devices } from './devices.ts';
import { OWN_PROTOCOL, type Snapshot } from './kernel.ts';
import type { Message } from './netlink.ts';
import { NetlinkClient } from './netlink-client.ts';
import { type Route, RTM_ROUTE, readRoute, routeDumpHeader } from './route.ts';
import { RTM_RULE, type Rule, readRule, ruleDumpHeader } from './rule.ts';

/** A dump that others keep changing under us is taken as it is after so many. */
const DUMP_TRIES = 5;

const FAMILIES = [4, 6] as const;

/** All addresses, and the routes and rules that are ours. @param devices asked anew each time: they may change */
export async function readLists(client: NetlinkClient, devices: () => Devices): Promise<Omit<Snapshot, 'links'>> {
  const addresses: Address[][] = [];
  const routes: Route[][] = [];
  const rules: Rule[][] = [];
  for (const family of FAMILIES) {
    const routesHeader = routeDumpHeader(family, { protocol: OWN_PROTOCOL });
    addresses.push(
      await readDump(
        () => client.dump(RTM_ADDRESS.GET, addressDumpHeader(family)),
        (message) => readAddress(message, devices()),
      ),
    );
    routes.push(
      await readDump(
        () => client.dump(RTM_ROUTE.GET, routesHeader),
        (message) => readRoute(message, devices()),
      ),
    );
    rules.push(await readDump(() => client.dump(RTM_RULE.GET, ruleDumpHeader(family)), readRule));
  }
  return { addresses: addresses.flat(), routes: routes.flat().filter(isOwn), rules: rules.flat().filter(isOwn) };
}

/** `Kernel.sharedRoutes`: a dump of each of their tables. */
export async function sharedRoutes(routes: readonly Route[], devices: () => Devices): Promise<ReadonlySet<Route>> {
  const asked = new Map(routes.map((route) => [routeKey6(route), waysOf(route)]));
  const keys = new Set<string>();
  const client = new NetlinkClient();
  try {
    for (const table of new Set(routes.map((route) => route.table))) {
      const header = routeDumpHeader(6, { table });
      const read = (message: Message) => readRoute(message, devices());
      const found = await readDump(() => client.dump(RTM_ROUTE.GET, header), read);
      for (const route of found) {
        const ways = asked.get(routeKey6(route));
        // Next hops of others may have been merged into ours, which then has more of them than we gave it.
        if (ways !== undefined && (!isOwn(route) || waysOf(route) !== ways)) keys.add(routeKey6(route));
      }
    }
  } finally {
    client.close();
  }
  return new Set(routes.filter((route) => keys.has(routeKey6(route))));
}

/** Reads a dump with a turn for timers and packets after each datagram of it; again where it changed meanwhile. */
async function readDump<T>(
  dump: () => Generator<readonly Message[], boolean>,
  read: (message: Message) => T | undefined,
): Promise<T[]> {
  for (let tries = 1; ; tries += 1) {
    const parts = dump();
    const found: T[] = [];
    for (let part = parts.next(); ; part = parts.next()) {
      if (part.done) {
        if (!part.value || tries === DUMP_TRIES) return found;
        break;
      }
      for (const message of part.value) {
        const value = read(message);
        if (value !== undefined) found.push(value);
      }
      await nextTurn();
    }
  }
}

const METRIC_IPV6 = 1024;

const routeKey6 = ({ table, destination, from, metric = METRIC_IPV6 }: Route): string =>
  `${table} ${formatIpPrefix(destination)} ${from ? formatIpPrefix(from) : ''} ${metric}`;

const waysOf = ({ hops }: Route): number => hops?.length ?? 1;

const isOwn = ({ protocol }: { readonly protocol: number }): boolean => protocol === OWN_PROTOCOL;
