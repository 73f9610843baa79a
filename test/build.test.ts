import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { installPackage } from './support/package.ts';

const ROOT = resolve(import.meta.dirname, '..');
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
const OLDEST = [20, 19] as const;

/** A Node 20 that the machine has (Debian's, a version manager's), as opposed to the tree's own Node 24. */
function findNode20(): string | undefined {
  const folders = (process.env.PATH ?? '').split(':').filter((folder) => !folder.includes('node_modules'));
  return [...folders, '/usr/bin', '/usr/local/bin']
    .map((folder) => join(folder, 'node'))
    .find((node) => {
      const answer = spawnSync(node, ['--version'], { encoding: 'utf8', timeout: 10_000 }).stdout ?? '';
      const [major, minor] = answer.slice(1).split('.').map(Number);
      return major === OLDEST[0] && minor! >= OLDEST[1];
    });
}

describe('the built deployer, installed from its package', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tandem-build-'));
  let cli = '';
  after(() => rmSync(folder, { recursive: true }));
  before(() => {
    cli = installPackage(folder);
  });

  const node20 = findNode20();
  const runtimes: readonly { name: string; node: string | undefined }[] = [
    { name: "the tree's own Node", node: process.execPath },
    { name: `Node ${OLDEST.join('.')} or a later 20`, node: node20 },
  ];
  for (const { name, node } of runtimes) {
    const skip = node === undefined && 'there is no Node 20.19 or later 20 on this machine';
    const tandem = (...argv: readonly string[]) => {
      const env = { ...process.env, CORE_VRRP: 'lab-only' };
      const run = spawnSync(node!, [cli, ...argv], { cwd: ROOT, encoding: 'utf8', timeout: 60_000, env });
      assert.equal(run.status, 0, run.stderr);
      return run.stdout;
    };

    test(`runs on ${name}`, { skip }, () => {
      assert.equal(tandem('--version'), `${version}\n`);
      assert.match(tandem('--help'), /Usage: tandem/);
      assert.match(tandem('help', 'conf-syntax'), /^conf-syntax: [\s\S]*closing brace/);
      assert.match(tandem('validate'), /^valid: 1 pair/);
      assert.match(tandem('schema', 'pair'), /"members"/);
    });
  }
});
