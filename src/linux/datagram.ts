/** Unix datagrams, which Node cannot send: what journald, syslog and systemd's notify socket are spoken to with. */
import { closeDescriptor, openSocket, type Pollable, sendTo } from './ffi.ts';

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
/** sun_path, with its terminating zero: unix(7). */
const PATH_BYTES_MAX = 108;

/** A datagram socket towards one path; `@` begins an abstract name. Nothing is ever waited for. */
export class DatagramSender {
  readonly #fd: Pollable;
  readonly #to: Uint8Array;

  /** Throws where the path is too long for a socket. */
  constructor(path: string) {
    const name = new TextEncoder().encode(path.startsWith('@') ? `\0${path.slice(1)}` : `${path}\0`);
    if (name.length > PATH_BYTES_MAX) throw new Error(`${path} is too long for a socket's path`);
    this.#to = new Uint8Array(2 + name.length);
    this.#to.set([AF_UNIX, 0]);
    this.#to.set(name, 2);
    this.#fd = openSocket(AF_UNIX, SOCK_DGRAM, 0);
  }

  /** Whether the other side has taken it: a full queue, or nobody there, loses it. */
  send(bytes: Uint8Array): boolean {
    return sendTo(this.#fd, bytes, MSG_DONTWAIT + MSG_NOSIGNAL, this.#to) >= 0;
  }

  close(): void {
    closeDescriptor(this.#fd);
  }
}
