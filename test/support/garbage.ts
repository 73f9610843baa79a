/** What comes in on protocol 112 and says nothing: noise of every length, and adverts that are wrong in one byte each. */
import { advertisementBytes } from '../../src/vrrp/advertise.ts';
import { encodeIpv4 } from '../../src/vrrp/ipv4.ts';
import { instanceConfig, ip } from './vrrp.ts';

export interface Sender {
  /** Its address. */
  readonly source: string;
  /** What it claims to hold. */
  readonly vip: string;
}

const DESTINATION = ip('224.0.0.18');

/** An advert of priority 200 for VRID 51 that is right. */
export function goodAdvert({ source, vip }: Sender): Uint8Array {
  const master = instanceConfig({ vrid: 51, priority: 200, addresses: [ip(vip)] });
  return advertisementBytes(master, 200, ip(source), DESTINATION);
}

/** The whole frame; 01:00:5e:00:00:12 is 224.0.0.18's. RFC 1112 section 6.4. */
export function vrrpFrame({ source }: Sender, message: Uint8Array, id: number): Uint8Array {
  const packet = encodeIpv4(message, { source: ip(source), destination: DESTINATION, id, ttl: 255 });
  return Buffer.concat([Buffer.from('01005e00001202000000000908' + '00', 'hex'), packet]);
}

/** The same for the same number. */
export function garbage(advert: Uint8Array, i: number): Uint8Array {
  if (i % 2 === 0) return Uint8Array.from({ length: i % 64 }, (_, at) => (i * 31 + at * 17) & 0xff);
  const bytes = advert.slice();
  bytes[i % bytes.length]! ^= 1 + (i % 255);
  return bytes;
}
