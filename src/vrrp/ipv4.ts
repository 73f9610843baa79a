/**
 * The IPv4 header around an advertisement: raw IPv4 sockets send and receive it with the message.
 *
 *   |Version|  IHL  |Type of Service|          Total Length         |
 *   |         Identification        |Flags|      Fragment Offset    |
 *   |  Time to Live |    Protocol   |         Header Checksum       |
 *   |                       Source Address                          |
 *   |                    Destination Address                        |      RFC 791 section 3.1
 */
import { ByteReader, ByteWriter, internetChecksum, ipFromBytes, ipToBytes } from '../base/bytes.ts';
import { type Addressing, VRRP_PROTOCOL } from './packet.ts';

const HEADER_LENGTH = 20;
/** Internetwork control (RFC 791), what keepalived sends: switches put it into their highest queue. */
const TYPE_OF_SERVICE = 0xc0;
/** RFC 9568 section 5.1.1.3: a receiver drops anything else, so that nothing from behind a router is believed. */
export const VRRP_TTL = 255;

export interface Ipv4Options extends Addressing {
  /** Counts up with every packet of a virtual router, as keepalived's does; only its low 16 bits are sent. */
  readonly id: number;
  readonly ttl: number;
}

/** The whole packet: header and message. */
export function encodeIpv4(message: Uint8Array, options: Ipv4Options): Uint8Array {
  const packet = new ByteWriter(HEADER_LENGTH + message.length)
    .u8(0x45)
    .u8(TYPE_OF_SERVICE)
    .u16(HEADER_LENGTH + message.length)
    .u16(options.id & 0xffff)
    .u16(0)
    .u8(options.ttl)
    .u8(VRRP_PROTOCOL)
    .u16(0)
    .bytes(ipToBytes(options.source))
    .bytes(ipToBytes(options.destination))
    .bytes(message)
    .done();
  const sum = internetChecksum(packet.subarray(0, HEADER_LENGTH));
  packet.set([sum >>> 8, sum & 0xff], 10);
  return packet;
}

export interface Ipv4Packet extends Addressing {
  readonly ttl: number;
  readonly payload: Uint8Array;
}

/** Reads what a raw socket delivered; bytes behind the total length (Ethernet's padding) are ignored. */
export function decodeIpv4(bytes: Uint8Array): Ipv4Packet | 'length' {
  if (bytes.length < HEADER_LENGTH) return 'length';
  const reader = new ByteReader(bytes);
  const headerLength = (reader.u8() & 0x0f) * 4;
  reader.u8();
  const totalLength = reader.u16();
  if (headerLength < HEADER_LENGTH || totalLength < headerLength || totalLength > bytes.length) return 'length';
  reader.take(4);
  const ttl = reader.u8();
  reader.take(3);
  const [source, destination] = [ipFromBytes(reader.take(4)), ipFromBytes(reader.take(4))];
  return { source, destination, ttl, payload: bytes.subarray(headerLength, totalLength) };
}
