/** The demo as a fresh Debian sees it: no keepalived, no SSH, nothing but essential and important packages. */
// needs: kernel root
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { run } from '../../src/lab/process.ts';
import { labPossible } from '../lab/possible.ts';
import { bareMachineImpossible, filesNotBare, onBareMachine } from '../support/bare-machine.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const labs = mkdtempSync(join(tmpdir(), 'tandem-labs-'));
after(() => rmSync(labs, { recursive: true, force: true }));

const skip = bareMachineImpossible() || (await labPossible());

test('npm run demo needs nothing that a fresh Debian has not, and all of its checks hold', {
  skip,
  timeout: 300_000,
}, async () => {
  const environment = ['env', '-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', `HOME=${labs}`, `TANDEM_LAB_DIR=${labs}`];
  const script = `for program in keepalived sshd ssh fping tcpdump; do ! command -v $program || exit 99; done
"$1" scripts/build.ts && exec "$@"`;
  const demo = [process.execPath, 'src/cli.ts', 'lab', 'demo'];
  const argv = onBareMachine([...environment, 'sh', '-c', script, 'sh', ...demo]);
  const stdin = filesNotBare().join('\n');
  const { code, stdout, stderr } = await run(argv, { stdin, cwd: ROOT, timeoutMs: 280_000 });
  const [, held, all] = /(\d+) of (\d+) checks held/.exec(stdout) ?? [];
  assert.deepEqual({ code, held }, { code: 0, held: all }, `${stdout}\n${stderr}`);
  assert.ok(!stdout.includes('\u001b'), 'plain lines off a terminal');
});
