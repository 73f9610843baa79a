/** One line of virtual_routes or static_routes: `ip route add`'s words, as keepalived 2.2.7 takes them. */
import { formatIpPrefix, type Ip, type IpPrefix, parseIp, parseIpPrefix } from '../base/address.ts';
import { SCOPES } from './address-line.ts';
import { type Args, readHexadecimalToo, readInteger } from './args.ts';
import type { Word } from './lexer.ts';
import type { NextHop, RouteLine } from './model.ts';
import { isPrintable, quote } from './quote.ts';
import { isInterfaceName } from './shapes.ts';

const TYPES = [
  'unicast',
  'local',
  'broadcast',
  'anycast',
  'multicast',
  'throw',
  'unreachable',
  'prohibit',
  'blackhole',
];

/** Options kept by name with one value (after `lock`, where that may stand before it), and those without any. */
const VALUE_OPTIONS = [
  ...['mtu', 'advmss', 'hoplimit', 'rtt', 'rttvar', 'reordering', 'window', 'cwnd', 'ssthresh', 'realms'],
  ...['rto_min', 'initcwnd', 'initrwnd', 'features', 'quickack', 'congctl', 'pref', 'expires', 'vrf'],
  ...['ttl-propagate', 'fastopen_no_cookie', 'or'],
];
export const ROUTE_VALUE_OPTIONS: ReadonlySet<string> = new Set(VALUE_OPTIONS);
export const ROUTE_FLAG_OPTIONS: readonly string[] = ['add', 'prepend', 'append'];
const LOCKABLE = new Set([
  'mtu',
  'advmss',
  'hoplimit',
  'rtt',
  'rttvar',
  'reordering',
  'window',
  'cwnd',
  'ssthresh',
  'rto_min',
  'congctl',
]);

/** The only options whose numbers may be hexadecimal. */
const HEXADECIMAL = new Set(['realms']);

/** keepalived's second words for one thing, by the first. */
const SYNONYMS: Readonly<Record<string, string>> = {
  gw: 'via',
  oif: 'dev',
  priority: 'metric',
  preference: 'metric',
  dsfield: 'tos',
};

const OPTIONS = [
  ...['via', 'dev', 'table', 'src', 'metric', 'scope', 'protocol', 'tos', 'from', 'onlink', 'no_track', 'nexthop'],
  ...['track_group', 'encap', 'to', 'inet', 'inet6', ...Object.keys(SYNONYMS), ...TYPES],
  ...VALUE_OPTIONS,
  ...ROUTE_FLAG_OPTIONS,
];

type Draft = { -readonly [K in keyof RouteLine]?: RouteLine[K] } & { family?: 4 | 6 };

/** Reads the line; undefined where it has no usable destination. Wrong options are reported one by one. */
export function readRoute(args: Args): RouteLine | undefined {
  const draft: Draft = {};
  const options: Record<string, string> = {};
  args.places.note(draft, undefined, args.peek()!);
  let to: Word | undefined;
  for (let word = args.next(); word; word = args.next()) {
    const key = SYNONYMS[word.text] ?? word.text;
    if (key === 'inet' || key === 'inet6') draft.family = key === 'inet' ? 4 : 6;
    else if (TYPES.includes(key)) {
      if (draft.type !== undefined) args.fail(word, 'the route has two types', { code: 'conf-duplicate' });
      draft.type = key;
    } else if (key === 'onlink' || key === 'no_track') draft[key] = true;
    else if (ROUTE_FLAG_OPTIONS.includes(key)) options[key] = '';
    else if (ROUTE_VALUE_OPTIONS.has(key)) readOption(args, key, options);
    else if (key === 'encap') readEncap(args, word, options);
    else if (key === 'nexthop') draft.nexthops = [...(draft.nexthops ?? []), readNextHop(args)];
    else if (READERS[key]) READERS[key](args, draft, key);
    else if (!to && (key === 'to' || key === 'default' || /[.:/]/.test(key))) to = readDestination(args, word, draft);
    else args.unknownOption(word, 'a route', OPTIONS);
  }
  if (!to) args.fail(args.head, 'the route has no destination', { code: 'conf-missing' });
  if (Object.keys(options).length > 0) draft.options = options;
  return finish(args, draft);
}

function readDestination(args: Args, word: Word, draft: Draft): Word {
  const value = word.text === 'to' ? args.need('the destination') : word;
  if (!value) return word;
  args.places.note(draft, 'to', value);
  const prefix = value.text === 'default' ? { family: 4, default: true as const } : parseIpPrefix(value.text);
  if (prefix) draft.to = prefix as RouteLine['to'];
  else args.notAnAddress(value);
  return value;
}

type Reader = (args: Args, draft: Draft, key: string) => void;

/** Takes the value of an option and remembers its place. */
function takeValue(args: Args, draft: Draft, key: string): Word | undefined {
  const value = args.need(`the value of "${key}"`);
  if (value && key in draft) args.fail(value, `"${key}" stands twice on the line`, { code: 'conf-duplicate' });
  if (value) args.places.note(draft, key, value);
  return value;
}

const READERS: Readonly<Record<string, Reader>> = {
  via(args, draft) {
    if (args.peek()?.text === 'inet' || args.peek()?.text === 'inet6')
      draft.family = args.next()!.text === 'inet' ? 4 : 6;
    const value = takeValue(args, draft, 'via');
    const address = value && (parseIp(value.text) ?? args.notAnAddress(value));
    if (address) draft.via = address;
  },
  dev(args, draft) {
    const value = takeValue(args, draft, 'dev');
    if (value && isInterfaceName(value.text)) draft.dev = value.text;
    else if (value) args.fail(value, `"${value.text}" cannot be an interface's name`);
  },
  table: (args, draft) => text(args, draft, 'table'),
  track_group: (args, draft) => text(args, draft, 'track_group'),
  protocol: (args, draft) => text(args, draft, 'protocol'),
  scope(args, draft) {
    const value = takeValue(args, draft, 'scope');
    if (!value) return;
    if (SCOPES.includes(value.text) || (/^\d{1,3}$/.test(value.text) && Number(value.text) < 256))
      draft.scope = value.text;
    else args.unknownOption(value, 'scope', SCOPES);
  },
  src(args, draft) {
    const value = takeValue(args, draft, 'src');
    const address = value && (parseIp(value.text) ?? args.notAnAddress(value));
    if (address) draft.src = address;
  },
  from(args, draft) {
    const value = takeValue(args, draft, 'from');
    const prefix = value && (parseIpPrefix(value.text) ?? args.notAnAddress(value));
    if (prefix?.family === 4) args.fail(value!, 'a route\'s "from" exists for IPv6 only');
    else if (prefix) draft.from = prefix;
  },
  metric: (args, draft) => number(args, draft, 'metric', 0xffff_ffff, readInteger),
  tos: (args, draft) => number(args, draft, 'tos', 255, readHexadecimalToo),
};

function text(args: Args, draft: Draft, key: 'table' | 'track_group' | 'protocol'): void {
  const value = takeValue(args, draft, key);
  if (value && isPrintable(value.text)) draft[key] = value.text;
  else if (value) args.fail(value, `the value of "${key}" holds a character that cannot be kept`);
}

function number(args: Args, draft: Draft, key: 'metric' | 'tos', max: number, form: typeof readInteger): void {
  const value = args.peek();
  if (value && key in draft) args.fail(value, `"${key}" stands twice on the line`, { code: 'conf-duplicate' });
  if (value) args.places.note(draft, key, value);
  const read = args.integer(key, 0, max, form);
  if (read !== undefined) draft[key] = read;
}

function readOption(args: Args, key: string, options: Record<string, string>): void {
  const locked = LOCKABLE.has(key) && args.accept('lock');
  const value = args.need(`the value of "${key}"`);
  if (!value) return;
  if (key in options) args.fail(value, `"${key}" stands twice on the line`, { code: 'conf-duplicate' });
  const hexadecimal = /^0x/i.test(value.text) && !HEXADECIMAL.has(key);
  if (!/^[A-Za-z0-9_./:-]+$/.test(value.text) || hexadecimal)
    args.fail(value, `"${value.text}" is no value of "${key}"`);
  else options[key] = locked ? `lock ${value.text}` : value.text;
}

/** Tunnel headers have a grammar of their own; it is kept as it stands, up to a nexthop or the line's end. */
function readEncap(args: Args, word: Word, options: Record<string, string>): void {
  const words: string[] = [];
  for (let next = args.peek(); next && next.text !== 'nexthop'; next = args.peek()) {
    if (!/^[A-Za-z0-9_./:-]+$/.test(next.text)) args.fail(next, `"${next.text}" is no part of an encapsulation`);
    words.push(next.text);
    args.next();
  }
  args.warn(word, '"encap" is kept as it stands; it is not checked', { code: 'conf-unsupported' });
  options.encap = words.join(' ');
}

function readNextHop(args: Args): NextHop {
  const hop: { -readonly [K in keyof NextHop]: NextHop[K] } = {};
  args.places.note(hop, undefined, args.last);
  for (let word = args.peek(); word && word.text !== 'nexthop'; word = args.peek()) {
    args.next();
    const key = SYNONYMS[word.text] ?? word.text;
    if (key === 'onlink') hop.onlink = true;
    else if (key === 'via') {
      if (args.peek()?.text === 'inet' || args.peek()?.text === 'inet6') args.next();
      const via = args.ip('the next hop');
      if (via) hop.via = via;
    } else if (key === 'dev') {
      const dev = args.need('the interface');
      if (dev && isInterfaceName(dev.text)) hop.dev = dev.text;
      else if (dev) args.fail(dev, `"${dev.text}" cannot be an interface's name`);
    } else if (key === 'weight') {
      const weight = args.integer('weight', 1, 256);
      if (weight !== undefined) hop.weight = weight;
    } else args.unknownOption(word, 'a next hop', ['via', 'dev', 'weight', 'onlink']);
  }
  return hop;
}

/** Settles the family: `default` takes the one of the route's other addresses; mixing them is an error. */
function finish(args: Args, draft: Draft): RouteLine | undefined {
  const { to, family } = draft;
  delete draft.family;
  if (!to) return undefined;
  const others = [draft.via, draft.src, draft.from, ...(draft.nexthops ?? []).map((hop) => hop.via)].filter(
    (ip): ip is Ip => ip !== undefined,
  );
  const settled = 'default' in to ? (others[0]?.family ?? family ?? 4) : to.family;
  if ('default' in to) draft.to = { family: settled, default: true };
  if (others.some((ip) => ip.family !== settled) || (family !== undefined && family !== settled)) {
    args.fail(args.head, 'the route mixes IPv4 and IPv6');
  }
  return draft as RouteLine;
}

/** The line as it stands in its block. */
export function printRoute(line: RouteLine): string {
  const out = [...(line.type === undefined ? [] : [line.type]), destination(line)];
  if (line.via) out.push('via', line.via.text);
  if (line.dev !== undefined) out.push('dev', quote(line.dev));
  if (line.table !== undefined) out.push('table', quote(line.table));
  if (line.src) out.push('src', line.src.text);
  if (line.metric !== undefined) out.push('metric', String(line.metric));
  if (line.scope !== undefined) out.push('scope', line.scope);
  if (line.protocol !== undefined) out.push('protocol', quote(line.protocol));
  if (line.tos !== undefined) out.push('tos', String(line.tos));
  if (line.from) out.push('from', formatIpPrefix(line.from));
  if (line.onlink) out.push('onlink');
  if (line.no_track) out.push('no_track');
  if (line.track_group !== undefined) out.push('track_group', quote(line.track_group));
  const { encap, ...options } = line.options ?? {};
  for (const [name, value] of Object.entries(options)) out.push(value === '' ? name : `${name} ${value}`);
  if (encap !== undefined) out.push(`encap ${encap}`);
  for (const hop of line.nexthops ?? []) out.push(printNextHop(hop));
  return out.join(' ');
}

/** An IPv6 default without any other address can only be written as a prefix. */
function destination({ to, via, src, from, nexthops }: RouteLine): string {
  if (!('default' in to)) return formatIpPrefix(to as IpPrefix);
  const shown = via ?? src ?? from ?? nexthops?.find((hop) => hop.via);
  return to.family === 6 && !shown ? '::/0' : 'default';
}

function printNextHop(hop: NextHop): string {
  const out = ['nexthop'];
  if (hop.via) out.push('via', hop.via.text);
  if (hop.dev !== undefined) out.push('dev', quote(hop.dev));
  if (hop.weight !== undefined) out.push('weight', String(hop.weight));
  if (hop.onlink) out.push('onlink');
  return out.join(' ');
}
