/** Where a socket sends to, as the kernel wants it. */
import type { Ip } from '../base/address.ts';
import { ipToBytes } from '../base/bytes.ts';
import { AF } from './ffi.ts';
import { u32 } from './netlink.ts';

/** ip(7): struct sockaddr_in family(2) port(2) address(4) padding(8). */
export const ipv4Sockaddr = (ip: Ip): Uint8Array =>
  Uint8Array.from([AF.INET, 0, 0, 0, ...ipToBytes(ip), 0, 0, 0, 0, 0, 0, 0, 0]);

/** ipv6(7): struct sockaddr_in6 family(2) port(2) flow(4) address(16) scope(4). @param index the device's number */
export const ipv6Sockaddr = (ip: Ip, index: number): Uint8Array =>
  Uint8Array.from([AF.INET6, 0, 0, 0, 0, 0, 0, 0, ...ipToBytes(ip), ...u32(index)]);

/**
 * packet(7): struct sockaddr_ll family(2) protocol(2) index(4) hardware(2) type(1) length(1) address(8).
 * @param protocol in the order of the network; 0: none
 */
export const packetSockaddr = (index: number, protocol: number): Uint8Array =>
  Uint8Array.from([AF.PACKET, 0, protocol & 0xff, protocol >> 8, ...u32(index), ...new Uint8Array(12)]);

/** netlink(7): struct sockaddr_nl family(2) padding(2) port(4) groups(4). The kernel picks the port. */
export const netlinkSockaddr = (groups: number): Uint8Array =>
  Uint8Array.from([AF.NETLINK, 0, 0, 0, 0, 0, 0, 0, ...u32(groups)]);
