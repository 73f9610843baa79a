/** The shapes of lines inside blocks: addresses, routes, rules, tracked objects, peers, names. */
import { parseIp } from '../base/address.ts';
import { printAddress, readAddress } from './address-line.ts';
import type { AddressLine, RouteLine, RuleLine, Track, UnicastPeer } from './model.ts';
import { quote } from './quote.ts';
import { printRoute, readRoute } from './route-line.ts';
import { printRule, readRule } from './rule-line.ts';
import type { Shape } from './shapes.ts';

/** Read until the line has no word left: a line of names holds several. */
export interface LineShape<T> extends Shape<T> {
  /** There may be thousands: a line that was read before is not read again (known-lines.ts). */
  readonly many?: true;
}

export const addressLine: LineShape<AddressLine> = {
  usage: 'IP[/LEN] [dev IF] [brd IP|+|-] [label TEXT] [scope SCOPE] [FLAG...]',
  many: true,
  read: readAddress,
  write: printAddress,
  good: [
    '10.99.0.2/24',
    '10.99.0.2/24 brd + dev eth0 label eth0:1',
    '10.99.0.2/24 brd 10.99.0.255 scope link no_track',
  ],
  bad: ['10.99.0.300/24', '10.99.0.2/33', '10.99.0.2/24 devv eth0', '10.99.0.2/24 label eth0:12345678901'],
};

export const routeLine: LineShape<RouteLine> = {
  usage: '[TYPE] DST|default [via IP] [dev IF] [table T] [src IP] [metric N] [OPTION...]',
  many: true,
  read: readRoute,
  write: printRoute,
  good: [
    '10.98.0.0/16 via 192.0.2.9 dev eth0 table main',
    'blackhole 10.98.0.0/16 no_track',
    '10.98.0.0/16 dev eth0 tos 4 scope link metric 5 mtu lock 1400 advmss 1300',
    '10.98.0.0/16 no_track nexthop via 192.0.2.9 dev eth0 weight 2 nexthop via 192.0.2.8 dev eth0 onlink',
  ],
  bad: [
    ...['193.266.0.0/16 dev eth0', '10.98.0.0/16 via 192.0.2.300 dev eth0', '10.98.0.0/16 dev eth0 hop 5', 'dev eth0'],
    ...['10.98.0.0/16 dev eth0 metric 0x5', '10.98.0.0/16 dev eth0 mtu 0x500'],
  ],
};

export const ruleLine: LineShape<RuleLine> = {
  usage: '[not] [from PREFIX] [to PREFIX] [table T] [preference N] [iif IF] [oif IF] [fwmark N] [OPTION...]',
  many: true,
  read: readRule,
  write: printRule,
  good: ['from 10.97.0.0/16 table 5 preference 100', 'not to 10.97.0.0/16 iif eth0 blackhole preference 101 no_track'],
  bad: [
    ...['from 10.97.0.300/16 table 5 preference 100', 'from 10.97.0.0/16 tabel 5 preference 100'],
    'from 10.97.0.0/16 goto 0x70 preference 100',
  ],
};

/** `NAME [weight -MAX..MAX [reverse]]`. */
export const track = (weightMax: number, sample: string): LineShape<Track> => ({
  usage: `NAME [weight -${weightMax}..${weightMax} [reverse]]`,
  read(args) {
    const name = args.next()!;
    const line: { -readonly [K in keyof Track]: Track[K] } = { name: name.text };
    args.places.note(line, undefined, name);
    if (!args.peek()) return line;
    if (!args.accept('weight')) return args.unknownOption(args.next()!, 'a tracked object', ['weight']);
    const at = args.peek();
    const weight = args.integer('weight', -weightMax, weightMax);
    if (weight === undefined) return undefined;
    args.places.note(line, 'weight', at!);
    line.weight = weight;
    if (args.accept('reverse')) line.reverse = true;
    else args.accept('noreverse');
    return line;
  },
  write: ({ name, weight, reverse }) =>
    quote(name) + (weight === undefined ? '' : ` weight ${weight}`) + (reverse ? ' reverse' : ''),
  good: [sample, `${sample} weight 10`, `${sample} weight -20 reverse`],
  bad: [`${sample} weight ${weightMax + 1}`, `${sample} wieght 5`, `${sample} weight 0x5`],
});

export const peer: LineShape<UnicastPeer> = {
  usage: 'IP [min_ttl 0-255] [max_ttl 0-255]',
  read(args) {
    const first = args.next()!;
    const ip = parseIp(first.text);
    if (!ip) return args.notAnAddress(first);
    const line: { -readonly [K in keyof UnicastPeer]: UnicastPeer[K] } = { ...ip };
    args.places.note(line, undefined, first);
    for (let option = args.next(); option; option = args.next()) {
      if (option.text !== 'min_ttl' && option.text !== 'max_ttl') {
        return args.unknownOption(option, 'a unicast peer', ['min_ttl', 'max_ttl']);
      }
      const ttl = args.integer(option.text, 0, 255);
      if (ttl !== undefined) line[option.text] = ttl;
    }
    return line;
  },
  write: ({ text, min_ttl, max_ttl }) =>
    text + (min_ttl === undefined ? '' : ` min_ttl ${min_ttl}`) + (max_ttl === undefined ? '' : ` max_ttl ${max_ttl}`),
  good: ['192.0.2.7', '192.0.2.7 min_ttl 250 max_ttl 255'],
  bad: ['192.0.2.700', '192.0.2.7 min_ttl 300'],
};

/** Names, as many on a line as you like; a block of none is refused where it stands. */
export const name = (good: readonly string[]): LineShape<string> => ({
  usage: 'NAME...',
  read: (args) => args.next()!.text,
  write: quote,
  good,
  bad: [''],
});
