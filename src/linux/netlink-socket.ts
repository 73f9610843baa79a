/** Netlink sockets to ask the kernel on: it answers inside the call that asks, so answers are there when that returns. */
import { assert } from '../base/assert.ts';
import { AF, bindSocket, ERRNO, openSocket, type Pollable, receive, SOCK_RAW, SystemError } from './ffi.ts';
import { type Message, readMessages } from './netlink.ts';
import { netlinkSockaddr } from './sockaddr.ts';
import { makeRoom, SO, setOption } from './socket-options.ts';

/** Only a kernel that lost an answer lets us wait. */
const ANSWER_SECONDS_MAX = 10;

export interface NetlinkSocketOptions {
  /** Netlink's own, of linux/netlink.h. */
  readonly protocol: number;
  /** A bit for each of the first 31 notice groups, group n as bit n - 1. With any of them it never blocks. */
  readonly groups?: number;
  /** Bytes that may wait. */
  readonly room: { readonly send?: number; readonly receive?: number };
}

export function openNetlinkSocket({ protocol, groups = 0, room }: NetlinkSocketOptions): Pollable {
  const blocking = groups === 0;
  const fd = openSocket(AF.NETLINK, SOCK_RAW, protocol, blocking);
  const wait = new Uint8Array(BigInt64Array.of(BigInt(ANSWER_SECONDS_MAX), 0n).buffer);
  if (blocking) setOption(fd, SO.RCVTIMEO, wait);
  if (room.send !== undefined) makeRoom(fd, 'send', room.send);
  if (room.receive !== undefined) makeRoom(fd, 'receive', room.receive);
  bindSocket(fd, netlinkSockaddr(groups));
  return fd;
}

/** One datagram of answers, to be read before the next. Throws where there is none. @param inbox what it is put into */
export function receiveAnswers(fd: Pollable, inbox: Uint8Array, trying: string): readonly Message[] {
  for (;;) {
    const length = receive(fd, inbox);
    if (length === -ERRNO.EINTR) continue;
    if (length < 0) throw new SystemError(-length, trying);
    assert(length <= inbox.length, 'a datagram of netlink fits the buffer');
    return readMessages(inbox.subarray(0, length));
  }
}
