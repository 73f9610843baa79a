/**
 * Addresses of devices. RTM_NEWADDR: ifaddrmsg family(1) prefix(1) flags(1) scope(1) index(4), attributes IFA_*.
 * rtnetlink(7). What counts as one address: IPv4 (device, address, prefix length), IPv6 (device, address).
 */
import type { Ip, IpPrefix } from '../base/address.ts';
import { ipFromBytes, ipToBytes } from '../base/bytes.ts';
import type { Devices } from './devices.ts';
import { type Message, type MessageWriter, readAttributes, readText, readU32, u32 } from './netlink.ts';

export interface Address {
  readonly dev: string;
  readonly address: IpPrefix;
  /** The other end of a point-to-point address. */
  readonly peer?: IpPrefix;
  readonly broadcast?: Ip;
  /** Absent: the device's name. IPv4 only. */
  readonly label?: string;
  /** 0 global, 253 link, 254 host: `ip addr`'s scope. The kernel works it out itself for IPv6. */
  readonly scope: number;
  /** IFA_F_*. */
  readonly flags: number;
  /** Seconds it is preferred as a source; absent: forever. Validity is always forever. */
  readonly preferredSeconds?: number;
  /** Who put it there (IFA_PROTO, Linux 5.18); the kernel's own are 1 to 3. */
  readonly protocol?: number;
}

export const IFA_F = {
  SECONDARY: 0x01,
  NODAD: 0x02,
  HOMEADDRESS: 0x10,
  DADFAILED: 0x08,
  DEPRECATED: 0x20,
  TENTATIVE: 0x40,
  PERMANENT: 0x80,
  MANAGETEMPADDR: 0x100,
  NOPREFIXROUTE: 0x200,
  MCAUTOJOIN: 0x400,
} as const;

export const RTM_ADDRESS = { NEW: 20, DEL: 21, GET: 22 } as const;
const IFA = { ADDRESS: 1, LOCAL: 2, LABEL: 3, BROADCAST: 4, CACHEINFO: 6, FLAGS: 8, PROTO: 11 } as const;
const HEADER = 8;
const FOREVER = 0xffff_ffff;

/** AF_INET and AF_INET6 as one byte. */
export const familyByte = (family: 4 | 6): number => (family === 4 ? 2 : 10);

export const addressDumpHeader = (family: 4 | 6): readonly number[] => [familyByte(family), 0, 0, 0, 0, 0, 0, 0];

/** The body of a request to add, replace or delete; a delete looks at device, address, prefix and label. */
export function writeAddress(writer: MessageWriter, address: Address, devices: Devices): void {
  const { family } = address.address;
  const index = devices.indexOf(address.dev);
  const { prefix } = address.peer ?? address.address;
  writer.header(familyByte(family), prefix, address.flags & 0xff, address.scope, ...u32(index));
  writer.attribute(IFA.LOCAL, ipToBytes(address.address));
  writer.attribute(IFA.ADDRESS, ipToBytes(address.peer ?? address.address));
  if (address.broadcast) writer.attribute(IFA.BROADCAST, ipToBytes(address.broadcast));
  if (address.label !== undefined) writer.text(IFA.LABEL, address.label);
  if (address.flags > 0xff) writer.u32(IFA.FLAGS, address.flags);
  if (address.preferredSeconds !== undefined) {
    const lifetimes = [address.preferredSeconds, FOREVER, 0, 0].flatMap(u32);
    writer.attribute(IFA.CACHEINFO, Uint8Array.from(lifetimes));
  }
  if (address.protocol !== undefined) writer.u8(IFA.PROTO, address.protocol);
}

export function readAddress({ body }: Message, devices: Devices): Address | undefined {
  if (body.length < HEADER || (body[0] !== 2 && body[0] !== 10)) return undefined;
  const attributes = readAttributes(body.subarray(HEADER));
  const far = attributes.get(IFA.ADDRESS);
  const local = attributes.get(IFA.LOCAL) ?? far;
  if (!local || !far) return undefined;
  const prefix = body[1]!;
  const peer = ipFromBytes(far);
  const ip = ipFromBytes(local);
  const pointToPoint = peer.text !== ip.text;
  const broadcast = attributes.get(IFA.BROADCAST);
  const label = attributes.get(IFA.LABEL);
  const flags = attributes.get(IFA.FLAGS);
  const lifetimes = attributes.get(IFA.CACHEINFO);
  const protocol = attributes.get(IFA.PROTO);
  return {
    dev: devices.nameOf(readU32(body, 4)),
    address: { ...ip, prefix: pointToPoint ? (ip.family === 4 ? 32 : 128) : prefix },
    ...(pointToPoint && { peer: { ...peer, prefix } }),
    ...(broadcast && { broadcast: ipFromBytes(broadcast) }),
    ...(label && { label: readText(label) }),
    scope: body[3]!,
    flags: flags ? readU32(flags) : body[2]!,
    ...(lifetimes && readU32(lifetimes) !== FOREVER && { preferredSeconds: readU32(lifetimes) }),
    ...(protocol && { protocol: protocol[0]! }),
  };
}
