/** What an earlier life of the daemon has left in the kernel: it is ours by our number, whatever the file says now. */
import { formatIpPrefix } from '../base/address.ts';
import { OWN_PROTOCOL, type Snapshot } from '../linux/kernel.ts';
import { addressThing, routeThing, ruleThing, type Thing } from './things.ts';

export function leftovers({ addresses, routes, rules }: Snapshot): readonly Thing[] {
  const own = ({ protocol }: { readonly protocol?: number }): boolean => protocol === OWN_PROTOCOL;
  return [
    ...addresses.filter(own).map((address) => addressThing(address, formatIpPrefix(address.address))),
    ...routes.filter(own).map((route) => routeThing(route, formatIpPrefix(route.destination))),
    ...rules.filter(own).map((rule) => ruleThing(rule, `rule ${rule.priority}`)),
  ];
}
