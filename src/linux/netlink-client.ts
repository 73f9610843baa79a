/**
 * Requests to the kernel's routing tables. The kernel handles a request inside the call that sends it, so everything
 * here is answered when it returns, and blocks for as long as the kernel works or waits for its lock.
 */
import { assert } from '../base/assert.ts';
import {
  closeDescriptor,
  errorName,
  type Pollable,
  SystemError,
  sendTo,
  setSocketOption,
  socketAddress,
  trySocketOption,
} from './ffi.ts';
import { type Message, MessageWriter, NLM_F, NLMSG, NLMSG_HEADER, readError, readU32 } from './netlink.ts';
import { type NetlinkSocketOptions, openNetlinkSocket, receiveAnswers } from './netlink-socket.ts';

const NETLINK_ROUTE = 0;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;

/** Room for the notices of 10,000 addresses, a KiB each and one more for the local route, while the loop is elsewhere. */
export const RECEIVE_BUFFER = 16 * 1024 * 1024;
/** A batch of 256 routes with some next hops each. */
const SEND_BUFFER = 1024 * 1024;
/** The kernel makes dumps in pieces of up to 32 KiB; a link with many virtual functions takes more for itself. */
const DATAGRAM_MAX = 256 * 1024;

/** A message of a batch that the kernel refused. */
export interface Refusal {
  /** Which message of the batch, from 0. */
  readonly index: number;
  readonly errno: number;
  /** `EEXIST`. */
  readonly code: string;
  /** What the kernel says beyond the code, where it does. */
  readonly message?: string;
}

/** Messages in a row whose sequence numbers count up from `first`; the last one asks for an acknowledgement. */
export interface Batch {
  readonly bytes: Uint8Array;
  readonly first: number;
  readonly count: number;
}

export class NetlinkClient {
  readonly #fd: Pollable;
  readonly #inbox = new Uint8Array(DATAGRAM_MAX);
  #sequence = 1;
  /** The socket's own number, which the kernel's notices name as their cause. */
  readonly port: number;

  constructor() {
    this.#fd = openRouteSocket({ room: { send: SEND_BUFFER, receive: RECEIVE_BUFFER } });
    this.port = readU32(socketAddress(this.#fd, 12), 4);
  }

  /** Sends the batch and returns what was refused; the rest was done. Throws where the answers cannot be had. */
  send(batch: Batch): readonly Refusal[] {
    const sent = sendTo(this.#fd, batch.bytes, 0, null);
    if (sent < 0) throw new SystemError(-sent, `sending ${batch.count} netlink messages`);
    const refused: Refusal[] = [];
    for (;;) {
      for (const message of this.#receive()) {
        const index = message.sequence - batch.first;
        // An answer to an earlier batch that was given up.
        if (message.type !== NLMSG.ERROR || index < 0 || index >= batch.count) continue;
        const { errno, message: text } = readError(message);
        if (errno !== 0) refused.push({ index, errno, code: errorName(errno), ...(text && { message: text }) });
        if (index === batch.count - 1) return refused;
      }
    }
  }

  /**
   * What the kernel lists for this request, datagram by datagram (some 300 entries), each to be read before the next;
   * `header` is the family's own header. Until its end the client takes no other request.
   * @returns whether things changed under it, so that some may stand twice in it or not at all
   */
  *dump(type: number, header: readonly number[]): Generator<readonly Message[], boolean> {
    this.#sequence += 1;
    const writer = new MessageWriter(NLMSG_HEADER + header.length + 4);
    const head = { type, flags: NLM_F.REQUEST + NLM_F.DUMP, sequence: this.#sequence };
    writer.message(head, () => writer.header(...header));
    const sent = sendTo(this.#fd, writer.take(), 0, null);
    if (sent < 0) throw new SystemError(-sent, `asking netlink for a dump of type ${type}`);
    for (let interrupted = false; ; ) {
      const received = this.#receive().filter(({ sequence }) => sequence === this.#sequence);
      interrupted ||= received.some(({ flags }) => (flags & NLM_F.DUMP_INTR) !== 0);
      const end = received.findIndex((message) => endOfDump(message) !== undefined);
      yield end < 0 ? received : received.slice(0, end);
      const errno = end < 0 ? undefined : endOfDump(received[end]!);
      if (errno === 0) return interrupted;
      if (errno !== undefined) throw new SystemError(errno, `dump of type ${type}`);
    }
  }

  close(): void {
    closeDescriptor(this.#fd);
  }

  #receive(): readonly Message[] {
    return receiveAnswers(this.#fd, this.#inbox, 'receiving the answers of netlink');
  }
}

/** Collects messages into a batch that the caller sends when it is full. Sequence numbers: 1 and up. */
export class BatchWriter {
  readonly #writer: MessageWriter;
  #first = 0x1000_0000;
  #count = 0;
  #lastStart = 0;

  /** `size`: bytes for the whole batch. */
  constructor(size: number) {
    this.#writer = new MessageWriter(size);
  }

  get count(): number {
    return this.#count;
  }

  get room(): number {
    return this.#writer.room;
  }

  /** Adds a message that `body` writes with the writer it is given. */
  add(head: { readonly type: number; readonly flags: number }, body: (writer: MessageWriter) => void): void {
    const start = this.#writer.position;
    const sequence = this.#first + this.#count;
    this.#writer.message({ type: head.type, flags: head.flags + NLM_F.REQUEST, sequence }, () => body(this.#writer));
    this.#lastStart = start;
    this.#count += 1;
  }

  /** The batch so far; the writer starts the next one. */
  take(): Batch {
    assert(this.#count > 0, 'a batch has a message');
    this.#writer.addFlag(this.#lastStart, NLM_F.ACK);
    const batch = { bytes: this.#writer.take(), first: this.#first, count: this.#count };
    // Far below 2^32, and away from the numbers that dumps use.
    this.#first = 0x1000_0000 + ((this.#first - 0x1000_0000 + this.#count) % 0x4000_0000);
    this.#count = 0;
    return batch;
  }
}

/** A socket on the routing tables. */
export function openRouteSocket(options: Omit<NetlinkSocketOptions, 'protocol'>): Pollable {
  const fd = openNetlinkSocket({ protocol: NETLINK_ROUTE, ...options });
  for (const name of [NETLINK_CAP_ACK, NETLINK_EXT_ACK]) setSocketOption(fd, { level: SOL_NETLINK, name, value: 1 });
  // Linux 4.20 and newer; older ones check less and filter no dump, which costs time and nothing else.
  trySocketOption(fd, { level: SOL_NETLINK, name: NETLINK_GET_STRICT_CHK, value: 1 });
  return fd;
}

/** undefined: it goes on; else how it ended, 0 for well. DONE carries an error of its own. */
function endOfDump({ type, body, ...rest }: Message): number | undefined {
  if (type === NLMSG.ERROR) return readError({ type, body, ...rest }).errno;
  if (type !== NLMSG.DONE) return undefined;
  return body.length >= 4 ? (-readU32(body) >>> 0) & 0xffff : 0;
}
