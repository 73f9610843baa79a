/** A pair of routers for the tests of impact: A is MASTER with priority 150, B the backup with 100. */
import { type Ip, parseIpPrefix } from '../../src/base/address.ts';
import type { Engine } from '../../src/base/engine.ts';
import { ms } from '../../src/base/units.ts';
import { impact } from '../../src/change/impact.ts';
import type { Facts, Impact, RouterInput } from '../../src/change/impact-model.ts';
import type { LiveState } from '../../src/change/observed.ts';
import type { Config, Instance } from '../../src/keepalived/model.ts';
import { instance, ip, vip, withInstances } from './build.ts';

export type RouterName = 'A' | 'B';

export const PRIORITY: Readonly<Record<RouterName, number>> = { A: 150, B: 100 };

export interface FactParts extends Partial<Facts> {
  readonly engine?: Engine;
  readonly version?: string;
  /** Live roles by instance; VI_0 as the name of the router says where it is absent. */
  readonly roles?: Readonly<Record<string, LiveState>>;
}

export function facts(router: RouterName, parts: FactParts = {}): Facts {
  const { engine = 'keepalived', version = '2.2.7', roles, ...rest } = parts;
  const states = roles ?? { VI_0: router === 'A' ? 'MASTER' : 'BACKUP' };
  return {
    daemon: {
      kind: 'running',
      engine,
      version,
      binary: `/usr/sbin/${engine}`,
      pid: 100,
      startTime: '1',
      argv: [engine],
      configPath: '/etc/keepalived/keepalived.conf',
      pidFile: '/run/keepalived.pid',
    },
    instances: Object.entries(states).map(([name, state]) => ({
      name,
      state,
      advertsReceived: 0,
      advertsSent: 0,
      becameMaster: 0,
      releasedMaster: 0,
      errors: {},
    })),
    interfaces: ['p1p1', 'p3p1', 'p3p2', 'p4p1'].map((name, i) => ({
      name,
      index: i + 2,
      up: true,
      carrier: true,
      mtu: 1500,
      mac: `02:00:00:00:00:0${i}`,
      managedBy: 'none',
      configured: [],
    })),
    // A leg with a base address: VIPs are secondaries there.
    addresses: [
      { address: parseIpPrefix('192.168.1.11/24')!, dev: 'p3p1', scope: 'global', secondary: false },
      { address: parseIpPrefix('10.1.1.11/24')!, dev: 'p3p2', scope: 'global', secondary: false },
    ],
    sysctls: { 'net.ipv4.conf.all.promote_secondaries': '0' },
    clock: { offset: ms(0), uncertainty: ms(10) },
    ...rest,
  };
}

/** One router's file from what is said of VI_0; its priority is its own unless it is said. */
export const file = (router: RouterName, parts: Partial<Instance> = {}): Config =>
  withInstances(instance({ priority: PRIORITY[router], ...parts }));

export interface Pair {
  readonly before: (router: RouterName) => Config;
  readonly after: (router: RouterName) => Config;
  readonly facts?: (router: RouterName) => FactParts;
  readonly input?: (router: RouterName) => Partial<RouterInput>;
}

export function impactOf(pair: Pair): Impact {
  const input = (router: RouterName): RouterInput => {
    const parts = pair.facts?.(router) ?? {};
    return {
      router,
      before: pair.before(router),
      after: pair.after(router),
      engine: parts.engine ?? 'keepalived',
      facts: facts(router, parts),
      ...pair.input?.(router),
    };
  };
  return impact({ routers: [input('A'), input('B')] });
}

/** The same edit of VI_0 on both routers. */
export const both = (before: Partial<Instance>, after: Partial<Instance>): Pair => ({
  before: (r) => file(r, before),
  after: (r) => file(r, { ...before, ...after }),
});

const WAN = instance({ name: 'VI_1', virtual_router_id: 51, virtual_ipaddress: [vip('10.1.1.1/24 dev p3p2')] });
/** VI_0, and VI_1 on p3p2. */
export const two = (r: RouterName) =>
  withInstances(...file(r).vrrp_instance, { ...WAN, priority: r === 'A' ? 150 : 100 });
/** A is MASTER of both instances. */
export const bothMaster = (r: RouterName): { roles: Record<string, LiveState> } => ({
  roles: r === 'A' ? { VI_0: 'MASTER', VI_1: 'MASTER' } : { VI_0: 'BACKUP', VI_1: 'BACKUP' },
});

/** Another password, with B's `tandem_grace` in ms. */
export const secret = (grace?: number): Pair => ({
  before: (r) => file(r),
  after: (r) => ({
    ...file(r, { authentication: { auth_type: 'PASS', auth_pass: 'x' } }),
    global_defs: { ...(grace !== undefined && r === 'B' && { tandem_grace: ms(grace) }) },
  }),
});

/** Each router speaks with the other one, and then with a third as well. */
export const thirdPeer: Pair = {
  before: (r) => file(r, speaking(r)),
  after: (r) => file(r, speaking(r, ip('10.255.0.3'))),
};
const speaking = (r: RouterName, ...more: readonly Ip[]) => ({
  unicast_src_ip: ip(r === 'A' ? '10.255.0.1' : '10.255.0.2'),
  unicast_peer: [ip(r === 'A' ? '10.255.0.2' : '10.255.0.1'), ...more],
});
