/**
 * Routes that stand in for an IPv4 address. An address is not needed to serve a VIP, a local route on its device is
 * enough: the kernel answers ARP for it (where arp_ignore is 0), delivers its packets, and keeps the routes whose
 * preferred source it is. 10,000 local routes take the kernel 40 ms, 10,000 addresses 1.3 s.
 */
import { networkOf } from '../base/address.ts';
import { type Address, IFA_F } from '../linux/address.ts';
import { type Change, OWN_PROTOCOL } from '../linux/kernel.ts';
import { type Route, SCOPE, TABLE_LOCAL, TABLE_MAIN } from '../linux/route.ts';

/** Whose a route is that came with an address. */
const RTPROT_KERNEL = 2;

/** Ours. Without a preferred source: all of a device then share one entry of the kernel's, which is what makes it fast. */
export const localRoute = ({ dev, address }: Address): Route => ({
  type: 'local',
  destination: { family: 4, text: address.text, prefix: 32 },
  table: TABLE_LOCAL,
  protocol: OWN_PROTOCOL,
  scope: SCOPE.HOST,
  dev,
});

/** The one that the kernel makes with an address; with the primary's address as source it is that very one again. */
export const kernelRoute = (address: Address, primary?: Address): Route => ({
  ...localRoute(address),
  protocol: RTPROT_KERNEL,
  ...(primary && { preferredSource: { family: 4, text: primary.address.text } }),
});

/** The way to the neighbours in the address's subnet, which the kernel makes with the primary address. */
export const subnetRoute = ({ dev, address }: Address, source?: Address): Route => ({
  type: 'unicast',
  destination: { ...address, text: networkOf(address) },
  table: TABLE_MAIN,
  protocol: OWN_PROTOCOL,
  scope: SCOPE.LINK,
  dev,
  ...(source && { preferredSource: { family: 4, text: source.address.text } }),
});

/** Whether the kernel makes a subnet route with it, if it is the primary one. */
export const hasSubnetRoute = ({ address, peer, flags }: Address): boolean =>
  address.family === 4 && peer === undefined && address.prefix < 32 && (flags & IFA_F.NOPREFIXROUTE) === 0;

/**
 * The same address with another prefix length: it keeps a device from having none for a moment, and the routes on it
 * from being flushed with its last one.
 */
export function anchor({ dev, address }: Address): Address {
  const prefix = address.prefix === 32 ? 31 : 32;
  const flags = IFA_F.NOPREFIXROUTE;
  return { dev, address: { ...address, prefix }, scope: SCOPE.HOST, flags, protocol: OWN_PROTOCOL };
}

export const put = (route: Route): Change => ({ kind: 'route', verb: 'append', route });
export const drop = (route: Route): Change => ({ kind: 'route', verb: 'delete', route });
export const addAddress = (address: Address): Change => ({ kind: 'address', verb: 'add', address });
export const deleteAddress = (address: Address): Change => ({ kind: 'address', verb: 'delete', address });
