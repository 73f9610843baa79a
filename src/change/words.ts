/** Lines and values in keepalived's words, one line each, for a reader of the plan. */
import { formatIpPrefix, type Ip, type IpPrefix } from '../base/address.ts';
import type { AddressLine, Command, NextHop, OtherLine, RouteLine, RuleLine, Track } from '../keepalived/model.ts';
import { canonical, compareText } from './lines.ts';

export function addressWords(line: AddressLine): string {
  return words([
    formatIpPrefix(line.address),
    named('brd', typeof line.broadcast === 'object' ? line.broadcast.text : line.broadcast),
    named('dev', line.dev),
    named('label', line.label),
    named('scope', line.scope),
    named('peer', line.peer && formatIpPrefix(line.peer)),
    named('preferred_lft', line.preferred_lft),
    ...(line.flags ?? []),
    named('track_group', line.track_group),
  ]);
}

export function routeWords(line: RouteLine): string {
  return words([
    line.type,
    destination(line.to),
    named('via', line.via?.text),
    named('dev', line.dev),
    named('table', line.table),
    named('src', line.src?.text),
    named('metric', line.metric),
    named('scope', line.scope),
    named('proto', line.protocol),
    named('tos', line.tos),
    named('from', line.from && formatIpPrefix(line.from)),
    line.onlink && 'onlink',
    line.no_track && 'no_track',
    ...options(line.options),
    ...(line.nexthops ?? []).map(nextHopWords),
    named('track_group', line.track_group),
  ]);
}

export function ruleWords(line: RuleLine): string {
  return words([
    line.family === 6 && 'inet6',
    line.not && 'not',
    named('from', line.from && formatIpPrefix(line.from)),
    named('to', line.to && formatIpPrefix(line.to)),
    named('iif', line.iif),
    named('oif', line.oif),
    named('fwmark', line.fwmark),
    named('tos', line.tos),
    ...options(line.options),
    named('table', line.table),
    named('priority', line.priority),
    line.no_track && 'no_track',
    named('track_group', line.track_group),
  ]);
}

export const destination = (to: RouteLine['to']): string =>
  'default' in to ? (to.family === 6 ? 'inet6 default' : 'default') : formatIpPrefix(to);

export const trackWords = (track: Track): string =>
  words([track.name, named('weight', track.weight), track.reverse && 'reverse']);

/** Keywords whose values are secret wherever they stand. */
const SENSITIVE = new Set(['auth_pass', 'auth_hmac', 'key']);

export const isSensitive = (keyword: string): boolean => SENSITIVE.has(keyword);

export function otherWords(line: OtherLine): string {
  if (isSensitive(line.keyword)) return `${line.keyword} (sensitive)`;
  const block = line.block && `{ ${line.block.map(otherWords).join('; ')} }`;
  return words([line.keyword, ...line.args, block]);
}

/** Keywords whose value is a time: the model has milliseconds, the file seconds. */
const TIMES = new Set([
  'advert_int',
  'preempt_delay',
  'garp_master_delay',
  'garp_master_refresh',
  'garp_lower_prio_delay',
  'vrrp_garp_master_delay',
  'vrrp_garp_master_refresh',
  'vrrp_garp_lower_prio_delay',
  'vrrp_garp_interval',
  'vrrp_gna_interval',
  'vrrp_startup_delay',
  'vrrp_delay_after_boot',
  'smtp_connect_timeout',
  'interval',
  'timeout',
  'delay',
]);

/** A keyword's value as the file would spell it; empty for a keyword without one. */
export function valueWords(keyword: string, value: unknown): string {
  if (value === true) return '';
  if (value === false) return 'off';
  if (typeof value === 'number') return String(TIMES.has(keyword) ? value / 1000 : value);
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return value.map((v) => valueWords(keyword, v)).join(' ');
  if ('argv' in value) {
    const { argv, user, group } = value as Command;
    return words([...argv, user && `(user ${words([user, group])})`]);
  }
  if ('family' in value && 'text' in value) {
    return 'prefix' in value ? formatIpPrefix(value as IpPrefix) : (value as Ip).text;
  }
  const fields = Object.entries(value).filter(([, v]) => v !== undefined);
  return fields.length === 0 ? '' : words(fields.sort(([a], [b]) => compareText(a, b)).flatMap(([, v]) => [String(v)]));
}

const nextHopWords = (hop: NextHop): string =>
  words([
    'nexthop',
    named('via', hop.via?.text),
    named('dev', hop.dev),
    named('weight', hop.weight),
    hop.onlink && 'onlink',
  ]);

const named = (word: string, value: string | number | undefined): string | undefined =>
  value === undefined ? undefined : `${word} ${value}`;

const options = (all: Readonly<Record<string, string>> | undefined): string[] =>
  Object.entries(all ?? {})
    .sort(([a], [b]) => compareText(a, b))
    .map(([name, value]) => (value === '' ? name : `${name} ${value}`));

const words = (parts: readonly (string | false | undefined)[]): string => parts.filter(Boolean).join(' ');

/** `field value` of a line's field, for "was ..." behind a changed line. */
export function fieldWords(line: object, field: string): string {
  const value = (line as Record<string, unknown>)[field];
  if (value === undefined) return `no ${field}`;
  if (value === true) return field;
  if (field === 'to' && typeof value === 'object') return destination(value as RouteLine['to']);
  if (field === 'nexthops') return (value as readonly NextHop[]).map(nextHopWords).join(' ');
  if (field === 'options') return options(value as Record<string, string>).join(' ');
  if (Array.isArray(value)) return value.join(' ');
  if (typeof value === 'object' && value !== null && !('text' in value)) return `${field} ${canonical(value)}`;
  return `${field} ${valueWords(field, value)}`;
}
