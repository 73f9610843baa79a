/**
 * Network devices. RTM_NEWLINK: ifinfomsg family(1) pad(1) type(2) index(4) flags(4) change(4), attributes IFLA_*.
 * rtnetlink(7).
 */
import { type Message, type MessageWriter, readAttributes, readText, readU32, u32 } from './netlink.ts';

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
  /** The number of the bridge, bond or vrf that it is part of. */
  readonly master?: number;
  /** The routing table of a vrf. */
  readonly table?: number;
  /** The number of the device below it: of a macvlan, of a vlan; of a veth the other end, maybe elsewhere. */
  readonly lower?: number;
  /** A macvlan whose port speaks to no other one of its device: what VRRP's own devices are. */
  readonly isPrivate?: true;
  /** What someone wrote on it; ours say `OWN_ALIAS`. */
  readonly alias?: string;
}

/** Written on devices that are ours, so that they are known after a kill -9. */
export const OWN_ALIAS = 'tandemd';

export const RTM_LINK = { NEW: 16, DEL: 17, GET: 18 } as const;
const IFLA = { ADDRESS: 1, IFNAME: 3, MTU: 4, LINK: 5, MASTER: 10, LINKINFO: 18, IFALIAS: 20, EXT_MASK: 29 } as const;
const IFLA_INFO = { KIND: 1, DATA: 2 } as const;
const IFLA_VRF_TABLE = 1;
const IFLA_MACVLAN_MODE = 1;
/** linux/if_link.h: MACVLAN_MODE_PRIVATE. */
const MACVLAN_PRIVATE = 1;
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
  const master = attributes.get(IFLA.MASTER);
  const info = readAttributes(attributes.get(IFLA.LINKINFO) ?? new Uint8Array());
  const type = info.get(IFLA_INFO.KIND);
  const kind = type && readText(type);
  const data = readAttributes(info.get(IFLA_INFO.DATA) ?? new Uint8Array());
  const [table, mode] = [data.get(IFLA_VRF_TABLE), data.get(IFLA_MACVLAN_MODE)];
  const [lower, alias] = [attributes.get(IFLA.LINK), attributes.get(IFLA.IFALIAS)];
  const flags = readU32(body, 8);
  return {
    index: readU32(body, 4),
    name: readText(name),
    up: (flags & IFF_UP) !== 0,
    running: (flags & IFF_RUNNING) !== 0,
    mtu: mtu ? readU32(mtu) : 0,
    ...(mac?.length === 6 && { mac: mac.slice() }),
    ...(master && { master: readU32(master) }),
    ...(kind && { type: kind }),
    ...(kind === 'vrf' && table && { table: readU32(table) }),
    ...(lower && { lower: readU32(lower) }),
    ...(kind === 'macvlan' && mode && readU32(mode) === MACVLAN_PRIVATE && { isPrivate: true }),
    ...(alias && { alias: readText(alias) }),
  };
}

export const isMacvlan = (link: Link, lower: Link, mac: Uint8Array): boolean =>
  link.isPrivate === true && link.lower === lower.index && link.mac !== undefined && isSame(link.mac, mac);

const isSame = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);

/** RTM_NEWLINK with NLM_F_CREATE and NLM_F_EXCL: a private macvlan, still down. */
export function writeMacvlan(
  message: MessageWriter,
  { name, lower, mac }: { readonly name: string; readonly lower: number; readonly mac: Uint8Array },
): void {
  message.header(...new Array<number>(HEADER).fill(0));
  message.u32(IFLA.LINK, lower);
  message.text(IFLA.IFNAME, name);
  message.attribute(IFLA.ADDRESS, mac);
  message.nested(IFLA.LINKINFO, () => {
    message.text(IFLA_INFO.KIND, 'macvlan');
    message.nested(IFLA_INFO.DATA, () => message.u32(IFLA_MACVLAN_MODE, MACVLAN_PRIVATE));
  });
}

/** RTM_NEWLINK for a device that is there: ours, and up. */
export function writeOwnAndUp(message: MessageWriter, index: number): void {
  message.header(0, 0, 0, 0, ...u32(index), ...u32(IFF_UP), ...u32(IFF_UP));
  message.attribute(IFLA.IFALIAS, new TextEncoder().encode(OWN_ALIAS));
}

/** RTM_DELLINK. */
export function writeDeleteLink(message: MessageWriter, index: number): void {
  message.header(0, 0, 0, 0, ...u32(index), ...u32(0), ...u32(0));
}
