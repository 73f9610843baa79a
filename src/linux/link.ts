/**
 * Network devices. RTM_NEWLINK: ifinfomsg family(1) pad(1) type(2) index(4) flags(4) change(4), attributes IFLA_*.
 * rtnetlink(7).
 */
import { type Message, readAttributes, readText, readU32 } from './netlink.ts';

export interface Link {
  readonly index: number;
  readonly name: string;
  /** IFF_UP: the administrator wants it so. */
  readonly up: boolean;
  /** IFF_RUNNING: it has carrier; keepalived's other condition. */
  readonly running: boolean;
  readonly mtu: number;
  /** Its hardware address, where it has one of 6 bytes. */
  readonly mac?: Uint8Array;
  /** `veth`, `vlan`, `vrf` ...; absent: a device of hardware, or lo. */
  readonly type?: string;
  /** The routing table of a vrf. */
  readonly table?: number;
}

export const RTM_LINK = { NEW: 16, DEL: 17, GET: 18 } as const;
const IFLA = { ADDRESS: 1, IFNAME: 3, MTU: 4, LINKINFO: 18, EXT_MASK: 29 } as const;
const IFLA_INFO = { KIND: 1, DATA: 2 } as const;
const IFLA_VRF_TABLE = 1;
const IFF_UP = 0x01;
const IFF_RUNNING = 0x40;
const HEADER = 16;

/** A dump of all, without statistics (IFLA_EXT_MASK: RTEXT_FILTER_SKIP_STATS): they are most of its bytes. */
export const linkDumpHeader: readonly number[] = [
  ...new Array<number>(HEADER).fill(0),
  8,
  0,
  IFLA.EXT_MASK,
  0,
  8,
  0,
  0,
  0,
];

export function readLink({ body }: Message): Link | undefined {
  if (body.length < HEADER) return undefined;
  const attributes = readAttributes(body.subarray(HEADER));
  const name = attributes.get(IFLA.IFNAME);
  if (!name) return undefined;
  const mac = attributes.get(IFLA.ADDRESS);
  const mtu = attributes.get(IFLA.MTU);
  const info = readAttributes(attributes.get(IFLA.LINKINFO) ?? new Uint8Array());
  const type = info.get(IFLA_INFO.KIND);
  const table = readAttributes(info.get(IFLA_INFO.DATA) ?? new Uint8Array()).get(IFLA_VRF_TABLE);
  const flags = readU32(body, 8);
  return {
    index: readU32(body, 4),
    name: readText(name),
    up: (flags & IFF_UP) !== 0,
    running: (flags & IFF_RUNNING) !== 0,
    mtu: mtu ? readU32(mtu) : 0,
    ...(mac?.length === 6 && { mac: mac.slice() }),
    ...(type && { type: readText(type) }),
    ...(type && readText(type) === 'vrf' && table && { table: readU32(table) }),
  };
}
