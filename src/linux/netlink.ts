/**
 * Netlink messages as bytes: no socket, no meaning. Everything is in the machine's order (little-endian here) and
 * starts at a multiple of 4. RFC 3549 section 2.3; the kernel's netlink(7) and include/uapi/linux/netlink.h.
 *
 *   message    length(4, with header) type(2) flags(2) sequence(4) port(4), then the family's own header, attributes
 *   attribute  length(2, with header) type(2, top bit: nested), data
 */
import { assert } from '../base/assert.ts';

export const NLM_F = {
  REQUEST: 0x01,
  ACK: 0x04,
  DUMP_INTR: 0x10,
  DUMP: 0x300,
  REPLACE: 0x100,
  EXCL: 0x200,
  CREATE: 0x400,
  APPEND: 0x800,
} as const;

export const NLMSG = { ERROR: 2, DONE: 3 } as const;
/** Flags of an error message: its copy of the request is the header only; attributes follow. */
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;
const NLMSGERR_ATTR_MSG = 1;
const NLA_TYPE_MASK = 0x3fff;
const NLA_F_NESTED = 0x8000;

export const NLMSG_HEADER = 16;
const NLA_HEADER = 4;

const aligned = (length: number): number => (length + 3) & ~3;

/** Writes messages one behind the other into a buffer of fixed size. */
export class MessageWriter {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(size: number) {
    this.#bytes = new Uint8Array(size);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get room(): number {
    return this.#bytes.length - this.#at;
  }

  get empty(): boolean {
    return this.#at === 0;
  }

  /** One message; nothing of it stays where `body` throws. */
  message(head: { readonly type: number; readonly flags: number; readonly sequence: number }, body: () => void): void {
    const start = this.#at;
    try {
      this.#claim(NLMSG_HEADER);
      body();
    } catch (error) {
      this.#bytes.fill(0, start, this.#at);
      this.#at = start;
      throw error;
    }
    this.#view.setUint32(start, this.#at - start, true);
    this.#view.setUint16(start + 4, head.type, true);
    this.#view.setUint16(start + 6, head.flags, true);
    this.#view.setUint32(start + 8, head.sequence, true);
    this.#at = aligned(this.#at);
  }

  /** Adds a flag to the message that starts here. */
  addFlag(start: number, flag: number): void {
    this.#view.setUint16(start + 6, this.#view.getUint16(start + 6, true) | flag, true);
  }

  /** The family's own header, as it stands. */
  header(...bytes: readonly number[]): void {
    const start = this.#claim(bytes.length);
    this.#bytes.set(bytes, start);
    this.#at = aligned(this.#at);
  }

  attribute(type: number, data: Uint8Array): void {
    const start = this.#claim(NLA_HEADER + data.length);
    this.#view.setUint16(start, NLA_HEADER + data.length, true);
    this.#view.setUint16(start + 2, type, true);
    this.#bytes.set(data, start + NLA_HEADER);
    this.#at = aligned(this.#at);
  }

  u32(type: number, value: number): void {
    const start = this.#claim(NLA_HEADER + 4);
    this.#view.setUint16(start, NLA_HEADER + 4, true);
    this.#view.setUint16(start + 2, type, true);
    this.#view.setUint32(start + NLA_HEADER, value, true);
  }

  u8(type: number, value: number): void {
    this.attribute(type, Uint8Array.of(value));
  }

  /** Text with its ending zero. */
  text(type: number, value: string): void {
    this.attribute(type, new TextEncoder().encode(`${value}\0`));
  }

  /** An attribute that holds attributes. */
  nested(type: number, body: () => void): void {
    const start = this.#claim(NLA_HEADER);
    body();
    this.#view.setUint16(start, this.#at - start, true);
    this.#view.setUint16(start + 2, type + NLA_F_NESTED, true);
  }

  /** A stretch that begins with its own length in 2 bytes, such as one next hop of several. */
  measured(header: readonly number[], body: () => void): void {
    const start = this.#claim(2 + header.length);
    this.#bytes.set(header, start + 2);
    body();
    this.#view.setUint16(start, this.#at - start, true);
  }

  /** Where the next message will start. */
  get position(): number {
    return this.#at;
  }

  /** What has been written, as a copy; the writer is empty again. */
  take(): Uint8Array {
    const written = this.#bytes.slice(0, this.#at);
    this.#bytes.fill(0, 0, this.#at);
    this.#at = 0;
    return written;
  }

  #claim(length: number): number {
    const start = this.#at;
    assert(start + length <= this.#bytes.length, 'a message fits the buffer');
    this.#at += length;
    return start;
  }
}

export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** Whose request caused it: 0 for the kernel's own doing. */
  readonly port: number;
  /** Behind the netlink header: a view, not a copy. */
  readonly body: Uint8Array;
}

/** The whole messages in what was received; a cut one at the end is left out. */
export function readMessages(bytes: Uint8Array): readonly Message[] {
  const view = viewOf(bytes);
  const found: Message[] = [];
  for (let at = 0; at + NLMSG_HEADER <= bytes.length; ) {
    const length = view.getUint32(at, true);
    if (length < NLMSG_HEADER || at + length > bytes.length) break;
    found.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      port: view.getUint32(at + 12, true),
      body: bytes.subarray(at + NLMSG_HEADER, at + length),
    });
    at += aligned(length);
  }
  return found;
}

/** Attributes by type; of several with one type the last counts. A cut one at the end is left out. */
export function readAttributes(bytes: Uint8Array): ReadonlyMap<number, Uint8Array> {
  const view = viewOf(bytes);
  const found = new Map<number, Uint8Array>();
  for (let at = 0; at + NLA_HEADER <= bytes.length; ) {
    const length = view.getUint16(at, true);
    if (length < NLA_HEADER || at + length > bytes.length) break;
    found.set(view.getUint16(at + 2, true) & NLA_TYPE_MASK, bytes.subarray(at + NLA_HEADER, at + length));
    at += aligned(length);
  }
  return found;
}

export interface ErrorReply {
  /** 0: it is the acknowledgement. */
  readonly errno: number;
  /** What the kernel says beyond the number, where it does. */
  readonly message?: string;
}

/** The body of an NLMSG_ERROR: errno (negative), then the request it answers, then attributes. */
export function readError(message: Message): ErrorReply {
  const { body, flags } = message;
  if (body.length < 4 + NLMSG_HEADER) return { errno: 0 };
  const view = viewOf(body);
  const errno = -view.getInt32(0, true);
  if ((flags & NLM_F_ACK_TLVS) === 0) return { errno };
  const copied = (flags & NLM_F_CAPPED) !== 0 ? NLMSG_HEADER : view.getUint32(4, true);
  const text = readAttributes(body.subarray(4 + aligned(copied))).get(NLMSGERR_ATTR_MSG);
  return text ? { errno, message: readText(text) } : { errno };
}

/** Text up to its ending zero. */
export function readText(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

export const readU32 = (bytes: Uint8Array, at = 0): number => viewOf(bytes).getUint32(at, true);
export const u32 = (value: number): readonly number[] => [
  value & 0xff,
  (value >>> 8) & 0xff,
  (value >>> 16) & 0xff,
  value >>> 24,
];

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
