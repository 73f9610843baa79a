import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { observe } from '../../src/router/facts.ts';
import type { Section } from '../../src/router/sections.ts';

const CONF = '/etc/keepalived/keepalived.conf';
const TEXT = 'vrrp_instance A {\n}\n';
const of = (name: string, text: string, status = 0): Section => ({ name, text, status });

const file = (path: string, text: string, sum = createHash('sha256').update(text).digest('hex')): Section[] => [
  of('path', path),
  of('file-stat', `${text.length} 600 root:root 2026-11-22 15:50:39.639125550 +0000\n`),
  of('sha256', `${sum}  ${path}\n`),
  of('text', text),
];

/** What a router without a daemon answers; `change` names sections to be replaced. */
function answer(
  change: Readonly<Record<string, string>> = {},
  files: readonly Section[] = file(CONF, TEXT),
): Section[] {
  const usual = {
    clock: '1000.250000000\n',
    boot: 'b-1\n',
    hostname: 'r1\n',
    arch: 'x86_64\n',
    kernel: '6.1.0\n',
    os: 'ID="rhel"\nVERSION_ID="9.4"\n',
    init: 'systemd\n',
    selinux: 'none\n',
    self: 'net:[1] pid:[2] 8:1',
    installed: '/usr/sbin/keepalived\n',
    'installed-version': 'Keepalived v2.2.8 (05/31,2023)\n',
    config: CONF,
    addresses: '[]',
    routes4: '[]',
    rules4: '[]',
    routes6: '[]',
    rules6: '[]',
    sysctls: 'ipv4/conf/all/rp_filter:1\nipv4/conf/bond0.91/promote_secondaries:0\n',
    done: '1000.750000000\n',
    ...change,
  };
  const sections = Object.entries(usual).map(([name, text]) => of(name, text));
  const at = sections.findIndex(({ name }) => name === 'addresses');
  return [...sections.slice(0, at), ...files, ...sections.slice(at)];
}

const read = (sections: readonly Section[]) =>
  observe({ router: 'r1', startedAt: 999_000, endedAt: 1_001_000, sections });

for (const [text, mode] of [
  ['1', 'enforcing'],
  ['0', 'permissive'],
  ['none\n', 'disabled'],
] as const)
  test(`SELinux says ${text.trim()}: ${mode}`, () => {
    assert.equal(read(answer({ selinux: text })).system.selinux, mode);
  });

test("what a router says of itself, in the house's words", () => {
  const { router, bootId, system, daemon, configPath, config, sysctls, clock } = read(answer());
  assert.deepEqual([router, bootId, configPath], ['r1', 'b-1', CONF]);
  assert.deepEqual(system, {
    hostname: 'r1',
    arch: 'x86_64',
    kernel: '6.1.0',
    os: { id: 'rhel', version: '9.4' },
    init: 'systemd',
    selinux: 'disabled',
  });
  assert.deepEqual(daemon, { kind: 'stopped', engine: 'keepalived', version: '2.2.8', binary: '/usr/sbin/keepalived' });
  assert.deepEqual([config?.text, config?.mode, config?.owner], [TEXT, 0o600, 'root:root']);
  assert.deepEqual(sysctls, {
    'net.ipv4.conf.all.rp_filter': '1',
    'net.ipv4.conf.bond0.91.promote_secondaries': '0',
  });
  // 2 s in all, 0.5 s of them there: 0.75 s on the way, whichever way.
  assert.deepEqual([clock.offset, clock.uncertainty], [1000_250 - 999_750, 751]);
});

test('where the configuration would lie is known though it is not there', () => {
  const { configPath, config } = read(answer({ config: '/etc/keepalived/rh.conf' }, []));
  assert.deepEqual([configPath, config], ['/etc/keepalived/rh.conf', undefined]);
});

const refused: readonly [string, readonly Section[], RegExp][] = [
  [
    'a file changed while it was read',
    answer({}, file(CONF, TEXT, 'a'.repeat(64))),
    /keepalived\.conf changed while it was read/,
  ],
  ['a file has no facts', answer({}, [of('path', CONF)]), /reading \/etc\/keepalived\/keepalived\.conf failed/],
  [
    'ip does not know -j',
    answer({ addresses: 'Option "-j" is unknown' }),
    /reading addresses failed; Tandem needs iproute2/,
  ],
  ['routes are no JSON', answer({ routes4: '[' }), /reading routes4 failed/],
  ['a section is not there', answer().filter(({ name }) => name !== 'boot'), /reading boot failed/],
  [
    'a command failed',
    answer().map((each) => (each.name === 'boot' ? { ...each, status: 1 } : each)),
    /reading boot failed/,
  ],
];
for (const [what, sections, says] of refused)
  test(`nothing is observed where ${what}`, () => {
    assert.throws(() => read(sections), says);
  });
