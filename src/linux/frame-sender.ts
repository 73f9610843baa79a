/**
 * Whole Ethernet frames out of any device: gratuitous ARP and unsolicited neighbour advertisements, 64 in a call.
 * packet(7).
 */
import { AF, closeDescriptor, ERRNO, openSocket, type Pollable, SOCK_RAW, SystemError } from './ffi.ts';
import { Outbox } from './messages.ts';
import { packetSockaddr } from './sockaddr.ts';

/** What a sendmmsg takes in about half a millisecond. */
const FRAMES_AT_ONCE = 64;
/** A neighbour advertisement has 86 bytes. */
const FRAME_MAX = 256;
const SOCKADDR = 20;

export class FrameSender {
  /** Protocol 0: it receives nothing. */
  readonly #fd: Pollable = openSocket(AF.PACKET, SOCK_RAW, 0);
  readonly #outbox = new Outbox({ slots: FRAMES_AT_ONCE, slotSize: FRAME_MAX, nameSize: SOCKADDR });

  /** How many of the frames were sent; the device's queue may be full before the last. */
  send(index: number, frames: readonly Uint8Array[]): number {
    const to = packetSockaddr(index, 0);
    for (let sent = 0; sent < frames.length; ) {
      const slots = Math.min(FRAMES_AT_ONCE, frames.length - sent);
      for (let slot = 0; slot < slots; slot += 1) this.#outbox.fill(slot, { to, data: frames[sent + slot]! });
      const taken = this.#outbox.send(this.#fd, slots);
      if (taken === -ERRNO.EAGAIN || taken === -ERRNO.ENOBUFS) return sent;
      if (taken < 0) throw new SystemError(-taken, `sending a frame out of device ${index}`);
      sent += taken;
      if (taken < slots) return sent;
    }
    return frames.length;
  }

  close(): void {
    closeDescriptor(this.#fd);
  }
}
