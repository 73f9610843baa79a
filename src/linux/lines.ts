/**
 * keepalived's lines as what the kernel is asked for. Defaults are keepalived 2.2.7's, seen with `ip -d`: scope
 * global for every route but a local one, no broadcast unless it is given, no duplicate address detection for IPv6,
 * an IPv6 address without a prefix is deprecated at once. A tracked route or rule always has the daemon's own
 * protocol number, whatever the line says.
 */
import { broadcastOf, type Ip, type IpPrefix, networkOf } from '../base/address.ts';
import type { AddressLine, RouteLine, RuleLine } from '../keepalived/model.ts';
import { type Address, IFA_F } from './address.ts';
import type { NameKind, Names } from './names.ts';
import { type Hop, METRICS, type MetricName, type Route, type RouteType, SCOPE, TABLE_MAIN } from './route.ts';
import type { Range, Rule, RuleAction } from './rule.ts';

export interface LineContext {
  readonly names: Names;
  /** The device of addresses whose line names none. */
  readonly dev: string;
  /** The number that marks our own; see `OWN_PROTOCOL`. */
  readonly protocol: number;
  /** The routing table of a vrf device. */
  tableOfVrf(dev: string): number | undefined;
}

/** A line may name what this router does not have, or ask for what is not offered: the reason is one clause. */
export type Resolved<T> =
  | { readonly kind: 'resolved'; readonly value: T }
  | { readonly kind: 'unresolved'; readonly reason: string };

export const addressOf = (line: AddressLine, context: LineContext): Resolved<Address> =>
  resolve(() => readAddressLine(line, context));

export const routeOf = (line: RouteLine, context: LineContext): Resolved<Route> =>
  resolve(() => readRouteLine(line, context));

/** `priority`: for a line without one; keepalived counts down from 16384 in the order of the file. */
export const ruleOf = (line: RuleLine, context: LineContext, priority: number): Resolved<Rule> =>
  resolve(() => readRuleLine(line, context, priority));

class Unresolved extends Error {}

function resolve<T>(read: () => T): Resolved<T> {
  try {
    return { kind: 'resolved', value: read() };
  } catch (error) {
    if (error instanceof Unresolved) return { kind: 'unresolved', reason: error.message };
    throw error;
  }
}

const FLAGS: Readonly<Record<string, number>> = {
  home: IFA_F.HOMEADDRESS,
  mngtmpaddr: IFA_F.MANAGETEMPADDR,
  noprefixroute: IFA_F.NOPREFIXROUTE,
  autojoin: IFA_F.MCAUTOJOIN,
};

function readAddressLine(line: AddressLine, { names, dev, protocol }: LineContext): Address {
  const { address, peer } = line;
  const six = address.family === 6;
  const words = line.flags ?? [];
  const flags = words.reduce((sum, word) => sum | (FLAGS[word] ?? 0), 0);
  const single = address.prefix === 128 && !peer;
  const preferred = line.preferred_lft ?? (single ? 0 : 'forever');
  return {
    dev: line.dev ?? dev,
    address,
    ...(peer && { peer }),
    ...(!six && line.broadcast && broadcast(line)),
    ...(!six && line.label !== undefined && { label: line.label }),
    scope: six ? 0 : number(names, 'scope', line.scope ?? 'global'),
    flags: flags | (six && !words.includes('-nodad') ? IFA_F.NODAD : 0),
    ...(six && preferred !== 'forever' && { preferredSeconds: preferred }),
    protocol,
  };
}

/** `+` sets all bits of the host, `-` none; a prefix of 31 or 32 has no room for either. */
function broadcast({ broadcast: given, address }: AddressLine): { readonly broadcast?: Ip } {
  if (typeof given === 'object') return { broadcast: given };
  if (address.prefix > 30) return {};
  return { broadcast: { family: 4, text: given === '+' ? broadcastOf(address) : networkOf(address) } };
}

function readRouteLine(line: RouteLine, context: LineContext): Route {
  const { names } = context;
  const options = line.options ?? {};
  if (options.encap !== undefined) throw new Unresolved('"encap" is not offered');
  const type = (line.type ?? 'unicast') as RouteType;
  const scope = line.scope ?? (type === 'local' ? 'host' : 'global');
  const { family } = line.to;
  return {
    type,
    destination: 'default' in line.to ? anywhere(family) : { ...line.to, text: networkOf(line.to as IpPrefix) },
    ...(line.from && { from: { ...line.from, text: networkOf(line.from) } }),
    ...(line.tos !== undefined && { tos: line.tos }),
    table: tableOf(line, context),
    protocol:
      line.protocol !== undefined && line.no_track ? number(names, 'protocol', line.protocol) : context.protocol,
    scope: family === 6 ? SCOPE.GLOBAL : number(names, 'scope', scope),
    ...nextHops(line),
    ...(line.src && { preferredSource: line.src }),
    ...(line.metric !== undefined && { metric: line.metric }),
    ...readMetrics(options),
    ...(options.realms !== undefined && { realms: readRealms(names, options.realms) }),
    ...(options.pref !== undefined && { preference: choose(PREFERENCES, 'pref', options.pref) }),
    ...(options.expires !== undefined && { expires: readInteger('expires', options.expires) }),
    ...(options['ttl-propagate'] !== undefined && { ttlPropagate: options['ttl-propagate'] === 'enabled' }),
  };
}

const PREFERENCES = { medium: 0, high: 1, low: 3 } as const;

const anywhere = (family: 4 | 6): IpPrefix => ({ family, text: family === 4 ? '0.0.0.0' : '::', prefix: 0 });

function tableOf({ table, options }: RouteLine, { names, tableOfVrf }: LineContext): number {
  if (table !== undefined) return number(names, 'table', table);
  if (options?.vrf === undefined) return TABLE_MAIN;
  const found = tableOfVrf(options.vrf);
  if (found === undefined) throw new Unresolved(`there is no vrf device "${options.vrf}"`);
  return found;
}

/** keepalived's old `or` names a second gateway of equal weight. */
function nextHops(line: RouteLine): Pick<Route, 'gateway' | 'dev' | 'onlink' | 'hops'> {
  const second = line.options?.or;
  const given = second === undefined ? line.nexthops : [{ via: line.via }, { via: ipOf(second, line.to.family) }];
  if (!given) {
    return {
      ...(line.via && { gateway: line.via }),
      ...(line.dev !== undefined && { dev: line.dev }),
      ...(line.onlink && { onlink: true }),
    };
  }
  const hops = given.map(
    (hop): Hop => ({
      ...(hop.via && { gateway: hop.via }),
      ...('dev' in hop && hop.dev !== undefined && { dev: hop.dev }),
      ...('onlink' in hop && hop.onlink && { onlink: true }),
      weight: ('weight' in hop && hop.weight) || 1,
    }),
  );
  return { hops };
}

const ipOf = (text: string, family: 4 | 6): Ip => ({ family, text });

const MILLISECONDS_MIN = 200;
/** What the kernel stores is a multiple of the milliseconds; a number without a unit is stored as it stands. */
const TIME_FACTORS: Readonly<Partial<Record<MetricName, number>>> = { rtt: 8, rttvar: 4, rto_min: 1 };

function readMetrics(options: Readonly<Record<string, string>>): Pick<Route, 'metrics' | 'locked'> {
  const metrics: Partial<Record<MetricName, number | string>> = {};
  const locked: MetricName[] = [];
  for (const name of Object.keys(METRICS) as MetricName[]) {
    const text = options[name]?.replace(/^lock /, '');
    if (text === undefined) continue;
    if (options[name] !== text) locked.push(name);
    const factor = TIME_FACTORS[name];
    if (name === 'congctl') metrics[name] = text;
    else if (name === 'features') metrics[name] = choose({ ecn: 1 }, 'features', text);
    else metrics[name] = factor === undefined ? readInteger(name, text) : readTime(name, text, factor);
  }
  if (Object.keys(metrics).length === 0) return {};
  return { metrics, ...(locked.length > 0 && { locked }) };
}

/** Below 200 ms keepalived takes 200 ms. */
function readTime(name: string, text: string, factor: number): number {
  const match = /^(\d{1,9})(ms|msecs?|s|secs?|)$/.exec(text);
  if (!match) throw new Unresolved(`"${text}" is no time for "${name}"`);
  const [, digits, unit = ''] = match;
  const value = Number(digits) * (unit.startsWith('s') ? 1000 : 1);
  if (value < MILLISECONDS_MIN) return MILLISECONDS_MIN * factor;
  return unit === '' ? value : value * factor;
}

function readRuleLine(line: RuleLine, { names, protocol }: LineContext, priority: number): Rule {
  const options = line.options ?? {};
  const { action, goto } = actionOf(options);
  const [mark, mask] = (line.fwmark ?? '').split('/');
  const table = line.table === undefined ? undefined : number(names, 'table', line.table);
  const group = options.suppress_ifgroup;
  const own = options.protocol !== undefined && line.no_track;
  return {
    family: line.family ?? line.from?.family ?? line.to?.family ?? 4,
    ...(line.not && { not: true }),
    ...(line.from && { from: { ...line.from, text: networkOf(line.from) } }),
    ...(line.to && { to: { ...line.to, text: networkOf(line.to) } }),
    action,
    table: action !== 'table' || options.l3mdev !== undefined ? 0 : (table ?? TABLE_MAIN),
    priority: line.priority ?? priority,
    ...(line.iif !== undefined && { iif: line.iif }),
    ...(line.oif !== undefined && { oif: line.oif }),
    ...(line.fwmark !== undefined && { mark: readInteger('fwmark', mark!) }),
    ...(mask !== undefined && { mask: readInteger('fwmark', mask) }),
    ...(line.tos !== undefined && { tos: line.tos }),
    ...(options.realms !== undefined && { realms: readRealms(names, options.realms) }),
    ...(options['tunnel-id'] !== undefined && { tunnel: readInteger('tunnel-id', options['tunnel-id']) }),
    ...(group !== undefined && { suppressGroup: number(names, 'group', group) }),
    ...(options.suppress_prefixlength !== undefined && {
      suppressPrefixLength: readInteger('suppress_prefixlength', options.suppress_prefixlength),
    }),
    ...(options.l3mdev !== undefined && { l3mdev: true }),
    ...(options.uidrange !== undefined && { users: readRange('uidrange', options.uidrange) }),
    ...(options.ipproto !== undefined && { ipProtocol: readIpProtocol(options.ipproto) }),
    ...(options.sport !== undefined && { sourcePorts: readRange('sport', options.sport) }),
    ...(options.dport !== undefined && { destinationPorts: readRange('dport', options.dport) }),
    ...(goto !== undefined && { goto }),
    protocol: own ? number(names, 'protocol', options.protocol!) : protocol,
  };
}

const ACTION_WORDS = ['nop', 'blackhole', 'prohibit', 'unreachable'] as const;

function actionOf(options: Readonly<Record<string, string>>): Pick<Rule, 'action' | 'goto'> {
  if (options.goto !== undefined) return { action: 'goto', goto: readInteger('goto', options.goto) };
  const word = ACTION_WORDS.find((name) => options[name] !== undefined || options.type === name);
  return { action: (word ?? 'table') satisfies RuleAction };
}

/** The protocols that have ports; any other by number. */
const IP_PROTOCOLS: Readonly<Record<string, number>> = {
  icmp: 1,
  tcp: 6,
  udp: 17,
  dccp: 33,
  'ipv6-icmp': 58,
  sctp: 132,
};

const readIpProtocol = (text: string): number => IP_PROTOCOLS[text] ?? readInteger('ipproto', text);

function readRange(name: string, text: string): Range {
  const [first = '', last = first] = text.split('-');
  return { first: readInteger(name, first), last: readInteger(name, last) };
}

/** `FROM/TO`, or `TO`. */
function readRealms(names: Names, text: string): number {
  const [first = '', second] = text.split('/');
  const one = number(names, 'realm', first);
  return second === undefined ? one : one * 0x1_0000 + number(names, 'realm', second);
}

const KIND_WORDS: Readonly<Record<NameKind, string>> = {
  table: 'routing table',
  protocol: 'routing protocol',
  scope: 'scope',
  realm: 'realm',
  group: 'group of devices',
};

function number(names: Names, kind: NameKind, word: string): number {
  const found = names(kind, word);
  if (found === undefined) throw new Unresolved(`there is no ${KIND_WORDS[kind]} "${word}"`);
  return found;
}

function readInteger(name: string, text: string): number {
  if (!/^(\d{1,10}|0[xX][0-9a-fA-F]{1,8})$/.test(text) || Number(text) > 0xffff_ffff) {
    throw new Unresolved(`"${text}" is no number for "${name}"`);
  }
  return Number(text);
}

function choose(words: Readonly<Record<string, number>>, name: string, text: string): number {
  const found = words[text];
  if (found === undefined) throw new Unresolved(`"${text}" is no value of "${name}"`);
  return found;
}
