/**
 * Whether a received advertisement counts. The checks stand in keepalived's order, so that a packet that is wrong
 * in several ways is counted under the same name in both daemons. RFC 9568 section 7.1, RFC 3768 section 7.1.
 *
 * Two differences are told but never a reason to drop: a v3 interval (it is learned), and an address list that is
 * not ours (keepalived from 2.3.3 on; up to 2.3.2 it split the pair while only one side was changed).
 */
import type { Ip } from '../base/address.ts';
import { type InstanceConfig, PRIORITY_OWNER } from './config.ts';
import { VRRP_TTL } from './ipv4.ts';
import { type Advertisement, checksumHolds, dissect, isAdvertisement, type Malformed } from './packet.ts';

/** A message of protocol 112 as the socket delivered it. */
export interface Packet {
  readonly source: Ip;
  readonly destination: Ip;
  /** TTL or hop limit; absent where the socket did not tell. */
  readonly ttl?: number;
  /** Behind the IP header. */
  readonly payload: Uint8Array;
}

export type DropReason =
  | Malformed
  | 'ttl'
  | 'authentication-type'
  | 'authentication-failure'
  | 'interval'
  | 'destination'
  | 'owner'
  | 'unicast-source';

export type Difference = 'interval-differs' | 'addresses-differ';

export type Received =
  | { readonly kind: 'dropped'; readonly reason: DropReason }
  | {
      readonly kind: 'accepted';
      readonly advertisement: Advertisement;
      readonly differences: readonly Difference[];
    };

/** What the checks need of the running instance. */
export interface Receiver {
  readonly priority: number;
  /** Whom the last accepted advertisement came from. */
  readonly activeRouter?: Ip;
}

export function receive(config: InstanceConfig, receiver: Receiver, packet: Packet): Received {
  const message = dissect(packet.payload, packet.source.family);
  if (message === 'length') return { kind: 'dropped', reason: 'length' };
  if (!ttlHolds(config, packet)) return { kind: 'dropped', reason: 'ttl' };
  if (message === 'version') return { kind: 'dropped', reason: 'version' };
  const { advertisement } = message;
  const v2 = config.version === 2;
  const failed = first([
    ['version', advertisement.version !== config.version],
    ['authentication-type', v2 && (advertisement.authentication?.type ?? 0) !== (config.password ? 1 : 0)],
    ['authentication-failure', v2 && !passwordHolds(config.password, advertisement.authentication?.data)],
    ['interval', v2 && advertisement.interval !== config.advertisementInterval],
    ['type', !isAdvertisement(message)],
  ]);
  if (failed) return { kind: 'dropped', reason: failed };
  if (!checksumHolds(packet.payload, advertisement.version, packet)) return { kind: 'dropped', reason: 'checksum' };
  const refused = first([
    ['destination', isMulticast(packet.destination) === (config.peers !== undefined)],
    ['owner', config.ownerIgnoreAdverts && receiver.priority === PRIORITY_OWNER],
    ['unicast-source', config.checkUnicastSource && config.peers !== undefined && !peerOf(config, packet.source)],
  ]);
  if (refused) return { kind: 'dropped', reason: refused };
  return { kind: 'accepted', advertisement, differences: differences(config, receiver, packet, advertisement) };
}

const first = (checks: readonly (readonly [DropReason, boolean])[]): DropReason | undefined =>
  checks.find(([, failed]) => failed)?.[0];

/** Multicast: 255 and nothing else. Unicast: only where the peer's line gives bounds. */
function ttlHolds(config: InstanceConfig, packet: Packet): boolean {
  if (isMulticast(packet.destination)) return packet.ttl === undefined || packet.ttl === VRRP_TTL;
  const peer = peerOf(config, packet.source);
  if (peer?.min_ttl === undefined && peer?.max_ttl === undefined) return true;
  return packet.ttl !== undefined && packet.ttl >= (peer.min_ttl ?? 0) && packet.ttl <= (peer.max_ttl ?? VRRP_TTL);
}

const peerOf = (config: InstanceConfig, source: Ip) => config.peers?.find((peer) => peer.text === source.text);

const isMulticast = (ip: Ip): boolean =>
  ip.family === 4 ? /^2(2[4-9]|3\d)\./.test(ip.text) : ip.text.startsWith('ff') && /^ff..:/.test(ip.text);

/** In constant time: how far a wrong password is right must not show in the time taken. */
function passwordHolds(ours: Uint8Array | undefined, theirs: Uint8Array | undefined): boolean {
  if (!ours) return true;
  let different = 0;
  for (let i = 0; i < ours.length; i += 1) different |= ours[i]! ^ (theirs?.[i] ?? 0);
  return different === 0;
}

function differences(
  config: InstanceConfig,
  receiver: Receiver,
  packet: Packet,
  advertisement: Advertisement,
): readonly Difference[] {
  const found: Difference[] = [];
  if (advertisement.interval !== config.advertisementInterval) found.push('interval-differs');
  const skip = config.skipAddressCheck && receiver.activeRouter?.text === packet.source.text;
  if (!skip && !sameSet(config.addresses, advertisement.addresses)) found.push('addresses-differ');
  return found;
}

function sameSet(ours: readonly Ip[], theirs: readonly Ip[]): boolean {
  if (ours.length !== theirs.length) return false;
  if (ours.every((address, i) => address.text === theirs[i]!.text)) return true;
  const texts = new Set(ours.map((address) => address.text));
  return theirs.every((address) => texts.has(address.text));
}
