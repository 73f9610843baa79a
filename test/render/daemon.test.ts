// needs: keepalived kernel
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { loadFleet } from '../../src/inventory/load.ts';
import { diskTree } from '../../src/inventory/tree.ts';
import { type RenderedRouter, renderPairs } from '../../src/render/render.ts';
import { loadTemplates } from '../../src/render/template-files.ts';
import { inOwnNetwork } from '../support/namespace.ts';
import { password as anyPassword } from './arbitrary.ts';
import { member, netInterface, pairOf, vrrp } from './member.ts';

inOwnNetwork();

const ROOT = join(import.meta.dirname, '../..');
const templates = loadTemplates(diskTree(ROOT), diskTree(ROOT)).value!;

function run(command: string, ...argv: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, argv, { encoding: 'utf8', timeout: 10_000 });
  assert.equal(status, 0, `${command} ${argv.join(' ')}: ${error?.message ?? ''}${stdout}${stderr}`);
  return stdout + stderr;
}

// A folder of our own in the place of the machine's: this file's mounts are its own too.
mkdirSync('/etc/keepalived', { recursive: true });
run('mount', '-t', 'tmpfs', '-o', 'mode=0755', 'tmpfs', '/etc/keepalived');
for (const name of ['p1p1', 'p1p2', 'p3p1', 'p3p2', 'p4p1']) {
  run('ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', `far-${name}`);
  run('ip', 'link', 'set', name, 'up');
}

/** Puts the router's files where they belong, and asks the daemon. Its complaints, one a line, and its exit code. */
function configTest({ files }: RenderedRouter): { code: number | null; output: string } {
  for (const { path, mode, content } of files) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content, { mode });
  }
  const argv = ['--config-test', '--use-file', '/etc/keepalived/keepalived.conf', '--log-console', '--no-syslog'];
  const { status, stdout, stderr } = spawnSync('keepalived', argv, { encoding: 'utf8', timeout: 10_000 });
  return { code: status, output: stdout + stderr };
}

/** keepalived's word for a configuration that is right, whose scripts it would run without looking at their owner. */
const SCRIPTS_UNCHECKED = {
  code: 6,
  output: 'SECURITY VIOLATION - scripts are being executed but script_security not enabled.\n',
};

test('keepalived accepts both files of the example pair; as for the seed itself, all it says is about script security', async () => {
  const fleet = await loadFleet(ROOT, { env: { CORE_VRRP: 'p#a!s' } });
  const routers = renderPairs(fleet.value!.pairs, templates).value!;
  assert.equal(routers.length, 2);
  for (const router of routers) assert.deepEqual(configTest(router), SCRIPTS_UNCHECKED, router.router);

  const [first, second] = fleet.value!.pairs[0]!.members;
  const global_raw = ['enable_script_security', 'script_user root'];
  const secured = pairOf({ ...first, global_raw }, { ...second, global_raw });
  for (const router of renderPairs([secured], templates).value!) {
    assert.deepEqual(configTest(router), { code: 0, output: '' }, router.router);
  }
});

test('keepalived refuses the same file with an interface that is not there: the test above can fail', async () => {
  const router = member({
    instances: [vrrp({ interface: 'p9p9' })],
    interfaces: [netInterface('p9p9', '10.9.9.1/30')],
  });
  const { code, output } = configTest(renderPairs([pairOf(router)], templates).value![0]!);
  assert.notEqual(code, 0);
  assert.match(output, /p9p9/);
});

test('keepalived takes any password that we render', () => {
  fc.assert(
    fc.property(anyPassword, (password) => {
      const router = member({ instances: [vrrp({ auth_pass: password })] });
      assert.deepEqual(configTest(renderPairs([pairOf(router)], templates).value![0]!), { code: 0, output: '' });
    }),
    // About 10 ms each.
    { numRuns: 50 },
  );
});
