/**
 * The kernel's notices of changes to devices, addresses, routes and rules. The socket is drained in the poll's
 * callback; what was read is handed over in the order of its arrival. rtnetlink(7), netlink(7).
 */

import { RTM_ADDRESS } from './address.ts';
import { attachFilter, ERRNO, type Pollable, receive, SystemError, watchReadable } from './ffi.ts';
import { RTM_LINK } from './link.ts';
import { type Message, NLMSG_HEADER, readMessages, u32 } from './netlink.ts';
import { openRouteSocket } from './netlink-client.ts';
import { RTM_ROUTE, routeProtocol } from './route.ts';
import { RTM_RULE } from './rule.ts';

/** Bit n - 1 of RTNLGRP n: link 1, IPv4 address 5, route 7, rule 8; IPv6 address 9, route 11, rule 19. */
const GROUPS = [1, 5, 7, 8, 9, 11, 19].reduce((mask, group) => mask | (1 << (group - 1)), 0);

/** The largest notice the kernel makes, of a device with many attributes. */
const DATAGRAM_MAX = 64 * 1024;
/** Read in one go, 2 ms or so, of IPv6 more: what is left makes the socket readable again. */
const DATAGRAMS_AT_ONCE = 64;

export interface MonitorOptions {
  /** Routes of other protocols are passed over: a router with the whole Internet's routes sees thousands a second. */
  readonly protocol: number;
  /** Whose requests are our own; routes that they bring or take are passed over: nobody needs to be told. */
  readonly ports: Iterable<number>;
  readonly receiveBuffer: number;
  onMessages(messages: readonly Message[]): void;
  /** Notices were lost: whatever is known may be out of date. Those that came before it have been dropped. */
  onLost(): void;
}

export interface Monitor {
  /** Sets `MonitorOptions.ports` anew. */
  passOver(ports: Iterable<number>): void;
  close(): void;
}

/** Starts listening at once; what changes before this returns is not told. */
export function openMonitor(options: MonitorOptions): Monitor {
  const fd = openRouteSocket({ groups: GROUPS, room: { receive: options.receiveBuffer } });
  attachFilter(fd, routeFilter(options.protocol, options.ports));
  const inbox = new Uint8Array(DATAGRAM_MAX);
  let closed = false;
  const handOver = (messages: readonly Message[], lost: boolean): void => {
    if (closed) return;
    if (lost) options.onLost();
    else options.onMessages(messages);
  };
  const watch = watchReadable(fd, () => {
    const { messages, lost } = drain(fd, inbox, options.protocol);
    if (lost || messages.length > 0) setImmediate(handOver, messages, lost);
  });
  return {
    passOver: (ports) => attachFilter(fd, routeFilter(options.protocol, ports)),
    close() {
      closed = true;
      watch.close();
    },
  };
}

function drain(
  fd: Pollable,
  inbox: Uint8Array,
  protocol: number,
): { readonly messages: readonly Message[]; readonly lost: boolean } {
  const messages: Message[] = [];
  let lost = false;
  for (let datagrams = 0; datagrams < DATAGRAMS_AT_ONCE; datagrams += 1) {
    const length = receive(fd, inbox);
    if (length === -ERRNO.EAGAIN) break;
    if (length === -ERRNO.EINTR) continue;
    if (length === -ERRNO.ENOBUFS || length > inbox.length) {
      lost = true;
      continue;
    }
    if (length < 0) throw new SystemError(-length, 'receiving the notices of netlink');
    const wanted = readMessages(inbox.subarray(0, length)).filter((message) => isWanted(message, protocol));
    for (const message of wanted) messages.push({ ...message, body: message.body.slice() });
  }
  return { messages, lost };
}

const OTHERS: ReadonlySet<number> = new Set([RTM_LINK, RTM_ADDRESS, RTM_RULE].flatMap(({ NEW, DEL }) => [NEW, DEL]));

function isWanted(message: Message, protocol: number): boolean {
  if (message.type !== RTM_ROUTE.NEW && message.type !== RTM_ROUTE.DEL) return OTHERS.has(message.type);
  return routeProtocol(message) === protocol;
}

/** Where things stand in a notice of a route: the netlink header's type and port, and rtmsg's protocol. */
const AT = { TYPE: 4, PORT: 12, PROTOCOL: NLMSG_HEADER + 5 } as const;
const BPF = { LOAD_BYTE: 0x30, LOAD_HALF: 0x28, LOAD_WORD: 0x20, JUMP_EQUAL: 0x15, RETURN: 0x06 } as const;
const WHOLE = 0xffff_ffff;

/**
 * Passes everything but routes of other protocols, and routes that our own requests bring or take. Its loads are in
 * network order, and netlink's numbers in the machine's: they are compared turned around.
 */
function routeFilter(protocol: number, ports: Iterable<number>): Uint8Array {
  const own = [...ports];
  // Jumps count the instructions between: to the last but one, which passes, or to the last, which does not.
  const pass = (from: number): number => own.length + 6 - from;
  const program = [
    [BPF.LOAD_HALF, 0, 0, AT.TYPE],
    [BPF.JUMP_EQUAL, 1, 0, RTM_ROUTE.NEW * 0x100],
    [BPF.JUMP_EQUAL, 0, pass(3), RTM_ROUTE.DEL * 0x100],
    [BPF.LOAD_BYTE, 0, 0, AT.PROTOCOL],
    [BPF.JUMP_EQUAL, 0, pass(5) + 1, protocol],
    [BPF.LOAD_WORD, 0, 0, AT.PORT],
    ...own.map((port, i) => [BPF.JUMP_EQUAL, pass(7 + i) + 1, 0, turnedAround(port)]),
    [BPF.RETURN, 0, 0, WHOLE],
    [BPF.RETURN, 0, 0, 0],
  ] as const;
  const bytes = new Uint8Array(program.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [i, [code, whenTrue, whenFalse, value]] of program.entries()) {
    view.setUint16(i * 8, code, true);
    bytes.set([whenTrue, whenFalse], i * 8 + 2);
    view.setUint32(i * 8 + 4, value, true);
  }
  return bytes;
}

const turnedAround = (value: number): number => new DataView(Uint8Array.from(u32(value)).buffer).getUint32(0);
