/**
 * Cursors over bytes, in network order, and the step between addresses and bytes.
 * A reader never reads past its end: whoever decodes checks `left` first, so an overrun is our bug.
 */
import type { Family, Ip } from './address.ts';
import { assert } from './assert.ts';

export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    assert(this.left >= 1, 'a read stays inside its bytes');
    return this.#bytes[this.#at++]!;
  }

  u16(): number {
    return this.u8() * 0x100 + this.u8();
  }

  /** The next bytes as a view: they are not copied. */
  take(length: number): Uint8Array {
    assert(this.left >= length, 'a read stays inside its bytes');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}

/** Fills a buffer whose length is known from the start; `done` hands it out once it is full. */
export class ByteWriter {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(length: number) {
    this.#bytes = new Uint8Array(length);
  }

  u8(value: number): this {
    assert(this.#at < this.#bytes.length, 'a write stays inside its bytes');
    this.#bytes[this.#at++] = value;
    return this;
  }

  u16(value: number): this {
    return this.u8(value >>> 8).u8(value);
  }

  bytes(value: Uint8Array): this {
    assert(this.#at + value.length <= this.#bytes.length, 'a write stays inside its bytes');
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
    return this;
  }

  done(): Uint8Array {
    assert(this.#at === this.#bytes.length, 'every byte is written');
    return this.#bytes;
  }
}

export const addressLength = (family: Family): number => (family === 4 ? 4 : 16);

/** The address as it stands on the wire: 4 or 16 bytes. */
export function ipToBytes(ip: Ip): Uint8Array {
  return ip.family === 4 ? ipv4ToBytes(ip.text) : ipv6ToBytes(ip.text);
}

const DOT = 0x2e;
const ZERO = 0x30;

/** Digit by digit: a router that takes over 10,000 addresses does this 30,000 times before it may be late. */
function ipv4ToBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(4);
  let at = 0;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code === DOT) at += 1;
    else bytes[at] = bytes[at]! * 10 + code - ZERO;
  }
  return bytes;
}

/** The address that 4 or 16 bytes stand for, in canonical text. */
export function ipFromBytes(bytes: Uint8Array): Ip {
  assert(bytes.length === 4 || bytes.length === 16, 'an address has 4 or 16 bytes');
  if (bytes.length === 4) return { family: 4, text: `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}` };
  return { family: 6, text: ipv6Text(bytes) };
}

/** Text as UTF-8. */
export function utf8Bytes(text: string): Uint8Array {
  const units = encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\ufffd')).match(/%[0-9A-F]{2}|./g) ?? [];
  return Uint8Array.from(units, (unit) => (unit.length > 1 ? Number.parseInt(unit.slice(1), 16) : unit.charCodeAt(0)));
}

/** Orders addresses of one family as unsigned numbers: below 0 where `a` is the lower. */
export function compareIps(a: Ip, b: Ip): number {
  const [left, right] = [ipToBytes(a), ipToBytes(b)];
  const differs = left.findIndex((byte, i) => byte !== right[i]);
  return differs < 0 ? 0 : left[differs]! - right[differs]!;
}

/** The Internet checksum over all parts in a row; every part but the last has an even length. RFC 1071. */
export function internetChecksum(...parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) {
    for (let i = 0; i < part.length; i += 2) sum += part[i]! * 0x100 + (part[i + 1] ?? 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function ipv6ToBytes(text: string): Uint8Array {
  const [head = '', tail] = text.split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const after = groups(tail ?? '');
  const before = groups(head);
  const zeros = new Array<string>(8 - before.length - after.length).fill('0');
  const writer = new ByteWriter(16);
  for (const group of [...before, ...zeros, ...after]) writer.u16(Number.parseInt(group, 16));
  return writer.done();
}

/** RFC 5952: lower case, no leading zeros, the first longest run of two or more zero groups as `::`. */
function ipv6Text(bytes: Uint8Array): string {
  const reader = new ByteReader(bytes);
  const groups = Array.from({ length: 8 }, () => reader.u16());
  let [start, length] = [-1, 1];
  for (let from = 0; from < 8; from += 1) {
    let run = 0;
    while (groups[from + run] === 0) run += 1;
    if (run > length) [start, length] = [from, run];
  }
  const text = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':');
  if (start < 0) return text(groups);
  return `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`;
}

/** How many bytes `text` has in UTF-8. */
export function utf8Length(text: string): number {
  let bytes = 0;
  for (const c of text) {
    const code = c.codePointAt(0)!;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}
