/**
 * The VRRP advertisement on the wire, and nothing else: no state, no configuration.
 *
 * Version 2, RFC 3768 section 5.1, IPv4 only. The checksum covers this message alone:
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |Version| Type  | Virtual Rtr ID|   Priority    | Count IP Addrs|
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |   Auth Type   |   Adver Int   |          Checksum             |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                     IP Address (1) ... (n)                    |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |               Authentication Data, always 8 bytes             |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * Version 3, RFC 9568 section 5.1, IPv4 and IPv6. The interval is in centiseconds:
 *
 *   |Version| Type  | Virtual Rtr ID|   Priority    | Count IPvX    |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |(reserve)|   Max Advertise Int |          Checksum             |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                   IPvX Address (1) ... (n)                    |
 *
 * Over IPv6 its checksum includes the pseudo header. Over IPv4 RFC 9568 section 5.2.8 wants none, RFC 5798 could
 * be read either way, and keepalived includes one unless `v3_checksum_as_v2` is set: both are accepted here.
 */
import type { Family, Ip } from '../base/address.ts';
import { assert } from '../base/assert.ts';
import { addressLength, ByteReader, ByteWriter, internetChecksum, ipFromBytes, ipToBytes } from '../base/bytes.ts';
import { type Millis, ms } from '../base/units.ts';

/** IP protocol number of VRRP. */
export const VRRP_PROTOCOL = 112;
/** The count is one byte. */
export const ADDRESSES_MAX = 255;

const TYPE_ADVERTISEMENT = 1;
const HEADER_LENGTH = 8;
const CHECKSUM_OFFSET = 6;
const AUTHENTICATION_LENGTH = 8;

export interface Advertisement {
  readonly version: 2 | 3;
  /** 1 to 255. */
  readonly vrid: number;
  /** 0 when the Active router leaves, 255 for the owner. */
  readonly priority: number;
  /** v2: whole seconds up to 255; v3: centiseconds up to 4095. */
  readonly interval: Millis;
  readonly addresses: readonly Ip[];
  /** v2 only; absent: type 0 with eight zero bytes. */
  readonly authentication?: Authentication;
}

export interface Authentication {
  /** 0 none, 1 simple text password, 2 IP Authentication Header. RFC 2338 section 5.3.6. */
  readonly type: number;
  /** 8 bytes. */
  readonly data: Uint8Array;
}

/** Which IPv4 v3 checksum is sent: with a pseudo header, keepalived's default, or over the message alone. */
export type ChecksumKind = 'pseudo-header' | 'plain';

export interface Addressing {
  readonly source: Ip;
  readonly destination: Ip;
}

/** What makes a message no advertisement at all, whoever receives it. */
export type Malformed = 'length' | 'version' | 'type' | 'checksum';

/** The advertisement as bytes, from the version on: without IP header. */
export function encode(advertisement: Advertisement, addressing: Addressing, kind: ChecksumKind): Uint8Array {
  const { version, addresses, authentication } = advertisement;
  const family = addressing.source.family;
  assert(addresses.length <= ADDRESSES_MAX, 'the count of addresses fits its byte');
  assert(version === 3 || family === 4, 'version 2 is IPv4 only');
  const length = messageLength(version, family, addresses.length);
  const writer = new ByteWriter(length)
    .u8(version * 0x10 + TYPE_ADVERTISEMENT)
    .u8(advertisement.vrid)
    .u8(advertisement.priority)
    .u8(addresses.length);
  if (version === 2) writer.u8(authentication?.type ?? 0).u8(Math.round(advertisement.interval / 1000));
  else writer.u16(Math.round(advertisement.interval / 10) & 0x0fff);
  writer.u16(0);
  for (const address of addresses) writer.bytes(ipToBytes(address));
  if (version === 2) writer.bytes(authentication?.data ?? new Uint8Array(AUTHENTICATION_LENGTH));
  const bytes = writer.done();
  const pseudo = version === 3 && (family === 6 || kind === 'pseudo-header');
  const sum = pseudo ? internetChecksum(pseudoHeader(addressing, length), bytes) : internetChecksum(bytes);
  bytes.set([sum >>> 8, sum & 0xff], CHECKSUM_OFFSET);
  return bytes;
}

/** Reads a whole, well-formed advertisement; never throws, whatever the bytes. */
export function decode(bytes: Uint8Array, addressing: Addressing): Advertisement | Malformed {
  const message = dissect(bytes, addressing.source.family);
  if (typeof message === 'string') return message;
  if (message.type !== TYPE_ADVERTISEMENT) return 'type';
  return checksumHolds(bytes, message.advertisement.version, addressing) ? message.advertisement : 'checksum';
}

/** The fields as they stand, unjudged but for the length: a receiver has more to check before type and checksum. */
export function dissect(bytes: Uint8Array, family: Family): Dissected | 'length' | 'version' {
  if (bytes.length < HEADER_LENGTH) return 'length';
  const reader = new ByteReader(bytes);
  const [versionAndType, vrid, priority, count] = [reader.u8(), reader.u8(), reader.u8(), reader.u8()];
  const version = versionAndType >>> 4;
  if (version !== 3 && (version !== 2 || family !== 4)) return 'version';
  if (bytes.length !== messageLength(version, family, count)) return 'length';
  const authenticationType = version === 2 ? reader.u8() : 0;
  const interval = version === 2 ? ms(reader.u8() * 1000) : ms((reader.u16() & 0x0fff) * 10);
  reader.take(2);
  const addresses: Ip[] = [];
  for (let i = 0; i < count; i += 1) addresses.push(ipFromBytes(reader.take(addressLength(family))));
  const type = versionAndType & 0x0f;
  const advertisement = { version, vrid, priority, interval, addresses } as const;
  if (version === 3) return { type, advertisement };
  const data = reader.take(AUTHENTICATION_LENGTH).slice();
  if (authenticationType === 0 && data.every((byte) => byte === 0)) return { type, advertisement };
  return { type, advertisement: { ...advertisement, authentication: { type: authenticationType, data } } };
}

export interface Dissected {
  readonly type: number;
  readonly advertisement: Advertisement;
}

export const isAdvertisement = (message: Dissected): boolean => message.type === TYPE_ADVERTISEMENT;

/** Whether the checksum holds in one of the readings that its version and family allow. */
export function checksumHolds(bytes: Uint8Array, version: 2 | 3, addressing: Addressing): boolean {
  const family = addressing.source.family;
  if (version === 3 && internetChecksum(pseudoHeader(addressing, bytes.length), bytes) === 0) return true;
  return family === 4 && internetChecksum(bytes) === 0;
}

/** Where the VRID stands, for whoever shares one socket among several virtual routers. */
export const vridOf = (bytes: Uint8Array): number | undefined => bytes[1];

function messageLength(version: 2 | 3, family: Family, count: number): number {
  return HEADER_LENGTH + count * addressLength(family) + (version === 2 ? AUTHENTICATION_LENGTH : 0);
}

/** IPv4: RFC 793 section 3.1; IPv6: RFC 8200 section 8.1. */
function pseudoHeader({ source, destination }: Addressing, length: number): Uint8Array {
  const writer = new ByteWriter(source.family === 4 ? 12 : 40).bytes(ipToBytes(source)).bytes(ipToBytes(destination));
  if (source.family === 4) return writer.u8(0).u8(VRRP_PROTOCOL).u16(length).done();
  return writer.u16(0).u16(length).u16(0).u8(0).u8(VRRP_PROTOCOL).done();
}
