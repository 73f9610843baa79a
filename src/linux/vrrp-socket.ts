/**
 * Raw sockets for IP protocol 112: one a device and family, as a socket may join 20 groups only
 * (net.ipv4.igmp_max_memberships). ip(7), ipv6(7), raw(7).
 *
 * IPv4 sends with its own header (IP_HDRINCL), as keepalived does; IPv6 gets its checksum from the core, and the
 * kernel does not check it (IPV6_CHECKSUM is left alone), so that a wrong one is counted and not lost.
 */
import type { Ip } from '../base/address.ts';
import { assert } from '../base/assert.ts';
import { ipFromBytes, ipToBytes } from '../base/bytes.ts';
import {
  AF,
  closeDescriptor,
  ERRNO,
  errorName,
  MSG_DONTROUTE,
  openSocket,
  type Pollable,
  SOCK_RAW,
  SystemError,
  sendTo,
  setSocketOption,
  trySocketOption,
  watchReadable,
} from './ffi.ts';
import type { Datagram, VrrpSocket, VrrpSocketOptions } from './kernel.ts';
import { Inbox, sendWithControl } from './messages.ts';
import { u32 } from './netlink.ts';
import { ipv4Sockaddr, ipv6Sockaddr } from './sockaddr.ts';
import { makeRoom, SO, setOption } from './socket-options.ts';

const VRRP = 112;

/** Control traffic (linux/pkt_sched.h): the highest band of the default queue. */
const TC_PRIO_CONTROL = 7;

const SOL_IP = 0;
const IP = { HDRINCL: 3, MULTICAST_IF: 32, MULTICAST_LOOP: 34, ADD_MEMBERSHIP: 35, MULTICAST_ALL: 49 } as const;

const SOL_IPV6 = 41;
const IPV6 = {
  ...{ UNICAST_HOPS: 16, MULTICAST_IF: 17, MULTICAST_HOPS: 18, MULTICAST_LOOP: 19, JOIN: 20 },
  ...{ MULTICAST_ALL: 29, RECVPKTINFO: 49, PKTINFO: 50, RECVHOPLIMIT: 51, HOPLIMIT: 52, TCLASS: 67 },
} as const;
/** Internetwork control, as in the IPv4 header: RFC 791, and what keepalived sends. */
const TRAFFIC_CLASS = 0xc0;
const HOP_LIMIT = 255;

/** A jumbo frame; an advertisement of 255 IPv6 addresses takes 4 KiB of it. */
const DATAGRAM_MAX = 9216;
/** A flood of 10,000 packets a second, at the 768 bytes that the kernel counts for each, fills it in a tenth of one. */
const RECEIVE_BUFFER = 1024 * 1024;
/** Read in one go: timers are not kept waiting by a flood, and what is left makes the socket readable again. */
const DATAGRAMS_AT_ONCE = 64;

export function openVrrpSocket(
  options: VrrpSocketOptions & { readonly index: number },
  listener: (datagrams: readonly Datagram[]) => void,
): VrrpSocket {
  const six = options.family === 6;
  const fd = openSocket(six ? AF.INET6 : AF.INET, SOCK_RAW, VRRP);
  try {
    setOptions(fd, options);
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
  const inbox = new Inbox(DATAGRAM_MAX);
  let closed = false;
  const watch = watchReadable(fd, () => {
    const datagrams = drain(fd, inbox, options.family);
    if (datagrams.length > 0) setImmediate(() => !closed && listener(datagrams));
  });
  return {
    join(group) {
      assert(!closed, 'a socket that is closed joins nothing');
      const { level, name, value } = membership(group, options.index);
      const refused = trySocketOption(fd, { level, name, value });
      if (refused < 0 && refused !== -EADDRINUSE) throw new SystemError(-refused, `joining ${group.text}`);
    },
    send({ bytes, source, destination }) {
      // Its descriptor may be somebody else's by now.
      if (closed) return errorName(ERRNO.EBADF);
      const result = six
        ? sendV6(fd, { bytes, source, destination }, options.index)
        : sendTo(fd, bytes, isMulticast(destination) ? MSG_DONTROUTE : 0, ipv4Sockaddr(destination));
      return result < 0 ? errorName(-result) : 'sent';
    },
    close() {
      closed = true;
      watch.close();
    },
  };
}

/** The group is joined already. */
const EADDRINUSE = 98;

function setOptions(fd: Pollable, { dev, family, index, hopLimit }: VrrpSocketOptions & { index: number }): void {
  const set = (level: number, name: number, value: number | Uint8Array): void =>
    setSocketOption(fd, { level, name, value });
  setOption(fd, SO.BINDTODEVICE, new TextEncoder().encode(`${dev}\0`));
  setOption(fd, SO.PRIORITY, TC_PRIO_CONTROL);
  makeRoom(fd, 'receive', RECEIVE_BUFFER);
  if (family === 4) {
    set(SOL_IP, IP.HDRINCL, 1);
    set(SOL_IP, IP.MULTICAST_IF, Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, ...u32(index)]));
    set(SOL_IP, IP.MULTICAST_LOOP, 0);
    // Only the groups joined here, not those that any program of the machine has joined.
    set(SOL_IP, IP.MULTICAST_ALL, 0);
    return;
  }
  set(SOL_IPV6, IPV6.MULTICAST_IF, index);
  set(SOL_IPV6, IPV6.MULTICAST_LOOP, 0);
  // Linux 4.20; without it a group that another program joined is heard too.
  trySocketOption(fd, { level: SOL_IPV6, name: IPV6.MULTICAST_ALL, value: 0 });
  set(SOL_IPV6, IPV6.MULTICAST_HOPS, hopLimit ?? HOP_LIMIT);
  set(SOL_IPV6, IPV6.UNICAST_HOPS, hopLimit ?? HOP_LIMIT);
  set(SOL_IPV6, IPV6.TCLASS, TRAFFIC_CLASS);
  set(SOL_IPV6, IPV6.RECVPKTINFO, 1);
  set(SOL_IPV6, IPV6.RECVHOPLIMIT, 1);
}

/** struct ip_mreqn: group(4) own address(4) index(4); struct ipv6_mreq: group(16) index(4). */
function membership(group: Ip, index: number): { level: number; name: number; value: Uint8Array } {
  const bytes = ipToBytes(group);
  if (group.family === 6) {
    return { level: SOL_IPV6, name: IPV6.JOIN, value: Uint8Array.from([...bytes, ...u32(index)]) };
  }
  return { level: SOL_IP, name: IP.ADD_MEMBERSHIP, value: Uint8Array.from([...bytes, 0, 0, 0, 0, ...u32(index)]) };
}

function drain(fd: Pollable, inbox: Inbox, family: 4 | 6): readonly Datagram[] {
  const found: Datagram[] = [];
  while (found.length < DATAGRAMS_AT_ONCE) {
    const bytes = inbox.receive(fd);
    // The device may be gone or down, which netlink tells; another error clears itself by being read.
    if (typeof bytes === 'number') return found;
    found.push(describe(bytes, inbox, family));
  }
  return found;
}

function describe(bytes: Uint8Array, inbox: Inbox, family: 4 | 6): Datagram {
  let destination: Ip | undefined;
  let hopLimit: number | undefined;
  for (const { level, type, data } of inbox.controls()) {
    if (level === SOL_IPV6 && type === IPV6.PKTINFO) destination = ipFromBytes(data.subarray(0, 16));
    else if (level === SOL_IPV6 && type === IPV6.HOPLIMIT) hopLimit = data[0]!;
  }
  if (family === 4) return { family, bytes };
  return {
    family,
    bytes,
    // struct sockaddr_in6: family(2) port(2) flow(4) address(16) scope(4).
    source: ipFromBytes(inbox.sender.subarray(8, 24)),
    ...(destination && { destination }),
    ...(hopLimit !== undefined && { hopLimit }),
  };
}

/** The source goes in struct in6_pktinfo: address(16) index(4). RFC 3542 section 6. */
function sendV6(fd: Pollable, message: { bytes: Uint8Array; source: Ip; destination: Ip }, index: number): number {
  const to = ipv6Sockaddr(message.destination, index);
  const data = Uint8Array.from([...ipToBytes(message.source), ...u32(index)]);
  return sendWithControl(fd, { to, data: message.bytes, control: { level: SOL_IPV6, type: IPV6.PKTINFO, data } });
}

/** IPv4: RFC 5771. */
const isMulticast = (ip: Ip): boolean => (ipToBytes(ip)[0]! & 0xf0) === 0xe0;
