/**
 * struct msghdr and its relatives, laid out in buffers (recvmsg(2), cmsg(3), sendmmsg(2); 64-bit):
 *
 *   msghdr   0 name*  8 namelen(4)  16 iovec*  24 iovlen  32 control*  40 controllen  48 flags(4)   56 bytes
 *   mmsghdr  msghdr, 56 length(4)                                                                   64 bytes
 *   iovec    0 base*  8 length                                                                      16 bytes
 *   cmsghdr  0 length (with header)  8 level(4)  12 type(4)  16 data, each starting at a multiple of 8
 *
 * The classes keep every buffer whose address stands in another one.
 */
import { assert } from '../base/assert.ts';
import { addressOf, type Pollable, receiveMessage, sendMessage, sendMessages } from './ffi.ts';

const MSGHDR = 56;
const MMSGHDR = 64;
const IOVEC = 16;
const CMSGHDR = 16;

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const aligned = (length: number): number => (length + 7) & ~7;

interface Parts {
  readonly name: Uint8Array | undefined;
  readonly data: Uint8Array;
  readonly control: Uint8Array | undefined;
}

/** Writes a msghdr over one piece of data; returns the iovec, which has to be kept as well. */
function writeHeader(header: DataView, at: number, { name, data, control }: Parts): Uint8Array {
  const iovec = new Uint8Array(IOVEC);
  viewOf(iovec).setBigUint64(0, addressOf(data), true);
  viewOf(iovec).setBigUint64(8, BigInt(data.length), true);
  if (name) {
    header.setBigUint64(at, addressOf(name), true);
    header.setUint32(at + 8, name.length, true);
  }
  header.setBigUint64(at + 16, addressOf(iovec), true);
  header.setBigUint64(at + 24, 1n, true);
  if (control) {
    header.setBigUint64(at + 32, addressOf(control), true);
    header.setBigUint64(at + 40, BigInt(control.length), true);
  }
  return iovec;
}

export interface Control {
  readonly level: number;
  readonly type: number;
  readonly data: Uint8Array;
}

/** Buffers that datagrams are received into, one after another. */
export class Inbox {
  readonly #header = new Uint8Array(MSGHDR);
  readonly #name = new Uint8Array(28);
  readonly #control = new Uint8Array(256);
  readonly #data: Uint8Array;
  readonly #iovec: Uint8Array;

  constructor(size: number) {
    this.#data = new Uint8Array(size);
    const parts = { name: this.#name, data: this.#data, control: this.#control };
    this.#iovec = writeHeader(viewOf(this.#header), 0, parts);
  }

  /** The datagram's bytes, a copy, cut at the inbox's size; or a negative errno. The rest of it: see below. */
  receive(fd: Pollable): Uint8Array | number {
    const header = viewOf(this.#header);
    header.setUint32(8, this.#name.length, true);
    header.setBigUint64(40, BigInt(this.#control.length), true);
    assert(this.#iovec.length === IOVEC, 'the iovec is kept');
    const length = receiveMessage(fd, this.#header);
    return length < 0 ? length : this.#data.slice(0, length);
  }

  /** The sender's sockaddr of the datagram just received; to be read before the next one. */
  get sender(): Uint8Array {
    return this.#name;
  }

  /** The control messages of the datagram just received; to be read before the next one. */
  controls(): readonly Control[] {
    const view = viewOf(this.#control);
    const end = Number(viewOf(this.#header).getBigUint64(40, true));
    const found: Control[] = [];
    for (let at = 0; at + CMSGHDR <= end; ) {
      const length = Number(view.getBigUint64(at, true));
      if (length < CMSGHDR || at + length > end) break;
      const data = this.#control.subarray(at + CMSGHDR, at + length);
      found.push({ level: view.getInt32(at + 8, true), type: view.getInt32(at + 12, true), data });
      at += aligned(length);
    }
    return found;
  }
}

/** Sends one datagram with a control message; bytes taken, or a negative errno. */
export function sendWithControl(
  fd: Pollable,
  message: { readonly to: Uint8Array; readonly data: Uint8Array; readonly control: Control },
): number {
  const { level, type, data } = message.control;
  const control = new Uint8Array(aligned(CMSGHDR + data.length));
  viewOf(control).setBigUint64(0, BigInt(CMSGHDR + data.length), true);
  viewOf(control).setInt32(8, level, true);
  viewOf(control).setInt32(12, type, true);
  control.set(data, CMSGHDR);
  const header = new Uint8Array(MSGHDR);
  const iovec = writeHeader(viewOf(header), 0, { name: message.to, data: message.data, control });
  const sent = sendMessage(fd, header);
  // Used after the call, so that it lives until then.
  assert(iovec.length === IOVEC && control.length >= CMSGHDR, 'what the header points to is kept');
  return sent;
}

/** Fixed slots that datagrams are sent from, many in one call. */
export class Outbox {
  readonly slots: number;
  readonly slotSize: number;
  readonly #headers: Uint8Array;
  readonly #kept: { readonly name: Uint8Array; readonly data: Uint8Array; readonly iovec: Uint8Array }[] = [];

  constructor(options: { readonly slots: number; readonly slotSize: number; readonly nameSize: number }) {
    this.slots = options.slots;
    this.slotSize = options.slotSize;
    this.#headers = new Uint8Array(MMSGHDR * options.slots);
    for (let slot = 0; slot < options.slots; slot += 1) {
      const parts = { name: new Uint8Array(options.nameSize), data: new Uint8Array(options.slotSize) };
      const iovec = writeHeader(viewOf(this.#headers), slot * MMSGHDR, { ...parts, control: undefined });
      this.#kept.push({ ...parts, iovec });
    }
  }

  fill(slot: number, message: { readonly to: Uint8Array; readonly data: Uint8Array }): void {
    const { name, data, iovec } = this.#kept[slot]!;
    assert(message.data.length <= this.slotSize && message.to.length === name.length, 'a message fits its slot');
    name.set(message.to);
    data.set(message.data);
    viewOf(iovec).setBigUint64(8, BigInt(message.data.length), true);
  }

  /** Sends the first `count` slots; how many were taken, or a negative errno if none was. */
  send(fd: Pollable, count: number): number {
    assert(count <= this.slots, 'there are so many slots');
    return sendMessages(fd, this.#headers, count);
  }
}
