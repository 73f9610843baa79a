/**
 * Policy rules. RTM_NEWRULE: fib_rule_hdr family(1) dst_len(1) src_len(1) tos(1) table(1) reserved(2) action(1)
 * flags(4), attributes FRA_*. rtnetlink(7), include/uapi/linux/fib_rules.h. Equal rules pile up unless NLM_F_EXCL is
 * set; a delete takes the first rule that has all of the attributes given.
 */
import type { Family, IpPrefix } from '../base/address.ts';
import { ipFromBytes, ipToBytes } from '../base/bytes.ts';
import { familyByte } from './address.ts';
import { type Message, type MessageWriter, readAttributes, readText, readU32, u32 } from './netlink.ts';

export interface Rule {
  readonly family: Family;
  readonly not?: true;
  readonly from?: IpPrefix;
  readonly to?: IpPrefix;
  readonly action: RuleAction;
  /** 0 with any other action than `table`. */
  readonly table: number;
  /** Absent: the kernel takes the one before the lowest. */
  readonly priority?: number;
  readonly iif?: string;
  readonly oif?: string;
  readonly mark?: number;
  readonly mask?: number;
  readonly tos?: number;
  readonly realms?: number;
  /** Up to 2^53. */
  readonly tunnel?: number;
  readonly suppressGroup?: number;
  readonly suppressPrefixLength?: number;
  readonly l3mdev?: true;
  readonly users?: Range;
  readonly ipProtocol?: number;
  readonly sourcePorts?: Range;
  readonly destinationPorts?: Range;
  readonly goto?: number;
  readonly protocol: number;
}

export interface Range {
  readonly first: number;
  readonly last: number;
}

/** FR_ACT_*. */
const ACTIONS = { table: 1, goto: 2, nop: 3, blackhole: 6, unreachable: 7, prohibit: 8 } as const;
export type RuleAction = keyof typeof ACTIONS;

export const RTM_RULE = { NEW: 32, DEL: 33, GET: 34 } as const;
const FRA = {
  ...{ DST: 1, SRC: 2, IIFNAME: 3, GOTO: 4, PRIORITY: 6, FWMARK: 10, FLOW: 11, TUN_ID: 12, SUPPRESS_IFGROUP: 13 },
  ...{ SUPPRESS_PREFIXLEN: 14, TABLE: 15, FWMASK: 16, OIFNAME: 17, L3MDEV: 19, UID_RANGE: 20, PROTOCOL: 21 },
  ...{ IP_PROTO: 22, SPORT_RANGE: 23, DPORT_RANGE: 24 },
} as const;
const FIB_RULE_INVERT = 2;
const HEADER = 12;

export const ruleDumpHeader = (family: Family): readonly number[] => [
  familyByte(family),
  ...new Array<number>(HEADER - 1).fill(0),
];

export function writeRule(writer: MessageWriter, rule: Rule): void {
  const table = rule.table < 256 ? rule.table : 0;
  writer.header(
    ...[familyByte(rule.family), rule.to?.prefix ?? 0, rule.from?.prefix ?? 0, rule.tos ?? 0],
    ...[table, 0, 0, ACTIONS[rule.action], ...u32(rule.not ? FIB_RULE_INVERT : 0)],
  );
  if (rule.from && rule.from.prefix > 0) writer.attribute(FRA.SRC, ipToBytes(rule.from));
  if (rule.to && rule.to.prefix > 0) writer.attribute(FRA.DST, ipToBytes(rule.to));
  if (rule.iif !== undefined) writer.text(FRA.IIFNAME, rule.iif);
  if (rule.oif !== undefined) writer.text(FRA.OIFNAME, rule.oif);
  for (const [type, field] of NUMBERS) {
    const value = rule[field];
    if (value !== undefined && (field !== 'table' || value !== table)) writer.u32(type, value);
  }
  if (rule.tunnel !== undefined) {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(rule.tunnel));
    writer.attribute(FRA.TUN_ID, bytes);
  }
  if (rule.l3mdev) writer.u8(FRA.L3MDEV, 1);
  if (rule.users) writer.attribute(FRA.UID_RANGE, Uint8Array.from([rule.users.first, rule.users.last].flatMap(u32)));
  if (rule.ipProtocol !== undefined) writer.u8(FRA.IP_PROTO, rule.ipProtocol);
  for (const [type, field] of PORTS) {
    const ports = rule[field];
    if (ports) writer.attribute(type, new Uint8Array(Uint16Array.of(ports.first, ports.last).buffer));
  }
  writer.u8(FRA.PROTOCOL, rule.protocol);
}

const NUMBERS = [
  [FRA.TABLE, 'table'],
  [FRA.PRIORITY, 'priority'],
  [FRA.FWMARK, 'mark'],
  [FRA.FWMASK, 'mask'],
  [FRA.FLOW, 'realms'],
  [FRA.SUPPRESS_IFGROUP, 'suppressGroup'],
  [FRA.SUPPRESS_PREFIXLEN, 'suppressPrefixLength'],
  [FRA.GOTO, 'goto'],
] as const;

const PORTS = [
  [FRA.SPORT_RANGE, 'sourcePorts'],
  [FRA.DPORT_RANGE, 'destinationPorts'],
] as const;

/** What the kernel sends of a number that was not given. */
const UNSET = 0xffff_ffff;

export function readRule({ body }: Message): Rule | undefined {
  if (body.length < HEADER || (body[0] !== 2 && body[0] !== 10)) return undefined;
  const attributes = readAttributes(body.subarray(HEADER));
  const prefixAt = (type: number, prefix: number): IpPrefix | undefined => {
    const bytes = attributes.get(type);
    return bytes && { ...ipFromBytes(bytes), prefix };
  };
  const numbers: Partial<Record<(typeof NUMBERS)[number][1], number>> = {};
  for (const [type, field] of NUMBERS) {
    const bytes = attributes.get(type);
    if (bytes && readU32(bytes) !== UNSET) numbers[field] = readU32(bytes);
  }
  // Without a mark of its own every rule has the mask 0.
  if (numbers.mark === undefined) delete numbers.mask;
  const [from, to] = [prefixAt(FRA.SRC, body[2]!), prefixAt(FRA.DST, body[1]!)];
  const [iif, oif] = [attributes.get(FRA.IIFNAME), attributes.get(FRA.OIFNAME)];
  const [users, tunnel] = [attributes.get(FRA.UID_RANGE), attributes.get(FRA.TUN_ID)];
  const ipProtocol = attributes.get(FRA.IP_PROTO)?.[0];
  const action = (Object.keys(ACTIONS) as RuleAction[]).find((name) => ACTIONS[name] === body[7]);
  return {
    family: body[0] === 2 ? 4 : 6,
    ...((readU32(body, 8) & FIB_RULE_INVERT) !== 0 && { not: true as const }),
    ...(from && { from }),
    ...(to && { to }),
    action: action ?? 'nop',
    ...numbers,
    table: numbers.table ?? body[4]!,
    ...(iif && { iif: readText(iif) }),
    ...(oif && { oif: readText(oif) }),
    ...(body[3]! > 0 && { tos: body[3]! }),
    ...(tunnel && { tunnel: Number(new DataView(tunnel.buffer, tunnel.byteOffset).getBigUint64(0)) }),
    ...(attributes.get(FRA.L3MDEV)?.[0] === 1 && { l3mdev: true as const }),
    ...(users && { users: { first: readU32(users), last: readU32(users, 4) } }),
    ...(ipProtocol && { ipProtocol }),
    ...readPorts(attributes),
    protocol: attributes.get(FRA.PROTOCOL)?.[0] ?? 0,
  };
}

function readPorts(attributes: ReadonlyMap<number, Uint8Array>): Pick<Rule, 'sourcePorts' | 'destinationPorts'> {
  const found: { -readonly [K in 'sourcePorts' | 'destinationPorts']?: Range } = {};
  for (const [type, field] of PORTS) {
    const bytes = attributes.get(type);
    if (bytes) found[field] = { first: readU32(bytes) & 0xffff, last: readU32(bytes) >>> 16 };
  }
  return found;
}
