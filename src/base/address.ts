/**
 * IP addresses as plain data, over the ip-address package. Octal-looking octets, short forms and blanks are
 * refused as the package refuses them; prefix lengths are guarded here.
 */
import { Address4, Address6 } from 'ip-address';

export type Family = 4 | 6;

export interface Ip {
  readonly family: Family;
  /** Canonical text (RFC 5952 for IPv6): equal addresses have equal text. */
  readonly text: string;
}

/** An address with the length of its prefix: `10.1.1.1/24`. */
export interface IpPrefix extends Ip {
  readonly prefix: number;
}

/** Reads one address without a prefix; undefined where the text is none. Zone ids (`%eth0`) are refused. */
export function parseIp(text: string): Ip | undefined {
  if (text.includes('/') || text.includes('%')) return undefined;
  const parsed = parse(text);
  return parsed && { family: parsed.family, text: parsed.text };
}

/** Reads `ADDRESS` or `ADDRESS/LENGTH`; without a length it is the address's own (32 or 128). */
export function parseIpPrefix(text: string): IpPrefix | undefined {
  if (text.includes('%')) return undefined;
  const slash = text.indexOf('/');
  if (slash >= 0 && !/^(0|[1-9]\d{0,2})$/.test(text.slice(slash + 1))) return undefined;
  return parse(text);
}

export const formatIpPrefix = (ip: IpPrefix): string => `${ip.text}/${ip.prefix}`;

/** fe80::/10: an IPv6 address that means something on its own link only. */
export const isLinkLocal = ({ family, text }: Ip): boolean => family === 6 && /^fe[89ab]/.test(text);

/** The first address of the prefix's network, canonical: `10.1.1.0` for `10.1.1.7/24`. */
export function networkOf(ip: IpPrefix): string {
  return toAddress(ip).startAddress().correctForm();
}

/** Whether `inner` lies in the network of `outer` (both of one family). */
export function contains(outer: IpPrefix, inner: Ip): boolean {
  if (outer.family !== inner.family) return false;
  if (outer.family === 4) return networkBits(outer) === networkBits({ ...inner, prefix: outer.prefix });
  return networkOf(outer) === networkOf({ ...inner, prefix: outer.prefix });
}

/** The bits of an IPv4 address that lie in its prefix, as a number: equal for all of one network. */
export function networkBits(ip: IpPrefix): number {
  // A shift by 32 is one by 0: the empty prefix holds everything.
  return ip.prefix === 0 ? 0 : octets(ip) >>> (32 - ip.prefix);
}

/** The directed broadcast address of an IPv4 network, as text. */
export function broadcastOf(ip: IpPrefix): string {
  return toAddress(ip).endAddress().correctForm();
}

/** The address as a number, for ordering and for the wire. */
export function ipToBigInt(ip: Ip): bigint {
  return toAddress({ ...ip, prefix: ip.family === 4 ? 32 : 128 }).bigInt();
}

const toAddress = (ip: IpPrefix): Address4 | Address6 =>
  ip.family === 4 ? new Address4(`${ip.text}/${ip.prefix}`) : new Address6(`${ip.text}/${ip.prefix}`);

/** A canonical IPv4 address as 32 bits. */
function octets({ text }: Ip): number {
  let bits = 0;
  let octet = 0;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code !== DOT) octet = octet * 10 + code - ZERO;
    else [bits, octet] = [(bits << 8) | octet, 0];
  }
  return (bits << 8) | octet;
}
const DOT = 0x2e;
const ZERO = 0x30;

/** Fleets say the same addresses at every site, and reading one costs microseconds; some 5 MB at the most. */
const KNOWN_MAX = 20_000;
const known = new Map<string, IpPrefix | undefined>();

function parse(text: string): IpPrefix | undefined {
  if (!known.has(text)) {
    if (known.size >= KNOWN_MAX) known.clear();
    known.set(text, parseAnew(text));
  }
  const found = known.get(text);
  return found && { ...found };
}

function parseAnew(text: string): IpPrefix | undefined {
  try {
    const address = text.includes(':') ? new Address6(text) : new Address4(text);
    return { family: text.includes(':') ? 6 : 4, text: address.correctForm(), prefix: address.subnetMask };
  } catch {
    return undefined;
  }
}
