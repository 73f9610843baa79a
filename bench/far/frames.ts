/**
 * Whole Ethernet frames of a neighbour of the router under test: what it asks, what it advertises, and what it hears.
 * ARP: RFC 826; echo: RFC 792, RFC 4443; neighbour discovery: RFC 4861 section 4.3.
 */
import { type Family, type Ip, parseIp } from '../../src/base/address.ts';
import { assert } from '../../src/base/assert.ts';
import { ByteWriter, internetChecksum, ipFromBytes, ipToBytes } from '../../src/base/bytes.ts';
import { type Addressing, type Advertisement, encode } from '../../src/vrrp/packet.ts';

export interface Neighbour {
  readonly mac: Uint8Array;
  /** What it asks from. */
  readonly address: Ip;
  /** What it advertises from: of IPv6 the link-local address. */
  readonly speaker: Ip;
}

const ARP = 0x0806;
const ETHERTYPE = { 4: 0x0800, 6: 0x86dd } as const;
const VRRP = 112;
const ICMP = { 4: 1, 6: 58 } as const;
const ECHO_REQUEST = { 4: 8, 6: 128 } as const;
const ECHO_REPLY = { 4: 0, 6: 129 } as const;
const SOLICITATION = 135;
const ADVERTISEMENT = 136;
const GROUP = { 4: parseIp('224.0.0.18')!, 6: parseIp('ff02::12')! } as const;
const GROUP_MAC = { 4: Uint8Array.of(1, 0, 0x5e, 0, 0, 0x12), 6: Uint8Array.of(0x33, 0x33, 0, 0, 0, 0x12) } as const;

/** Who has this address? IPv4 asks the router alone, IPv6 the group that an address brings along. */
export const question = (asker: Neighbour, router: Uint8Array, vip: Ip): Uint8Array =>
  vip.family === 4 ? arpRequest(asker, router, vip) : solicitation(asker, vip);

function arpRequest({ mac, address }: Neighbour, router: Uint8Array, vip: Ip): Uint8Array {
  const body = new ByteWriter(28)
    .u16(1)
    .u16(ETHERTYPE[4])
    .u8(6)
    .u8(4)
    .u16(1)
    .bytes(mac)
    .bytes(ipToBytes(address))
    .bytes(new Uint8Array(6))
    .bytes(ipToBytes(vip))
    .done();
  return ethernet(router, mac, ARP, body);
}

function solicitation({ mac, speaker }: Neighbour, vip: Ip): Uint8Array {
  const target = ipToBytes(vip);
  const group = Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, ...target.subarray(13));
  const destination = ipFromBytes(group);
  const message = new ByteWriter(32)
    .u16(SOLICITATION * 0x100)
    .u16(0)
    .u16(0)
    .u16(0)
    .bytes(target)
    .u8(1)
    .u8(1)
    .bytes(mac)
    .done();
  const packet = ipv6(
    { source: speaker, destination },
    ICMP[6],
    checksummed(message, { source: speaker, destination }),
  );
  return ethernet(Uint8Array.of(0x33, 0x33, ...group.subarray(12)), mac, ETHERTYPE[6], packet);
}

/** An echo request to an address that the router has, or will have. */
export function echoRequest({ mac, address }: Neighbour, router: Uint8Array, vip: Ip): Uint8Array {
  const { family } = vip;
  const addressing = { source: address, destination: vip };
  const message = new Uint8Array(8 + 56);
  message[0] = ECHO_REQUEST[family];
  const packet = ip(addressing, { protocol: ICMP[family], hops: 64 }, checksummed(message, addressing));
  return ethernet(router, mac, ETHERTYPE[family], packet);
}

/** RFC 9568 section 5.1: to the group, with a hop limit of 255. */
export function advertFrame({ mac, speaker }: Neighbour, advertisement: Advertisement): Uint8Array {
  const { family } = speaker;
  const addressing = { source: speaker, destination: GROUP[family] };
  const message = encode(advertisement, addressing, 'pseudo-header');
  return ethernet(GROUP_MAC[family], mac, ETHERTYPE[family], ip(addressing, { protocol: VRRP, hops: 255 }, message));
}

const ethernet = (to: Uint8Array, from: Uint8Array, type: number, body: Uint8Array): Uint8Array =>
  new ByteWriter(14 + body.length).bytes(to).bytes(from).u16(type).bytes(body).done();

function ip(
  addressing: Addressing,
  { protocol, hops }: { readonly protocol: number; readonly hops: number },
  body: Uint8Array,
): Uint8Array {
  const { source, destination } = addressing;
  if (source.family === 6) return ipv6(addressing, protocol, body, hops);
  const packet = new ByteWriter(20 + body.length)
    .u16(0x4500)
    .u16(20 + body.length)
    .u16(0)
    .u16(0)
    .u8(hops)
    .u8(protocol)
    .u16(0)
    .bytes(ipToBytes(source))
    .bytes(ipToBytes(destination))
    .bytes(body)
    .done();
  return withSum(packet, 10, internetChecksum(packet.subarray(0, 20)));
}

const ipv6 = ({ source, destination }: Addressing, protocol: number, body: Uint8Array, hops = 255): Uint8Array =>
  new ByteWriter(40 + body.length)
    .u16(0x6000)
    .u16(0)
    .u16(body.length)
    .u8(protocol)
    .u8(hops)
    .bytes(ipToBytes(source))
    .bytes(ipToBytes(destination))
    .bytes(body)
    .done();

/** ICMP's checksum; that of version 6 covers the addresses as well. */
function checksummed(message: Uint8Array, { source, destination }: Addressing): Uint8Array {
  if (source.family === 4) return withSum(message, 2, internetChecksum(message));
  const pseudo = new ByteWriter(40).bytes(ipToBytes(source)).bytes(ipToBytes(destination));
  const header = pseudo.u16(0).u16(message.length).u16(0).u16(ICMP[6]).done();
  return withSum(message, 2, internetChecksum(header, message));
}

function withSum(bytes: Uint8Array, at: number, sum: number): Uint8Array {
  assert(bytes[at] === 0 && bytes[at + 1] === 0, 'the checksum was counted as 0');
  bytes.set([sum >>> 8, sum & 0xff], at);
  return bytes;
}

export type Heard =
  /** `answer`: to a question; `reply`: to an echo request; `announcement`: what nobody asked for. */
  | { readonly kind: 'answer' | 'reply' | 'announcement'; readonly address: Uint8Array }
  | { readonly kind: 'advert'; readonly source: Uint8Array; readonly priority: number };

/** What a frame says; undefined: nothing of interest. */
export function hear(frame: Uint8Array): Heard | undefined {
  if (frame.length < 42) return undefined;
  const type = frame[12]! * 0x100 + frame[13]!;
  if (type === ARP) return hearArp(frame);
  if (type === ETHERTYPE[4]) return hearIp(frame, { family: 4, protocol: frame[23]!, source: [26, 30], payload: 34 });
  if (type === ETHERTYPE[6]) return hearIp(frame, { family: 6, protocol: frame[20]!, source: [22, 38], payload: 54 });
  return undefined;
}

function hearArp(frame: Uint8Array): Heard | undefined {
  const sender = frame.subarray(28, 32);
  const isRequest = frame[21] === 1;
  const aboutItself = sender.every((byte, i) => byte === frame[38 + i]);
  if (isRequest && !aboutItself) return undefined;
  return { kind: isRequest ? 'announcement' : 'answer', address: sender };
}

function hearIp(
  frame: Uint8Array,
  at: {
    readonly family: Family;
    readonly protocol: number;
    readonly source: readonly [number, number];
    readonly payload: number;
  },
): Heard | undefined {
  const source = frame.subarray(...at.source);
  if (at.protocol === VRRP) return { kind: 'advert', source, priority: frame[at.payload + 2]! };
  if (at.protocol !== ICMP[at.family]) return undefined;
  const type = frame[at.payload];
  if (type === ECHO_REPLY[at.family]) return { kind: 'reply', address: source };
  if (at.family === 4 || type !== ADVERTISEMENT) return undefined;
  return { kind: frame[0] === 0x33 ? 'announcement' : 'answer', address: frame.subarray(62, 78) };
}
