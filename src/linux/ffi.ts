/**
 * Every call into libc, and nothing else: no other file knows of koffi. The rules that a trial paid for:
 *
 * - A poll callback runs where Node drains neither promises nor ticks, and a throw there can end the process: it only
 *   reads what is there and hands over with setImmediate. `watchReadable` sees to the throw.
 * - A poll handle that nobody refers to is collected, and reception stops in silence: `watching`
 *   holds them.
 * - After an error on a socket (netlink's ENOBUFS is one) libuv stops polling it, and says so by a status alone:
 *   `watchReadable` starts it again once the error has been read.
 * - A handle is stopped and closed before its descriptor: `Watch.close` owns both.
 * - Polling a descriptor that epoll refuses (a plain file, /dev/null) aborts the process: only what this file opened,
 *   a socket or a timer, is `Pollable`.
 * - A buffer whose address is written into another buffer must be kept by whoever wrote it there (`messages.ts`).
 *
 * Calls that may fail in the course of things return a negative errno, as the kernel itself does; the others throw.
 */
import { endianness } from 'node:os';
import { getSystemErrorName } from 'node:util';
import * as koffi from 'koffi';
import { assert } from '../base/assert.ts';

assert(endianness() === 'LE' && ['x64', 'arm64'].includes(process.arch), 'the layouts are those of 64-bit Linux, LE');

declare const pollable: unique symbol;
/** A descriptor that epoll takes. */
export type Pollable = number & { readonly [pollable]: true };

// By its name: whatever is preloaded into the process stays out of our calls.
const libc = koffi.load('libc.so.6');
const call = {
  socket: libc.func('int socket(int domain, int type, int protocol)'),
  bind: libc.func('int bind(int fd, const void *address, uint32_t length)'),
  getsockname: libc.func('int getsockname(int fd, void *address, void *length)'),
  setsockopt: libc.func('int setsockopt(int fd, int level, int name, const void *value, uint32_t length)'),
  sendto: libc.func('long sendto(int fd, const void *b, size_t n, int flags, const void *to, uint32_t length)'),
  sendmsg: libc.func('long sendmsg(int fd, const void *message, int flags)'),
  sendmmsg: libc.func('int sendmmsg(int fd, void *messages, uint32_t count, int flags)'),
  recv: libc.func('long recv(int fd, void *buffer, size_t length, int flags)'),
  recvmsg: libc.func('long recvmsg(int fd, void *message, int flags)'),
  read: libc.func('long read(int fd, void *buffer, size_t length)'),
  close: libc.func('int close(int fd)'),
  timerfd_create: libc.func('int timerfd_create(int clock, int flags)'),
  timerfd_settime: libc.func('int timerfd_settime(int fd, int flags, const void *value, void *before)'),
  signal: libc.func('intptr_t signal(int number, intptr_t handler)'),
  sigprocmask: libc.func('int sigprocmask(int how, const void *set, void *before)'),
  sched_setscheduler: libc.func('int sched_setscheduler(int thread, int policy, const void *priority)'),
  sched_setaffinity: libc.func('int sched_setaffinity(int thread, size_t length, const void *processors)'),
  sched_getaffinity: libc.func('int sched_getaffinity(int thread, size_t length, void *processors)'),
  setrlimit: libc.func('int setrlimit(int resource, const void *limits)'),
  mlockall: libc.func('int mlockall(int flags)'),
  munlockall: libc.func('int munlockall()'),
  malloc_trim: libc.func('int malloc_trim(size_t pad)'),
};

export const AF = { INET: 2, INET6: 10, NETLINK: 16, PACKET: 17 } as const;
export const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const CLOCK_MONOTONIC = 1;
const TFD_TIMER_ABSTIME = 1;

export const ERRNO = { EINTR: 4, EBADF: 9, EAGAIN: 11, ENODEV: 19, ENOBUFS: 105 } as const;

/** What the kernel refused, by its name: `ENOBUFS`. */
export class SystemError extends Error {
  override readonly name = 'SystemError';
  readonly errno: number;
  readonly code: string;

  constructor(errno: number, trying: string) {
    super(`${trying}: ${errorName(errno)}`);
    this.errno = errno;
    this.code = errorName(errno);
  }
}

/** `EEXIST` for 17. */
export const errorName = (errno: number): string => getSystemErrorName(-errno);

/** Opens a socket that does not survive an exec. `blocking`: for calls that are answered before they return. */
export function openSocket(domain: number, type: number, protocol: number, blocking = false): Pollable {
  const flags = SOCK_CLOEXEC + (blocking ? 0 : SOCK_NONBLOCK);
  return checked(call.socket(domain, type + flags, protocol), `socket(${domain}, ${type}, ${protocol})`) as Pollable;
}

export function bindSocket(fd: Pollable, address: Uint8Array): void {
  checked(call.bind(fd, address, address.length), 'bind');
}

/** The socket's own address, as many bytes of it as are asked for. */
export function socketAddress(fd: Pollable, length: number): Uint8Array {
  const address = new Uint8Array(length);
  checked(call.getsockname(fd, address, Uint32Array.of(length)), 'getsockname');
  return address;
}

/** A number is a C int. */
export function setSocketOption(
  fd: Pollable,
  option: { readonly level: number; readonly name: number; readonly value: number | Uint8Array },
): void {
  const refused = trySocketOption(fd, option);
  if (refused < 0) throw new SystemError(-refused, `setsockopt(level ${option.level}, name ${option.name})`);
}

/** As `setSocketOption`; 0, or a negative errno. */
export function trySocketOption(fd: Pollable, option: Parameters<typeof setSocketOption>[1]): number {
  const { level, name, value } = option;
  const bytes = typeof value === 'number' ? new Uint8Array(Int32Array.of(value).buffer) : value;
  return orErrno(call.setsockopt(fd, level, name, bytes, bytes.length));
}

export const SOL_SOCKET = 1;
const SO_ATTACH_FILTER = 26;

/**
 * Lets the kernel pass over what the program returns 0 for: struct sock_filter code(2) jt(1) jf(1) k(4), in a row.
 * A later one takes its place. Documentation/networking/filter.rst.
 */
export function attachFilter(fd: Pollable, program: Uint8Array): void {
  // struct sock_fprog: length(2), padding, program*.
  const header = BigUint64Array.of(BigInt(program.length / 8), addressOf(program));
  setSocketOption(fd, { level: SOL_SOCKET, name: SO_ATTACH_FILTER, value: new Uint8Array(header.buffer) });
  // Used after the call, so that it lives until then.
  assert(program.length > 0, 'a filter has an instruction');
}

/** Sends one message to where `to` (a sockaddr) says; bytes taken, or a negative errno. */
export function sendTo(fd: Pollable, bytes: Uint8Array, flags: number, to: Uint8Array | null): number {
  return orErrno(call.sendto(fd, bytes, bytes.length, flags, to, to?.length ?? 0));
}

/** `header` is a struct msghdr (`messages.ts`). */
export const sendMessage = (fd: Pollable, header: Uint8Array): number => orErrno(call.sendmsg(fd, header, 0));

/** `headers`: structs mmsghdr in a row; how many were taken, or a negative errno. */
export const sendMessages = (fd: Pollable, headers: Uint8Array, count: number): number =>
  orErrno(call.sendmmsg(fd, headers, count, MSG_DONTWAIT));

export const MSG_DONTROUTE = 0x04;
const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;

/** One datagram into the buffer; its real length, even where the buffer was too short, or a negative errno. */
export const receive = (fd: Pollable, buffer: Uint8Array): number =>
  orErrno(call.recv(fd, buffer, buffer.length, MSG_TRUNC));

/** One datagram into what `header` (a struct msghdr) points to, without waiting; its length or a negative errno. */
export const receiveMessage = (fd: Pollable, header: Uint8Array): number =>
  orErrno(call.recvmsg(fd, header, MSG_DONTWAIT));

export function closeDescriptor(fd: Pollable): void {
  call.close(fd);
}

/** Where a buffer's bytes lie. They do not move; whoever keeps the address keeps the buffer. */
export const addressOf = (buffer: Uint8Array): bigint => koffi.address(buffer);

/** A timer on CLOCK_MONOTONIC, the clock of `process.hrtime`. */
export function openTimer(): Pollable {
  const fd = call.timerfd_create(CLOCK_MONOTONIC, SOCK_NONBLOCK + SOCK_CLOEXEC);
  return checked(fd, 'timerfd_create') as Pollable;
}

/** Makes the timer expire at this point of the monotonic clock, once; 0n disarms it. */
export function armTimer(fd: Pollable, atNs: bigint): void {
  const value = BigInt64Array.of(0n, 0n, atNs / 1_000_000_000n, atNs % 1_000_000_000n);
  checked(call.timerfd_settime(fd, TFD_TIMER_ABSTIME, value, null), 'timerfd_settime');
}

const expirations = new Uint8Array(8);

/** Whether the timer has expired since it was last asked. */
export const takeExpiration = (fd: Pollable): boolean => (call.read(fd, expirations, 8) as number) === 8;

const SIG_IGN = 1;

/** A signal that Node has no name for, and that would end the process. */
export function ignoreSignal(number: number): void {
  call.signal(number, SIG_IGN);
}

const SIG_UNBLOCK = 1;

/** Node blocks SIGUSR1 before anything else, and with --disable-sigusr1 leaves it so: it would never arrive. */
export function unblockSignal(number: number): void {
  const set = new BigUint64Array(16);
  set[0] = 1n << BigInt(number - 1);
  checked(call.sigprocmask(SIG_UNBLOCK, set, null), 'sigprocmask');
}

const SCHED_OTHER = 0;
const SCHED_RR = 2;
const SCHED_RESET_ON_FORK = 0x40000000;

/** This thread alone, and not what it starts: sched(7). @param priority 1 to 99; 0: an ordinary one */
export const setRealTime = (priority: number): 'done' | string => {
  const policy = priority > 0 ? SCHED_RR : SCHED_OTHER;
  return outcome(call.sched_setscheduler(0, policy + SCHED_RESET_ON_FORK, Int32Array.of(priority)));
};

/** CURRENT, FUTURE, ONFAULT: without the last all that the runtime reserves, 700 MB, would have to be there. */
const MCL_ALL = 7;

/** Keeps the process's memory from being swapped out, or lets it: mlockall(2). */
export const lockMemory = (locked: boolean): 'done' | string =>
  outcome(locked ? call.mlockall(MCL_ALL) : call.munlockall());

/** As many as the kernel's masks may have. */
const PROCESSORS_MAX = 1024;

/** Where this thread may run, and what it starts; undefined: anywhere. sched_setaffinity(2) */
export function allowProcessors(numbers: readonly number[] | undefined): 'done' | string {
  const mask = new Uint8Array(PROCESSORS_MAX / 8).fill(numbers ? 0 : 0xff);
  for (const number of numbers ?? []) mask[number >> 3]! |= 1 << (number & 7);
  return outcome(call.sched_setaffinity(0, mask.length, mask));
}

/** Where this thread may run, in their order; none where the kernel does not say. */
export function allowedProcessors(): readonly number[] {
  const mask = new Uint8Array(PROCESSORS_MAX / 8);
  if (call.sched_getaffinity(0, mask.length, mask) < 0) return [];
  return Array.from({ length: PROCESSORS_MAX }, (_, i) => i).filter((i) => (mask[i >> 3]! & (1 << (i & 7))) !== 0);
}

const RLIMIT_RTTIME = 15;
const RLIM_INFINITY = 0xffff_ffff_ffff_ffffn;

/**
 * SIGXCPU when a real-time thread runs so long without a pause, and every second from then on; it never ends the
 * process. getrlimit(2)
 * @param us microseconds; undefined: no limit
 */
export const limitRealTime = (us: number | undefined): 'done' | string =>
  outcome(
    call.setrlimit(RLIMIT_RTTIME, BigUint64Array.of(us === undefined ? RLIM_INFINITY : BigInt(us), RLIM_INFINITY)),
  );

const outcome = (result: number): 'done' | string => (result < 0 ? errorName(koffi.errno()) : 'done');

/** Gives back to the kernel what is free of the C library's memory. */
export function trimMemory(): void {
  call.malloc_trim(0);
}

export interface Watch {
  /** Stops watching and closes the descriptor. */
  close(): void;
}

const watching = new Set<koffi.node.PollHandle>();

/** Calls `drain` when the descriptor is readable, again and again until it has read everything; owns the descriptor. */
export function watchReadable(fd: Pollable, drain: () => void): Watch {
  // koffi gives a status first, though its types do not say so.
  const onReadable: unknown = (status: number) => {
    try {
      drain();
    } catch (error) {
      setImmediate(() => {
        throw error;
      });
    }
    if (status < 0) setImmediate(restart);
  };
  const callback = onReadable as () => void;
  const handle = koffi.node.poll(fd, { readable: true }, callback);
  const restart = (): void => {
    if (watching.has(handle)) handle.start({ readable: true }, callback);
  };
  watching.add(handle);
  return {
    close() {
      if (!watching.delete(handle)) return;
      handle.stop();
      handle.close();
      closeDescriptor(fd);
    },
  };
}

const orErrno = (result: number): number => (result < 0 ? -koffi.errno() : result);

function checked(result: number, trying: string): number {
  if (result < 0) throw new SystemError(koffi.errno(), trying);
  return result;
}
