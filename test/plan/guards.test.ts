import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIpPrefix } from '../../src/base/address.ts';
import type { Observed } from '../../src/change/observed.ts';
import { planDocument, planSchema } from '../../src/plan/document.ts';
import { backup, conf, INTERFACES, planOf, running, type Side } from './pair.ts';

/** keepalived does not run, and systemd thinks so of its unit. */
function stoppedWith(load: string): Partial<Observed> {
  const unit = { name: 'keepalived.service', load, active: 'inactive', file: '' } as const;
  return {
    daemon: { kind: 'stopped', engine: 'keepalived', version: '2.2.7', binary: '/usr/sbin/keepalived' },
    install: { installed: [], units: [unit] },
  };
}

const guards: readonly { name: string; a?: Partial<Side>; b?: Partial<Side>; code: string; says: RegExp }[] = [
  {
    name: 'a router that cannot be read',
    b: { unreachable: 'no route' },
    code: 'plan-unreachable',
    says: /b cannot be read: no route/,
  },
  {
    name: 'a daemon that nobody understands',
    b: { observed: { daemon: { kind: 'unknown', reason: 'two keepalived run' } } },
    code: 'plan-daemon-unknown',
    says: /two keepalived run/,
  },
  {
    name: 'no daemon',
    b: { observed: { daemon: { kind: 'absent' } } },
    code: 'plan-daemon-absent',
    says: /keepalived is not installed on b/,
  },
  {
    name: 'a keepalived without a test',
    b: { observed: { daemon: { kind: 'stopped', engine: 'keepalived', version: '2.0.6', binary: '/k' } } },
    code: 'plan-daemon-old',
    says: /2\.0\.6/,
  },
  {
    name: 'another engine alone is installed',
    b: { observed: { daemon: { kind: 'stopped', engine: 'tandemd', version: '1.0.0', binary: '/t' } } },
    code: 'plan-daemon-absent',
    says: /keepalived is not installed on b/,
  },
  {
    name: 'an interface that is not there',
    b: { observed: { interfaces: INTERFACES.filter((i) => i.name !== 'lan0') } },
    code: 'plan-interface-absent',
    says: /b has no interface lan0/,
  },
  {
    name: 'a VIP that is an address of its own',
    a: {
      observed: {
        interfaces: INTERFACES.map((i) => ({
          ...i,
          configured: [{ address: parseIpPrefix('192.0.2.1/24')!, file: '/etc/network/interfaces' }],
        })),
      },
    },
    code: 'plan-vip-is-own-address',
    says: /configured by \/etc\/network\/interfaces/,
  },
  {
    name: 'a VIP that stands there without VRRP',
    a: { after: conf(150, '', '192.0.2.1/24 dev lan0, 192.0.2.10/24 dev lan0') },
    code: 'plan-vip-is-own-address',
    says: /192\.0\.2\.10 is an address of a itself, it stands on lan0, and not by VRRP/,
  },
  {
    name: 'a unit that is masked',
    b: { observed: stoppedWith('masked') },
    code: 'plan-unit-unusable',
    says: /keepalived\.service is masked on b/,
  },
  {
    name: 'a unit that is not there',
    b: { observed: stoppedWith('not-found') },
    code: 'plan-unit-unusable',
    says: /b has no keepalived\.service/,
  },
  {
    name: 'a backup in FAULT',
    b: { state: 'FAULT' },
    code: 'plan-degraded',
    says: /b is FAULT, not ready to take over/,
  },
  {
    name: 'a primary address taken out from under the others',
    a: {
      before: conf(150, '', '203.0.113.1/24 dev lan0, 203.0.113.2/24 dev lan0'),
      after: conf(150, '', '203.0.113.2/24 dev lan0'),
    },
    b: {
      before: conf(100, '', '203.0.113.1/24 dev lan0, 203.0.113.2/24 dev lan0'),
      after: conf(100, '', '203.0.113.2/24 dev lan0'),
    },
    code: 'plan-addresses-lost',
    says: /net\.ipv4\.conf\.lan0\.promote_secondaries 0.* 203\.0\.113\.2/,
  },
  { name: 'two masters', b: { state: 'MASTER' }, code: 'plan-degraded', says: /a MASTER, b MASTER/ },
];

for (const { name, a, b, code, says } of guards) {
  test(`a plan is blocked with its reason: ${name}`, () => {
    const plan = planOf({ ...running, ...a }, { ...backup, ...b });
    const found = plan.blocks.find((block) => block.code === code);
    assert.ok(found, `blocks: ${plan.blocks.map((each) => each.code).join(', ')}`);
    assert.match(found.message, says);
    planSchema.parse({ format: 'tandem.plan', version: 1, ...planDocument([plan], 8) });
  });
}

test('a keepalived without a test is read all the same where nothing is to be changed', () => {
  const { reading } = planOf(running, backup).nodes[1];
  assert.ok(reading.kind === 'read' && reading.observed.daemon.kind === 'running');
  const observed = { daemon: { ...reading.observed.daemon, version: '2.0.6' } };
  const idle = { before: conf(100), after: conf(100), observed };
  assert.deepEqual(planOf({ before: conf(150), after: conf(150) }, idle).blocks, []);
  assert.deepEqual(
    planOf(running, { ...backup, observed }).blocks.map(({ code }) => code),
    ['plan-daemon-old'],
  );
});

test('a router may own its VIPs where it has priority 255', () => {
  const owner = (priority: number) => conf(priority, '', '192.0.2.1/24 dev lan0, 192.0.2.10/24 dev lan0');
  const plan = planOf({ before: conf(255), after: owner(255) }, { before: conf(100), after: owner(100) });
  assert.deepEqual(
    plan.blocks.map(({ message }) => message),
    ['VIP 192.0.2.10 is an address of b itself, it stands on lan0, and not by VRRP'],
  );
});

const sysctls: readonly { set: Record<string, string>; family?: 6; says: string[] }[] = [
  { set: {}, says: [] },
  { set: { 'net.ipv4.ip_forward': '0', 'net.ipv6.conf.all.forwarding': '0' }, says: ['plan-not-forwarding'] },
  { set: { 'net.ipv4.ip_forward': '0' }, family: 6, says: [] },
  { set: { 'net.ipv6.conf.all.forwarding': '0' }, family: 6, says: ['plan-not-forwarding'] },
  { set: { 'net.ipv4.conf.lan0.arp_ignore': '8' }, says: ['plan-arp-ignored'] },
  { set: { 'net.ipv4.conf.all.arp_ignore': '8', 'net.ipv4.conf.lan0.arp_ignore': '1' }, says: ['plan-arp-ignored'] },
  { set: { 'net.ipv4.conf.all.arp_ignore': '1', 'net.ipv4.conf.x0.arp_ignore': '8' }, says: [] },
];
for (const { set, family, says } of sysctls)
  test(`a kernel told ${JSON.stringify(set)} beside ${family === 6 ? 'an IPv6' : 'an IPv4'} route: ${says.join() || 'nothing to say'}`, () => {
    const route = family === 6 ? '2001:db8::/64 via 2001:db8:1::1' : '198.51.100.0/24 via 192.0.2.9';
    const text = (priority: number) => conf(priority, `virtual_routes {\n ${route}\n }`);
    const observed = { sysctls: { 'net.ipv4.ip_forward': '1', ...set } };
    const plan = planOf({ before: text(150), after: text(150), observed }, { before: text(100), after: text(100) });
    assert.deepEqual(
      plan.warnings.map(({ code }) => code),
      says,
    );
  });
