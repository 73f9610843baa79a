/**
 * Routes. RTM_NEWROUTE: rtmsg family(1) dst_len(1) src_len(1) tos(1) table(1) protocol(1) scope(1) type(1) flags(4),
 * attributes RTA_*; several next hops: rtnexthop length(2) flags(1) weight-1(1) index(4), attributes. rtnetlink(7).
 * What counts as one route: IPv4 (table, destination, TOS, metric), IPv6 (table, destination, source prefix, metric).
 */
import type { Family, Ip, IpPrefix } from '../base/address.ts';
import { ipFromBytes, ipToBytes } from '../base/bytes.ts';
import { familyByte } from './address.ts';
import type { Devices } from './devices.ts';
import { type Message, type MessageWriter, readAttributes, readText, readU32, u32 } from './netlink.ts';

export interface Route {
  readonly type: RouteType;
  /** Its network: no bits behind the prefix. */
  readonly destination: IpPrefix;
  /** IPv6: only for packets from here. */
  readonly from?: IpPrefix;
  readonly tos?: number;
  readonly table: number;
  readonly protocol: number;
  /** 0 global, 253 link, 254 host; of IPv6 always 0. */
  readonly scope: number;
  /** One next hop; more than one: `hops`, and these are absent. */
  readonly gateway?: Ip;
  readonly dev?: string;
  readonly onlink?: true;
  readonly hops?: readonly Hop[];
  readonly preferredSource?: Ip;
  /** IPv6: 1024 where none is given. */
  readonly metric?: number;
  readonly metrics?: Readonly<Partial<Record<MetricName, number | string>>>;
  /** Metrics that path discovery must leave alone. */
  readonly locked?: readonly MetricName[];
  /** From and to, each 16 bits: IPv4's realms. */
  readonly realms?: number;
  /** IPv6 router preference: 0 medium, 1 high, 3 low. RFC 4191. */
  readonly preference?: number;
  /** Seconds until the kernel removes it; IPv6. */
  readonly expires?: number;
  readonly ttlPropagate?: boolean;
}

export interface Hop {
  readonly gateway?: Ip;
  readonly dev?: string;
  readonly onlink?: true;
  /** 1 to 256. */
  readonly weight: number;
}

const TYPES = [
  ...['unspec', 'unicast', 'local', 'broadcast', 'anycast', 'multicast', 'blackhole', 'unreachable'],
  ...['prohibit', 'throw'],
] as const;
export type RouteType =
  | 'unicast'
  | 'local'
  | 'broadcast'
  | 'anycast'
  | 'multicast'
  | 'blackhole'
  | 'unreachable'
  | 'prohibit'
  | 'throw'
  | 'unspec';

/** RTAX_* by the words of `ip route`. */
export const METRICS = {
  mtu: 2,
  window: 3,
  rtt: 4,
  rttvar: 5,
  ssthresh: 6,
  cwnd: 7,
  advmss: 8,
  reordering: 9,
  hoplimit: 10,
  initcwnd: 11,
  features: 12,
  rto_min: 13,
  initrwnd: 14,
  quickack: 15,
  congctl: 16,
  fastopen_no_cookie: 17,
} as const;
export type MetricName = keyof typeof METRICS;
const RTAX_LOCK = 1;

export const TABLE_MAIN = 254;
export const TABLE_LOCAL = 255;
export const SCOPE = { GLOBAL: 0, SITE: 200, LINK: 253, HOST: 254, NOWHERE: 255 } as const;

export const RTM_ROUTE = { NEW: 24, DEL: 25, GET: 26 } as const;
const RTA = {
  ...{ DST: 1, SRC: 2, OIF: 4, GATEWAY: 5, PRIORITY: 6, PREFSRC: 7, METRICS: 8, MULTIPATH: 9, FLOW: 11 },
  ...{ CACHEINFO: 12, TABLE: 15, VIA: 18, PREF: 20, EXPIRES: 23, TTL_PROPAGATE: 26 },
} as const;
const RTNH_F_ONLINK = 4;
const HEADER = 12;
const HOP_HEADER = 8;

/** A dump of the routes with this protocol, or of all of a table below 256; kernels before 4.20 give all. */
export const routeDumpHeader = (
  family: Family,
  { protocol = 0, table = 0 }: { readonly protocol?: number; readonly table?: number },
): readonly number[] => [...[familyByte(family), 0, 0, 0, table < 256 ? table : 0, protocol, 0, 0], ...u32(0)];

/** Which protocol a notice's route has, without reading the rest. */
export const routeProtocol = ({ body }: Message): number | undefined => body[5];

export function writeRoute(writer: MessageWriter, route: Route, devices: Devices): void {
  const { destination, from, table } = route;
  const tableByte = table < 256 ? table : 0;
  writer.header(
    ...[familyByte(destination.family), destination.prefix, from?.prefix ?? 0, route.tos ?? 0],
    ...[tableByte, route.protocol, route.scope, TYPES.indexOf(route.type)],
    ...u32(route.onlink ? RTNH_F_ONLINK : 0),
  );
  if (destination.prefix > 0) writer.attribute(RTA.DST, ipToBytes(destination));
  if (from) writer.attribute(RTA.SRC, ipToBytes(from));
  if (tableByte !== table) writer.u32(RTA.TABLE, table);
  if (route.metric !== undefined) writer.u32(RTA.PRIORITY, route.metric);
  if (route.preferredSource) writer.attribute(RTA.PREFSRC, ipToBytes(route.preferredSource));
  if (route.gateway) writeGateway(writer, route.gateway, destination.family);
  if (route.dev !== undefined) writer.u32(RTA.OIF, devices.indexOf(route.dev));
  if (route.hops) writer.nested(RTA.MULTIPATH, () => writeHops(writer, route, devices));
  if (route.metrics || route.locked) writer.nested(RTA.METRICS, () => writeMetrics(writer, route));
  if (route.realms !== undefined) writer.u32(RTA.FLOW, route.realms);
  if (route.preference !== undefined) writer.u8(RTA.PREF, route.preference);
  if (route.expires !== undefined) writer.u32(RTA.EXPIRES, route.expires);
  if (route.ttlPropagate !== undefined) writer.u8(RTA.TTL_PROPAGATE, route.ttlPropagate ? 1 : 0);
}

/** A gateway of the other family stands in RTA_VIA: family(2), address. */
function writeGateway(writer: MessageWriter, gateway: Ip, family: Family): void {
  if (gateway.family === family) writer.attribute(RTA.GATEWAY, ipToBytes(gateway));
  else writer.attribute(RTA.VIA, Uint8Array.from([familyByte(gateway.family), 0, ...ipToBytes(gateway)]));
}

function writeHops(writer: MessageWriter, route: Route, devices: Devices): void {
  for (const hop of route.hops ?? []) {
    const index = hop.dev === undefined ? 0 : devices.indexOf(hop.dev);
    writer.measured([hop.onlink ? RTNH_F_ONLINK : 0, hop.weight - 1, ...u32(index)], () => {
      if (hop.gateway) writeGateway(writer, hop.gateway, route.destination.family);
    });
  }
}

function writeMetrics(writer: MessageWriter, { metrics = {}, locked = [] }: Route): void {
  for (const [name, value] of Object.entries(metrics)) {
    const type = METRICS[name as MetricName];
    if (typeof value === 'string') writer.text(type, value);
    else writer.u32(type, value);
  }
  if (locked.length > 0) writer.u32(RTAX_LOCK, locked.reduce((mask, name) => mask | (1 << METRICS[name]), 0) >>> 0);
}

export function readRoute({ body }: Message, devices: Devices): Route | undefined {
  if (body.length < HEADER || (body[0] !== 2 && body[0] !== 10)) return undefined;
  const family = body[0] === 2 ? 4 : 6;
  const attributes = readAttributes(body.subarray(HEADER));
  const prefixAt = (type: number, prefix: number): IpPrefix => {
    const bytes = attributes.get(type) ?? new Uint8Array(family === 4 ? 4 : 16);
    return { ...ipFromBytes(bytes), prefix };
  };
  const number = (type: number): number | undefined => {
    const bytes = attributes.get(type);
    return bytes && readU32(bytes);
  };
  const source = attributes.get(RTA.PREFSRC);
  const hops = attributes.get(RTA.MULTIPATH);
  const [metric, realms, expires] = [number(RTA.PRIORITY), number(RTA.FLOW), number(RTA.EXPIRES)];
  const ttlPropagate = attributes.get(RTA.TTL_PROPAGATE)?.[0];
  return {
    type: TYPES[body[7]!] ?? 'unspec',
    destination: prefixAt(RTA.DST, body[1]!),
    ...(body[2]! > 0 && { from: prefixAt(RTA.SRC, body[2]!) }),
    ...(body[3]! > 0 && { tos: body[3]! }),
    table: number(RTA.TABLE) ?? body[4]!,
    protocol: body[5]!,
    scope: body[6]!,
    ...readHop(attributes, { flags: readU32(body, 8), index: number(RTA.OIF) ?? 0 }, devices),
    ...(hops && { hops: readHops(hops, devices) }),
    ...(source && { preferredSource: ipFromBytes(source) }),
    ...(metric !== undefined && { metric }),
    ...readMetrics(attributes.get(RTA.METRICS)),
    ...(realms !== undefined && { realms }),
    // The kernel sends medium with every IPv6 route.
    ...(attributes.get(RTA.PREF)?.[0] && { preference: attributes.get(RTA.PREF)![0]! }),
    ...(expires !== undefined && { expires }),
    ...(ttlPropagate !== undefined && { ttlPropagate: ttlPropagate !== 0 }),
  };
}

type OneHop = Pick<Route, 'gateway' | 'dev' | 'onlink'>;

function readHop(
  attributes: ReadonlyMap<number, Uint8Array>,
  fields: { readonly flags: number; readonly index: number },
  devices: Devices,
): OneHop {
  const gateway = attributes.get(RTA.GATEWAY) ?? attributes.get(RTA.VIA)?.subarray(2);
  return {
    ...(gateway && { gateway: ipFromBytes(gateway) }),
    ...(fields.index !== 0 && { dev: devices.nameOf(fields.index) }),
    ...((fields.flags & RTNH_F_ONLINK) !== 0 && { onlink: true }),
  };
}

function readHops(bytes: Uint8Array, devices: Devices): readonly Hop[] {
  const hops: Hop[] = [];
  for (let at = 0; at + HOP_HEADER <= bytes.length; ) {
    const length = bytes[at]! + bytes[at + 1]! * 0x100;
    if (length < HOP_HEADER || at + length > bytes.length) break;
    const attributes = readAttributes(bytes.subarray(at + HOP_HEADER, at + length));
    const fields = { flags: bytes[at + 2]!, index: readU32(bytes, at + 4) };
    hops.push({ ...readHop(attributes, fields, devices), weight: bytes[at + 3]! + 1 });
    at += (length + 3) & ~3;
  }
  return hops;
}

function readMetrics(bytes: Uint8Array | undefined): Pick<Route, 'metrics' | 'locked'> {
  if (!bytes) return {};
  const attributes = readAttributes(bytes);
  const found: Partial<Record<MetricName, number | string>> = {};
  const locked: MetricName[] = [];
  const mask = attributes.get(RTAX_LOCK);
  for (const name of Object.keys(METRICS) as MetricName[]) {
    const value = attributes.get(METRICS[name]);
    if (value) found[name] = name === 'congctl' ? readText(value) : readU32(value);
    if (mask && (readU32(mask) & (1 << METRICS[name])) !== 0) locked.push(name);
  }
  return {
    ...(Object.keys(found).length > 0 && { metrics: found }),
    ...(locked.length > 0 && { locked }),
  };
}
