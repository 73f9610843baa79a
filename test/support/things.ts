/** Addresses and routes of the daemon's on a device `lan`, in few words. */
import { parseIpPrefix } from '../../src/base/address.ts';
import { addressThing, routeThing, type Thing } from '../../src/daemon/things.ts';
import type { Address } from '../../src/linux/address.ts';
import { OWN_PROTOCOL } from '../../src/linux/kernel.ts';
import type { Route } from '../../src/linux/route.ts';

export function vip(text: string, more: Partial<Address> = {}): Thing {
  const address = parseIpPrefix(text)!;
  const flags = address.family === 6 ? 2 : 0;
  return addressThing({ dev: 'lan', address, scope: 0, flags, protocol: OWN_PROTOCOL, ...more }, text);
}

export function way(to: string, more: Partial<Route> = {}): Thing {
  const destination = parseIpPrefix(to)!;
  const own = { table: 254, protocol: OWN_PROTOCOL, scope: 0, dev: 'lan' };
  const route: Route = { type: 'unicast', destination, ...own, ...more };
  return routeThing(route, to);
}
