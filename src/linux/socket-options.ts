/** Options that every kind of socket has. socket(7), asm-generic/socket.h. */
import { type Pollable, SOL_SOCKET, setSocketOption, trySocketOption } from './ffi.ts';
import type { Control } from './messages.ts';

export const SO = { SNDBUF: 7, PRIORITY: 12, RCVTIMEO: 20, BINDTODEVICE: 25 } as const;
const ROOM = {
  send: { option: SO.SNDBUF, forced: 32 },
  receive: { option: 8, forced: 33 },
} as const;
const SO_TIMESTAMPNS = 35;

export const setOption = (fd: Pollable, name: number, value: number | Uint8Array): void =>
  setSocketOption(fd, { level: SOL_SOCKET, name, value });

/** As many bytes as are asked for; without CAP_NET_ADMIN in the first user namespace what net.core's limits allow. */
export function makeRoom(fd: Pollable, direction: keyof typeof ROOM, bytes: number): void {
  const { option, forced } = ROOM[direction];
  if (trySocketOption(fd, { level: SOL_SOCKET, name: forced, value: bytes }) < 0) setOption(fd, option, bytes);
}

/** From here on each datagram says when it came. */
export const stampArrivals = (fd: Pollable): void => setOption(fd, SO_TIMESTAMPNS, 1);

/** Milliseconds since 1970, by the kernel's clock; undefined: nobody asked for it. struct timespec. */
export function arrivalOf(controls: readonly Control[]): number | undefined {
  const stamp = controls.find(({ level, type }) => level === SOL_SOCKET && type === SO_TIMESTAMPNS)?.data;
  if (stamp === undefined) return undefined;
  const view = new DataView(stamp.buffer, stamp.byteOffset, stamp.byteLength);
  return Number(view.getBigInt64(0, true)) * 1e3 + Number(view.getBigInt64(8, true)) / 1e6;
}
