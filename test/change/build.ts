/** Small builders of models for the tests of change/. */
import assert from 'node:assert/strict';
import { type Ip, type IpPrefix, parseIp, parseIpPrefix } from '../../src/base/address.ts';
import { ms } from '../../src/base/units.ts';
import { EMPTY } from '../../src/keepalived/empty.ts';
import type { AddressLine, Config, Instance, RouteLine } from '../../src/keepalived/model.ts';

export const config = (parts: Partial<Config> = {}): Config => ({ ...EMPTY, ...parts });

export const withInstances = (...vrrp_instance: readonly Instance[]): Config => config({ vrrp_instance });

/** VI_0 as the reload matrix has it: VRID 50 on p4p1, two advertised VIPs on p3p1, version 2, 1 s. */
export function instance(parts: Partial<Instance> = {}): Instance {
  return {
    name: 'VI_0',
    state: 'BACKUP',
    interface: 'p4p1',
    virtual_router_id: 50,
    priority: 150,
    advert_int: ms(1000),
    virtual_ipaddress: [vip('192.168.1.1/24'), vip('192.168.1.2/24')],
    ...parts,
  };
}

/** `192.168.1.1/24 label p3p1:100`: words in pairs; the device is p3p1 where none is given. */
export function vip(text: string): AddressLine {
  const [address, ...words] = text.split(' ');
  return { address: prefix(address!), dev: 'p3p1', ...fields(words) };
}

/** `default via 10.0.0.1 table 50`. */
export function route(text: string): RouteLine {
  const [to, ...words] = text.split(' ');
  const { via, ...rest } = fields(words);
  return {
    to: to === 'default' ? { family: 4, default: true } : prefix(to!),
    ...(via !== undefined && { via: ip(via) }),
    ...rest,
  };
}

function fields(words: readonly string[]): Record<string, string> {
  assert.equal(words.length % 2, 0, `words come in pairs: ${words.join(' ')}`);
  const pairs: [string, string][] = [];
  for (let i = 0; i < words.length; i += 2) pairs.push([words[i]!, words[i + 1]!]);
  return Object.fromEntries(pairs);
}

export function ip(text: string): Ip {
  const parsed = parseIp(text);
  assert.ok(parsed, `${text} is an address`);
  return parsed;
}

function prefix(text: string): IpPrefix {
  const parsed = parseIpPrefix(text);
  assert.ok(parsed, `${text} is an address with a prefix`);
  return parsed;
}
