// needs: kernel ssh
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { installPackage } from '../support/package.ts';

const folder = mkdtempSync(join(tmpdir(), 'tandem-packaged-'));
after(() => rmSync(folder, { recursive: true }));

test('a lab of the installed package has its own SSH server in the routers, and what the demo plays on', () => {
  const cli = installPackage(folder);
  for (const file of ['examples/seed-as-published/pairs/core.yaml', 'router-scripts/promotemaster']) {
    assert.ok(existsSync(join(dirname(cli), '..', file)), file);
  }
  const labs = join(folder, 'labs');
  mkdirSync(labs);
  const run = (program: string, ...argv: readonly string[]) =>
    execFileSync(program, argv, {
      encoding: 'utf8',
      timeout: 60_000,
      env: { ...process.env, TANDEM_LAB_DIR: labs },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  run(process.execPath, cli, 'lab', 'up', 'packaged', '--ssh', 'tandem');
  try {
    assert.equal(run('ssh', '-F', join(labs, 'packaged/ssh_config'), 'rtr-core02', 'hostname'), 'rtr-core02\n');
  } finally {
    run(process.execPath, cli, 'lab', 'down', '--name', 'packaged');
  }
});
