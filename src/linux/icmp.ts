/**
 * Echo requests on a raw socket, and their replies with the kernel's time of arrival. RFC 792, icmp(7), raw(7).
 *
 *   0 type(1)  1 code(1)  2 checksum(2)  4 identifier(2)  6 sequence(2)  8 data: mark(8) number(4)
 *
 * The sequence of the header wraps after 65,536 packets, so the number stands in the data; the mark is the prober's own.
 */
import { randomBytes } from 'node:crypto';
import type { Ip } from '../base/address.ts';
import { internetChecksum } from '../base/bytes.ts';
import {
  AF,
  closeDescriptor,
  openSocket,
  type Pollable,
  SOCK_RAW,
  sendTo,
  setSocketOption,
  watchReadable,
} from './ffi.ts';
import { Inbox } from './messages.ts';
import { u32 } from './netlink.ts';
import { ipv4Sockaddr } from './sockaddr.ts';
import { arrivalOf, SO, setOption, stampArrivals } from './socket-options.ts';

const PROTOCOL = 1;
const ECHO_REPLY = 0;
const ECHO_REQUEST = 8;
const SOL_RAW = 255;
const ICMP_FILTER = 1;
/**
 * The kernel keeps packets for an address that does not answer ARP yet, 208 KiB of them, and then lets the oldest go. A
 * socket that may have no more than that outstanding would lose the newest instead. What is too much is cut by the kernel.
 */
const SEND_BUFFER = 1024 * 1024;
/** As much as `ping` sends by default: 56 bytes of data. */
const DATA = 56;
const HEADER = 8;
const MARK = 8;
/** Read in one go; what is left makes the socket readable again. */
const DATAGRAMS_AT_ONCE = 64;

export interface EchoReply {
  readonly number: number;
  /** Milliseconds since 1970, by the kernel's clock, when it arrived. */
  readonly at: number;
}

export interface EchoSocket {
  /** Lost right there where the kernel does not take it (no route, no neighbour): no reply tells so as well. */
  send(number: number): void;
  close(): void;
}

/** IPv4 only. Needs CAP_NET_RAW. */
export function openEcho(address: Ip, heard: (reply: EchoReply) => void): EchoSocket {
  const fd = openSocket(AF.INET, SOCK_RAW, PROTOCOL);
  try {
    stampArrivals(fd);
    setOption(fd, SO.SNDBUF, SEND_BUFFER);
    // A bit set keeps that type away.
    setSocketOption(fd, { level: SOL_RAW, name: ICMP_FILTER, value: ~(1 << ECHO_REPLY) });
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
  const mark = randomBytes(MARK);
  const to = ipv4Sockaddr(address);
  const inbox = new Inbox(2048);
  const watch = watchReadable(fd, () => {
    const replies = drain(fd, inbox, mark);
    if (replies.length > 0) setImmediate(() => replies.forEach(heard));
  });
  return {
    send(number) {
      sendTo(fd, echoRequest(mark, number), 0, to);
    },
    close: () => watch.close(),
  };
}

function echoRequest(mark: Uint8Array, number: number): Uint8Array {
  const bytes = new Uint8Array(HEADER + DATA);
  const view = new DataView(bytes.buffer);
  bytes[0] = ECHO_REQUEST;
  bytes.set(mark.subarray(0, 2), 4);
  view.setUint16(6, number & 0xffff);
  bytes.set(mark, HEADER);
  bytes.set(u32(number), HEADER + MARK);
  view.setUint16(2, internetChecksum(bytes));
  return bytes;
}

function drain(fd: Pollable, inbox: Inbox, mark: Uint8Array): readonly EchoReply[] {
  const found: EchoReply[] = [];
  for (let count = 0; count < DATAGRAMS_AT_ONCE; count += 1) {
    const packet = inbox.receive(fd);
    // Nothing more, or an error that clears itself by being read: a lost packet shows by its missing reply.
    if (typeof packet === 'number') return found;
    const number = numberOf(packet, mark);
    const at = arrivalOf(inbox.controls());
    if (number !== undefined && at !== undefined) found.push({ number, at });
  }
  return found;
}

/** A raw socket gets the IPv4 header too, and the replies of every other program in this network. */
function numberOf(packet: Uint8Array, mark: Uint8Array): number | undefined {
  const header = ((packet[0] ?? 0) & 0x0f) * 4;
  const icmp = packet.subarray(header);
  if (icmp.length < HEADER + MARK + 4 || icmp[0] !== ECHO_REPLY) return undefined;
  if (!mark.every((byte, index) => icmp[HEADER + index] === byte)) return undefined;
  return new DataView(icmp.buffer, icmp.byteOffset + HEADER + MARK, 4).getUint32(0, true);
}
