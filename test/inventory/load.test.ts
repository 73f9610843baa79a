import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { generateFleet } from '../../bench/fleet.ts';
import { loadFleet } from '../../src/inventory/load.ts';
import { places, shown } from './marked.ts';

/** A folder with these files, gone after the test. */
function folder(t: TestContext, files: Readonly<Record<string, string | Uint8Array>>): string {
  const dir = mkdtempSync(join(tmpdir(), 'tandem-inventory-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), content);
  }
  return dir;
}

const ROUTERS = `defaults: { engine: tandemd }
routers:
  a: { interfaces: { lan: 192.0.2.2/24, x: 10.255.0.1/30 } }
  b: { interfaces: { lan: 192.0.2.3/24, x: 10.255.0.2/30 } }
`;
const pair = (more: string): string => `members: { primary: a, secondary: b }
vrrp:
  VI: { interface: lan, link: switched, virtual_router_id: 51, vips: [192.0.2.1/24]${more} }
`;

test('everything under inventory/ is merged, however deep, and scripts of the tree become files of the routers', async (t) => {
  const dir = folder(t, {
    'inventory/sites/ams/routers.yml': ROUTERS,
    'pairs/p.yaml': pair(', notify: { master: hooks/up.sh, all: [/usr/bin/logger, -t, vrrp] }'),
    'pairs/README.md': 'not yaml: [',
    'hooks/up.sh': '#!/bin/sh\n',
  });
  const loaded = await loadFleet(dir, { env: {} });
  assert.ok(loaded.value, shown(loaded));
  for (const member of loaded.value.pairs[0]!.members) {
    const [file] = member.files;
    assert.deepEqual([file!.path, file!.mode, file!.from], ['/etc/keepalived/up.sh', 0o755, 'hooks/up.sh']);
    assert.equal(Buffer.from(file!.content).toString(), '#!/bin/sh\n');
    assert.deepEqual(member.instances[0]!.notify, {
      master: { argv: ['/etc/keepalived/up.sh'] },
      all: { argv: ['/usr/bin/logger', '-t', 'vrrp'] },
    });
  }
});

test('a file secret is read from the tree or by its absolute path, without its last line end', async (t) => {
  const dir = folder(t, { 'inventory/r.yaml': ROUTERS, 'secrets/vrrp': 'p#a!s x\n' });
  for (const path of ['secrets/vrrp', join(dir, 'secrets/vrrp')]) {
    writeFileSync(join(dir, 'inventory/d.yaml'), '');
    mkdirSync(join(dir, 'pairs'), { recursive: true });
    writeFileSync(join(dir, 'pairs/p.yaml'), pair(`, version: 2, auth_pass: "\${file:${path}}"`));
    const loaded = await loadFleet(dir, { env: {} });
    assert.ok(loaded.value, shown(loaded));
    assert.equal(loaded.value.pairs[0]!.members[1].instances[0]!.auth_pass, 'p#a!s x');
    assert.deepEqual([...loaded.secrets], ['p#a!s x']);
  }
});

test('a link that leads out of the tree is refused, for YAML and for scripts', async (t) => {
  const outside = folder(t, { 'secret.yaml': 'routers: {}\n', 'run.sh': '#!/bin/sh\n' });
  const dir = folder(t, { 'inventory/r.yaml': ROUTERS, 'pairs/p.yaml': pair(', notify: { master: run.sh }') });
  symlinkSync(join(outside, 'secret.yaml'), join(dir, 'inventory/x.yaml'));
  symlinkSync(join(outside, 'run.sh'), join(dir, 'run.sh'));
  const loaded = await loadFleet(dir, { env: {} });
  assert.deepEqual(
    places(loaded),
    ['bad-command pairs/p.yaml:3:104', 'inventory-file inventory/x.yaml:1:1'],
    shown(loaded),
  );
  assert.match(shown(loaded), /leads out of the tree/);
});

test('files that are no text, too large or no files are problems, and the rest is still read', async (t) => {
  const dir = folder(t, {
    'inventory/a.yaml': Uint8Array.of(0xff, 0xfe, 0x00),
    'inventory/b.yaml': new Uint8Array(17 * 1024 * 1024).fill(0x23),
    'inventory/r.yaml': ROUTERS,
    'pairs/p.yaml': pair(', priority: 0'),
  });
  symlinkSync('r.yaml', join(dir, 'inventory/link.yaml'));
  symlinkSync('self.yaml', join(dir, 'inventory/self.yaml'));
  mkdirSync(join(dir, 'inventory/folder.yaml'));
  // Whoever opens a pipe to read waits for a writer: this test would never end.
  execFileSync('mkfifo', [join(dir, 'inventory/pipe.yaml')]);
  const loaded = await loadFleet(dir, { env: {} });
  const codes = loaded.problems.map(({ code, at }) => `${code} ${at!.file}`);
  assert.deepEqual(codes.slice(0, 2), ['inventory-file inventory/a.yaml', 'inventory-file inventory/b.yaml']);
  assert.ok(codes.includes('defined-twice inventory/r.yaml'));
  assert.ok(codes.includes('inventory-file inventory/pipe.yaml'));
  assert.ok(codes.includes('inventory-file inventory/self.yaml'));
  assert.equal(codes.at(-1), 'priority-out-of-range pairs/p.yaml');
});

test('a folder without pairs says what is missing', async (t) => {
  const loaded = await loadFleet(folder(t, { 'inventory/r.yaml': ROUTERS }), { env: {} });
  assert.deepEqual(places(loaded), ['inventory-missing']);
});

test('load-shared pairs: each instance has its own primary; peers of unicast are derived (F7)', async (t) => {
  const dir = folder(t, {
    'inventory/r.yaml': ROUTERS,
    'pairs/p.yaml': `members: { primary: a, secondary: b }
vrrp:
  link: switched
  interface: lan
  unicast: true
  V1: { virtual_router_id: 1, vips: [192.0.2.1/24] }
  V2: { virtual_router_id: 2, vips: [192.0.2.9/24], primary: b, advertise: [192.0.2.9] }
`,
  });
  const loaded = await loadFleet(dir, { env: {} });
  assert.ok(loaded.value, shown(loaded));
  const [a, b] = loaded.value.pairs[0]!.members;
  assert.deepEqual(
    a.instances.map(({ priority }) => priority),
    [100, 50],
  );
  assert.deepEqual(
    b.instances.map(({ priority }) => priority),
    [50, 100],
  );
  const [first, second] = [
    { family: 4, text: '192.0.2.2' },
    { family: 4, text: '192.0.2.3' },
  ];
  assert.deepEqual(a.instances[0]!.unicast, { source: first, peers: [second] });
  assert.deepEqual(b.instances[1]!.unicast, { source: second, peers: [first] });
});

test('300 offices with the same addresses load without a problem, and the same each time', async (t) => {
  const dir = folder(t, {});
  generateFleet(dir, 300);
  const [first, second] = [await loadFleet(dir, { env: {} }), await loadFleet(dir, { env: {} })];
  assert.deepEqual(first.problems, [], shown(first));
  assert.equal(first.value!.pairs.length, 300);
  assert.deepEqual(first.value, second.value);
});
