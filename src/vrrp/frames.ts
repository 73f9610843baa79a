/**
 * Frames that tell the neighbours where an address now lives, whole from the Ethernet header on.
 * IPv4: a gratuitous ARP request (RFC 5227 section 3, keepalived's choice); IPv6: an unsolicited neighbour
 * advertisement (RFC 4861 section 7.2.6). RFC 9568 section 6.4.2 asks for them.
 */
import type { Ip } from '../base/address.ts';
import { assert } from '../base/assert.ts';
import { ByteWriter, internetChecksum, ipToBytes } from '../base/bytes.ts';

export interface Announcement {
  readonly address: Ip;
  /** The sender's hardware address, 6 bytes. */
  readonly mac: Uint8Array;
  /** IPv6: whether the device forwards; hosts drop a default router whose advertisement lacks the flag. */
  readonly router: boolean;
}

export function announcementFrame(announcement: Announcement): Uint8Array {
  assert(announcement.mac.length === 6, 'a hardware address has 6 bytes');
  return announcement.address.family === 4 ? gratuitousArp(announcement) : neighbourAdvertisement(announcement);
}

/**
 *   Ethernet: destination ff:ff:ff:ff:ff:ff, source, type 0806
 *   ARP (RFC 826): hardware 1, protocol 0800, lengths 6 and 4, operation 1 (request),
 *   sender mac and VIP, target mac and VIP. The target mac says nothing in a request; keepalived sends ff.
 */
function gratuitousArp({ address, mac }: Announcement): Uint8Array {
  const broadcast = new Uint8Array(6).fill(0xff);
  const vip = ipToBytes(address);
  return new ByteWriter(14 + 28)
    .bytes(broadcast)
    .bytes(mac)
    .u16(0x0806)
    .u16(1)
    .u16(0x0800)
    .u8(6)
    .u8(4)
    .u16(1)
    .bytes(mac)
    .bytes(vip)
    .bytes(broadcast)
    .bytes(vip)
    .done();
}

const ALL_NODES = ipToBytes({ family: 6, text: 'ff02::1' });
const ALL_NODES_MAC = Uint8Array.of(0x33, 0x33, 0, 0, 0, 1);
const ICMPV6 = 58;
const FLAG_ROUTER = 0x80;
const FLAG_OVERRIDE = 0x20;
/** NA header 8, target 16, option target link-layer address 8. */
const ADVERTISEMENT_LENGTH = 32;

/**
 *   Ethernet: destination 33:33:00:00:00:01, source, type 86dd
 *   IPv6: hop limit 255, from the VIP to ff02::1
 *   ICMPv6 136, flags R-O, target VIP, option 2 with the mac. RFC 4861 section 4.4.
 */
function neighbourAdvertisement({ address, mac, router }: Announcement): Uint8Array {
  const vip = ipToBytes(address);
  const message = new ByteWriter(ADVERTISEMENT_LENGTH)
    .u8(136)
    .u8(0)
    .u16(0)
    .u8((router ? FLAG_ROUTER : 0) + FLAG_OVERRIDE)
    .bytes(new Uint8Array(3))
    .bytes(vip)
    .u8(2)
    .u8(1)
    .bytes(mac)
    .done();
  const pseudo = new ByteWriter(40).bytes(vip).bytes(ALL_NODES).u16(0).u16(ADVERTISEMENT_LENGTH).u16(0).u16(ICMPV6);
  const sum = internetChecksum(pseudo.done(), message);
  message.set([sum >>> 8, sum & 0xff], 2);
  return new ByteWriter(14 + 40 + ADVERTISEMENT_LENGTH)
    .bytes(ALL_NODES_MAC)
    .bytes(mac)
    .u16(0x86dd)
    .u16(0x6000)
    .u16(0)
    .u16(ADVERTISEMENT_LENGTH)
    .u8(ICMPV6)
    .u8(255)
    .bytes(vip)
    .bytes(ALL_NODES)
    .bytes(message)
    .done();
}
