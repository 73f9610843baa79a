/** Which VIPs are refused, and what of it reaches the kernel. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Firewall, isBefore, refusals } from '../../src/daemon/firewall.ts';
import { placeVmacs } from '../../src/daemon/vmac.ts';
import { parse } from '../../src/keepalived/parser.ts';
import type { FirewallRule } from '../../src/linux/kernel.ts';
import { FakeKernel } from '../support/fake-kernel.ts';

const ROWS: readonly { readonly lines: string; readonly globals?: string; readonly refused: boolean }[] = [
  { lines: '', refused: false },
  { lines: 'no_accept', refused: true },
  { lines: 'no_accept; priority 255', refused: false },
  { lines: 'no_accept; priority 254', refused: true },
  { lines: 'strict_mode yes; version 3', refused: true },
  { lines: 'strict_mode yes; version 3; accept', refused: false },
  { lines: 'strict_mode yes; version 2; accept', refused: true },
  { lines: 'version 3', globals: 'vrrp_strict', refused: true },
  { lines: 'strict_mode no; version 3', globals: 'vrrp_strict', refused: false },
];

function refused(lines: string, globals = ''): readonly string[] {
  const body = `interface lan\n virtual_router_id 51\n ${lines.replaceAll('; ', '\n ')}`;
  const vips = 'virtual_ipaddress {\n 10.0.0.1/24\n }\n virtual_ipaddress_excluded {\n fe80::1/64 dev wan\n }';
  const { config } = parse(`global_defs {\n ${globals}\n}\nvrrp_instance V {\n ${body}\n ${vips}\n}\n`, 'f');
  const rules = refusals(config, placeVmacs(config, []));
  return rules.map((rule) => (rule.kind === 'refuse' ? `${rule.address.text} ${rule.dev}` : rule.kind));
}

for (const { lines, globals, refused: wanted } of ROWS) {
  test(`"${[globals, lines].filter(Boolean).join('; ')}": its VIPs are ${wanted ? 'refused' : 'accepted'}`, () => {
    assert.deepEqual(refused(lines, globals), wanted ? ['10.0.0.1 lan', 'fe80::1 wan'] : []);
  });
}

test('a VIP is refused on the VMAC that it lies on', () => {
  assert.deepEqual(refused('no_accept; use_vmac'), ['10.0.0.1 vrrp.51', 'fe80::1 wan']);
});

test('what says the same is not set again, unless it is about devices', () => {
  let times = 0;
  class Kernel extends FakeKernel {
    override setFirewall(rules: readonly FirewallRule[]): void {
      times += 1;
      super.setFirewall(rules);
    }
  }
  const kernel = new Kernel();
  const firewall = new Firewall(kernel, () => {});
  const refuse: FirewallRule = { kind: 'refuse', dev: 'lan', address: { family: 4, text: '10.0.0.1' } };
  const reports: FirewallRule = { kind: 'reports', dev: 'vrrp.51', lower: 'lan' };
  for (let i = 0; i < 2; i += 1) firewall.set('refuse', [{ ...refuse }]);
  assert.equal(times, 1);
  for (let i = 0; i < 2; i += 1) firewall.set('reports', [reports]);
  assert.equal(times, 3);
  assert.deepEqual(kernel.firewall, [reports, refuse]);
});

test('a kernel without nf_tables is a warning that says what is lost, and none where nothing was wanted', () => {
  const told: string[] = [];
  class Kernel extends FakeKernel {
    override setFirewall(): void {
      throw new Error('no nf_tables');
    }
  }
  const firewall = new Firewall(new Kernel(), (priority, text) => told.push(`${priority} ${text}`));
  firewall.set('reports', []);
  firewall.set('refuse', [{ kind: 'refuse', dev: 'lan', address: { family: 4, text: '10.0.0.1' } }]);
  assert.deepEqual(told, ['warning no nf_tables: what is sent to the VIPs of no_accept is taken']);
});

test('versions of Linux are compared number by number', () => {
  const before = ['4.18.0-553.el8', '5.10.0-28-amd64'];
  const since = ['5.12.0', '5.15.0-generic', '6.1.0-28-amd64', '10.0'];
  assert.deepEqual(
    [...before, ...since].filter((version) => isBefore(version, [5, 12])),
    before,
  );
});
