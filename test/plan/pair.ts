/** Plans of a made-up pair: routers a (MASTER) and b (BACKUP), each described by its texts and facts. */
import { createHash } from 'node:crypto';
import { parseIpPrefix } from '../../src/base/address.ts';
import type { Engine } from '../../src/base/engine.ts';
import { ms } from '../../src/base/units.ts';
import type { AddressFact, InterfaceFact, LiveState, Observed, TandemdFiles } from '../../src/change/observed.ts';
import { parse } from '../../src/keepalived/parser.ts';
import { type Desired, type PairPlan, planPair, type Reading } from '../../src/plan/plan.ts';

export const PATH = '/etc/keepalived/keepalived.conf';

/** A file of this pair; `extra` stands inside the instance. */
export const conf = (priority: number, extra = '', vips = '192.0.2.1/24 dev lan0'): string => `vrrp_instance VI_0 {
    interface x0
    virtual_router_id 50
    priority ${priority}
    virtual_ipaddress {
        ${vips.split(', ').join('\n        ')}
    }
    ${extra}
}
`;

export interface Side {
  /** What runs; absent: nothing does. */
  readonly before?: string;
  readonly after: string;
  readonly state?: LiveState;
  readonly observed?: Partial<Observed>;
  readonly unreachable?: string;
  /** What runs and what shall; default: keepalived. */
  readonly engine?: Engine;
  /** What shall run, where that is another one. */
  readonly wants?: Engine;
  /** What of tandemd is to be there, and what is. */
  readonly executable?: NonNullable<Desired['executable']>;
  readonly tandemd?: TandemdFiles;
}

const ROUTERS = ['a', 'b'] as const;

export function planOf(a: Side, b: Side, reverse = false): PairPlan {
  const [ra, rb] = [reading('a', a), reading('b', b)];
  return planPair({ pair: 'core', desired: [desired('a', a), desired('b', b)], readings: [ra, rb], reverse });
}

/** The same change on both, a MASTER and b BACKUP. */
export const planBoth = (before: (priority: number) => string, after: (priority: number) => string): PairPlan =>
  planOf({ before: before(150), after: after(150) }, { before: before(100), after: after(100) });

const hash = (text: string): string => createHash('sha256').update(text).digest('hex');

function desired(router: string, { after, executable, ...side }: Side): Desired {
  const engine = side.wants ?? side.engine ?? 'keepalived';
  const parsed = parse(after, `${router}:${PATH}`, { engine });
  const file = { path: PATH, mode: 0o600, sha256: hash(after), size: after.length, sensitive: true };
  return { router, engine, config: parsed.config, files: [file], ...(executable && { executable }) };
}

const INTERFACES: readonly InterfaceFact[] = ['lan0', 'x0'].map((name, i) => ({
  name,
  index: i + 2,
  up: true,
  carrier: true,
  mtu: 1500,
  mac: `02:00:00:00:00:0${i}`,
  managedBy: 'none',
  configured: [],
}));

function reading(router: (typeof ROUTERS)[number], side: Side): Reading {
  if (side.unreachable !== undefined) return { kind: 'unreachable', reason: side.unreachable };
  const { engine = 'keepalived' } = side;
  const state = side.state ?? (router === 'a' ? 'MASTER' : 'BACKUP');
  const held = state === 'MASTER' ? parse(side.before ?? '', 'x').config.vrrp_instance : [];
  const addresses: AddressFact[] = [
    { address: parseIpPrefix('192.0.2.10/24')!, dev: 'lan0', scope: 'global', secondary: false },
  ];
  for (const line of held.flatMap((i) => [...(i.virtual_ipaddress ?? []), ...(i.virtual_ipaddress_excluded ?? [])])) {
    addresses.push({ address: line.address, dev: line.dev ?? 'x0', scope: 'global', secondary: true });
  }
  const observed: Observed = {
    router,
    bootId: 'boot',
    clock: { offset: ms(0), uncertainty: ms(5) },
    system: {
      hostname: router,
      arch: 'x86_64',
      kernel: '6.1',
      os: { id: 'debian', version: '12' },
      init: 'systemd',
      selinux: 'disabled',
    },
    daemon:
      side.before === undefined
        ? { kind: 'stopped', engine: 'keepalived', version: '2.2.7', binary: '/usr/sbin/keepalived' }
        : {
            kind: 'running',
            engine,
            version: '2.2.7',
            binary: `/usr/sbin/${engine}`,
            pid: 100,
            startTime: '1',
            argv: [`/usr/sbin/${engine}`],
            configPath: PATH,
            pidFile: '/run/keepalived.pid',
            unit: `${engine}.service`,
          },
    configPath: PATH,
    files: [],
    interfaces: INTERFACES,
    addresses,
    routes: [],
    rules: [],
    instances: held.length > 0 || side.before !== undefined ? [instanceFact(state)] : [],
    sysctls: { 'net.ipv4.ip_forward': '1' },
    ...(side.before !== undefined && { config: configFile(side.before) }),
    ...side.observed,
  };
  return { kind: 'read', observed, ...(side.tandemd && { tandemd: side.tandemd }) };
}

const configFile = (text: string) => ({
  path: PATH,
  text,
  sha256: hash(text),
  size: text.length,
  mode: 0o600,
  owner: 'root',
  mtime: 0,
});

const instanceFact = (state: LiveState) => ({
  name: 'VI_0',
  state,
  advertsReceived: 0,
  advertsSent: 0,
  becameMaster: 0,
  releasedMaster: 0,
  errors: {},
});

export { INTERFACES };

/** Two advertised VIPs. */
export const TWO = '192.0.2.1/24 dev lan0, 192.0.2.2/24 dev lan0';

/** A pair to which a hot change is made. */
export const running: Side = { before: conf(150), after: conf(150, 'garp_master_delay 2') };
export const backup: Side = { before: conf(100), after: conf(100, 'garp_master_delay 2') };
