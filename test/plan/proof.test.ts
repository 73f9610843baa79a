import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIpPrefix } from '../../src/base/address.ts';
import type { InstanceFact, LiveState, Observed } from '../../src/change/observed.ts';
import { EMPTY } from '../../src/keepalived/empty.ts';
import type { Config, Instance } from '../../src/keepalived/model.ts';
import { type Expected, transitionsBetween, unheard, unsettled } from '../../src/plan/proof.ts';

/** A router in one line: its state, the addresses it holds as `DEV ADDRESS`, its routes as `to table`. */
interface Look {
  /** Of the daemon; 1 where not said. */
  readonly pid?: number;
  readonly state: LiveState | 'silent';
  readonly holds?: readonly string[];
  readonly routes?: readonly string[];
  readonly received?: number;
  readonly errors?: Readonly<Record<string, number>>;
  readonly became?: number;
  readonly speaksTwice?: true;
}

const VIP = 'lan0 192.0.2.1/24';
const instance: Instance = {
  name: 'VI_0',
  interface: 'x0',
  virtual_ipaddress: [{ address: parseIpPrefix('192.0.2.1/24')!, dev: 'lan0' }],
  virtual_routes: [{ to: parseIpPrefix('198.51.100.0/24')!, dev: 'wan0', table: '50' }],
};
const ROUTE = '198.51.100.0/24 50';

const config = (vrrp_instance: readonly Instance[]): Config => ({ ...EMPTY, vrrp_instance });

const expect = (now: readonly Instance[], before: readonly Instance[] = now): Expected[] =>
  ['a', 'b'].map((router) => ({ router, config: config(now), before: config(before) }));

function look(router: string, seen: Look): Observed {
  const fact: InstanceFact = {
    name: 'VI_0',
    state: seen.state === 'silent' ? 'INIT' : seen.state,
    advertsReceived: seen.received ?? 0,
    advertsSent: 0,
    becameMaster: seen.became ?? 0,
    releasedMaster: 0,
    errors: seen.errors ?? {},
    ...(seen.speaksTwice && { speaksTwice: true }),
  };
  const routes = (seen.routes ?? []).map((text) => {
    const [to, table] = text.split(' ') as [string, string];
    return { family: 4, to, table, dev: 'wan0', protocol: 'keepalived' } as const;
  });
  const addresses = (seen.holds ?? []).map((text) => {
    const [dev, address] = text.split(' ') as [string, string];
    return { dev, address: parseIpPrefix(address)!, scope: 'global', secondary: false };
  });
  const shown = seen.state === 'silent' ? {} : { instances: [fact] };
  const daemon = { kind: 'running', pid: seen.pid ?? 1, startTime: '1' };
  return { router, daemon, routes, addresses, ...shown } as unknown as Observed;
}

const MASTER: Look = { state: 'MASTER', holds: [VIP], routes: [ROUTE] };
const BACKUP: Look = { state: 'BACKUP' };

const looks: readonly { name: string; a: Look; b: Look; says: readonly RegExp[] }[] = [
  { name: 'one master with its VIP and its route', a: MASTER, b: BACKUP, says: [] },
  { name: 'roles are not tied to a router', a: BACKUP, b: MASTER, says: [] },
  { name: 'two masters', a: MASTER, b: MASTER, says: [/exactly one router must be MASTER, but a MASTER, b MASTER/] },
  {
    name: 'two masters, one of which heard the other and refused it',
    a: { ...MASTER, errors: { addr_list_err: 3 } },
    b: { ...MASTER, received: 9 },
    says: [/a MASTER, b MASTER; a refused adverts of its peer: 3 for addr_list_err$/],
  },
  {
    name: 'two masters, one of which heard nothing',
    a: MASTER,
    b: { ...MASTER, received: 0 },
    says: [/b receives no adverts: IP protocol 112/],
  },
  { name: 'no master', a: BACKUP, b: BACKUP, says: [/exactly one.*a BACKUP, b BACKUP/] },
  { name: 'a daemon that does not answer is unknown', a: BACKUP, b: { state: 'silent' }, says: [/b unknown/] },
  { name: 'a backup in FAULT', a: MASTER, b: { state: 'FAULT' }, says: [/b is FAULT, not ready to take over/] },
  {
    name: 'a master without its VIP',
    a: { ...MASTER, holds: [] },
    b: BACKUP,
    says: [/a is MASTER without VIP 192.0.2.1\/24/],
  },
  { name: 'a VIP on another device', a: { ...MASTER, holds: ['wan0 192.0.2.1/24'] }, b: BACKUP, says: [/without VIP/] },
  {
    name: 'a VIP with another prefix',
    a: { ...MASTER, holds: ['lan0 192.0.2.1/32'] },
    b: BACKUP,
    says: [/without VIP/],
  },
  {
    name: 'a VIP left on the backup',
    a: MASTER,
    b: { ...BACKUP, holds: [VIP] },
    says: [/b holds VIP .* and is not MASTER/],
  },
  {
    name: 'a route that is missing',
    a: { ...MASTER, routes: [] },
    b: BACKUP,
    says: [/without route 198.51.100.0\/24 in table 50/],
  },
  {
    name: 'a route in another table',
    a: { ...MASTER, routes: ['198.51.100.0/24 main'] },
    b: BACKUP,
    says: [/in table 50/],
  },
];

for (const { name, a, b, says } of looks) {
  test(`a look at both routers: ${name}`, () => {
    const findings = unsettled(expect([instance]), [look('a', a), look('b', b)]).map((f) => f.message);
    assert.equal(findings.length, says.length, findings.join('\n'));
    for (const [i, pattern] of says.entries()) assert.match(findings[i]!, pattern);
  });
}

test('a VIP that was taken out must not stand anywhere', () => {
  const fewer = { ...instance, virtual_ipaddress: [] };
  const findings = unsettled(expect([fewer], [instance]), [look('a', MASTER), look('b', BACKUP)]);
  assert.deepEqual(
    findings.map((f) => f.message),
    ['VIP 192.0.2.1/24 was taken out and still stands on a'],
  );
});

test('the backup must hear the master, and refuse nothing', () => {
  const first = [look('a', MASTER), look('b', { ...BACKUP, received: 10 })];
  const hears = [look('a', MASTER), look('b', { ...BACKUP, received: 12 })];
  const deaf = [look('a', MASTER), look('b', { ...BACKUP, received: 10 })];
  const angry = [look('a', MASTER), look('b', { ...BACKUP, received: 12, errors: { 'authentication failure': 2 } })];
  assert.deepEqual(unheard(expect([instance]), first, hears), []);
  assert.match(unheard(expect([instance]), first, deaf)[0]!.message, /b receives no adverts/);
  assert.match(unheard(expect([instance]), first, angry)[0]!.message, /b refused 2 adverts \(authentication failure\)/);
  assert.match(unheard(expect([instance]), [], hears)[0]!.message, /gives no counters/);
});

test('of a master that still speaks as before as well the backup may refuse what it does not know, and must hear the rest', () => {
  const twice = { ...MASTER, speaksTwice: true } as const;
  const first = [look('a', twice), look('b', { ...BACKUP, received: 10 })];
  const half = [look('a', twice), look('b', { ...BACKUP, received: 12, errors: { version: 2 } })];
  const nothing = [look('a', twice), look('b', { ...BACKUP, received: 10, errors: { version: 2 } })];
  assert.deepEqual(unheard(expect([instance]), first, half), []);
  assert.match(unheard(expect([instance]), first, nothing)[0]!.message, /b receives no adverts/);
  const silenced = [look('a', MASTER), half[1]!];
  assert.deepEqual(unheard(expect([instance]), first, silenced), [], 'it has ended between the looks');
});

test('transitions are counted over both routers, across a restart too', () => {
  const before = [look('a', { ...MASTER, became: 3 }), look('b', { ...BACKUP, became: 1 })];
  const failover = [look('a', { ...BACKUP, became: 3 }), look('b', { ...MASTER, became: 2 })];
  const restarted = [look('a', { ...MASTER, became: 1 }), look('b', { ...BACKUP, became: 2 })];
  assert.deepEqual(transitionsBetween(before, before), { VI_0: 0 });
  assert.deepEqual(transitionsBetween(before, failover), { VI_0: 1 });
  assert.deepEqual(transitionsBetween(before, restarted), { VI_0: 2 });
});

test('the counters of another process start from zero, however far they have come', () => {
  const before = [look('a', { ...MASTER, became: 3 }), look('b', { ...BACKUP, became: 1 })];
  const replaced = [look('a', { ...BACKUP, became: 3 }), look('b', { ...MASTER, became: 1, pid: 2 })];
  assert.deepEqual(transitionsBetween(before, replaced), { VI_0: 1 });
});

test('an instance that the two routers know by different names is one instance', () => {
  const expected: Expected[] = [
    { router: 'a', config: config([{ ...instance, virtual_router_id: 50 }]), before: config([]) },
    { router: 'b', config: config([{ ...instance, virtual_router_id: 50, name: 'VI_new' }]), before: config([]) },
  ];
  const b = look('b', BACKUP);
  const renamed = { ...b, instances: b.instances!.map((fact) => ({ ...fact, name: 'VI_new' })) };
  assert.deepEqual(unsettled(expected, [look('a', MASTER), renamed]), []);
});

test('a renamed instance goes on counting its transitions, one with a new VRID starts from zero', () => {
  const before = [look('a', { ...MASTER, became: 1 })];
  const now = (name: string) => [
    { ...before[0]!, instances: before[0]!.instances!.map((fact) => ({ ...fact, name })) },
  ];
  const counted = (name: string, vrid: number) => {
    const [was, is] = [
      config([{ ...instance, virtual_router_id: 50 }]),
      config([{ ...instance, name, virtual_router_id: vrid }]),
    ];
    return transitionsBetween(before, now(name), [{ router: 'a', before: was, config: is }]);
  };
  assert.deepEqual(counted('VI_new', 50), { VI_new: 0 });
  assert.deepEqual(counted('VI_0', 51), { VI_0: 1 });
  const undone: Expected = {
    router: 'a',
    before: config([{ ...instance, name: 'VI_new' }]),
    config: config([instance]),
  };
  assert.deepEqual(transitionsBetween(before, before, [undone]), { VI_0: 0 });
});
