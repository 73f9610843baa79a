/** A router of a pair to vary in tests: the smallest one that renders. */
import { parseIp, parseIpPrefix } from '../../src/base/address.ts';
import { seconds } from '../../src/base/units.ts';
import type { Interface, Member, Pair, VipIntent, VrrpIntent } from '../../src/inventory/model.ts';

const at = { file: 'pairs/test.yaml', line: 1, column: 1 };

export const prefix = (text: string) => parseIpPrefix(text)!;
export const ip = (text: string) => parseIp(text)!;

export const vip = (address: string, rest: Partial<VipIntent['line']> = {}, advertised = true): VipIntent => ({
  line: { address: prefix(address), ...rest },
  advertised,
  at,
});

export const netInterface = (name: string, ...addresses: readonly string[]): Interface => ({
  name,
  addresses: addresses.map(prefix),
  at,
});

export function vrrp(change: Partial<VrrpIntent> = {}): VrrpIntent {
  return {
    name: 'VI_0',
    at,
    family: 4,
    interface: 'p4p1',
    link: 'direct',
    source: 'own',
    virtual_router_id: 50,
    version: 2,
    priority: 100,
    preempt: true,
    advert_int: seconds(1),
    notify: {},
    vips: [vip('192.168.1.1/24', { dev: 'p3p1' })],
    routes: [],
    rules: [],
    track: { interface: [], script: [], file: [], process: [] },
    garp: {},
    raw: [],
    ...change,
  };
}

export function member(change: Partial<Member> = {}): Member {
  return {
    name: 'rtr-a',
    at,
    engine: 'keepalived',
    host: 'rtr-a',
    ssh: { become: 'none', connect_timeout: seconds(10) },
    groups: [],
    labels: {},
    router_id: 'rtr-a',
    interfaces: [netInterface('p4p1', '10.255.0.1/30'), netInterface('p3p1', '192.168.1.11/24')],
    instances: [vrrp()],
    sync_groups: [],
    scripts: [],
    track_files: [],
    track_processes: [],
    files: [],
    raw: [],
    global_raw: [],
    ...change,
  };
}

/** The pair of two such routers. */
export function pairOf(first: Member, second: Member = member({ name: 'rtr-b' })): Pair {
  return { name: 'test', at, members: [first, second], acceptDualMaster: true };
}
