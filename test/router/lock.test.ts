// needs: kernel sshd
import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ms } from '../../src/base/units.ts';
import { type Lock, takeLock } from '../../src/router/lock.ts';
import type { Remote } from '../../src/router/remote.ts';
import { connect } from '../../src/router/ssh.ts';
import { inOwnNetwork } from '../support/namespace.ts';
import { sh } from '../support/shell.ts';
import { startSshd } from '../support/sshd.ts';

inOwnNetwork();
// The mounts are this test's own, and so is its /run: no other test can hold the lock.
sh('mount -t tmpfs tmpfs /run && mkdir /run/sshd');
const sshd = await startSshd();
const connected = () => connect({ router: 'r1', host: '127.0.0.1', ssh: sshd.ssh });

async function held(remote: Remote, who: string): Promise<Lock> {
  const lock = await takeLock(remote, who);
  assert.ok(lock.kind === 'held', JSON.stringify(lock));
  return lock;
}

test('one holds the router, the next one is told who that is, and has it as soon as it is released', async () => {
  await using one = await connected();
  await using other = await connected();
  const lock = await held(one, "it's $me; since `ever`");
  assert.deepEqual(await takeLock(other, 'you'), { kind: 'locked', by: "it's $me; since `ever`" });
  await lock.release(one);
  const next = await held(other, 'you');
  await lock.release(one);
  assert.deepEqual(await takeLock(one, 'me'), { kind: 'locked', by: 'you' }, 'a lock is released by its holder only');
  await next.release(other);
  await next.release(other);
});

test('the lock ends with the connection that asked for it, however that ends', async () => {
  const one = await connected();
  await held(one, 'me');
  const { stdout } = await one.exec(['sh', '-c', 'echo $PPID'], { timeout: ms(60_000), what: 'asking' });
  process.kill(Number(stdout), 'SIGKILL');
  await using other = await connected();
  await (await held(other, 'you')).release(other);
  await one[Symbol.asyncDispose]();
});

test('a router without flock(1) is not locked, and not refused', async () => {
  const tools = mkdtempSync(join(tmpdir(), 'tandem-no-flock-'));
  sh(`for tool in sh env cut sed sleep sha256sum; do ln -s "$(command -v $tool)" ${tools}/$tool; done`);
  await using remote = await connected();
  const bare: Remote = {
    router: 'r1',
    exec: ([program, ...argv], options) => {
      // The script adds the usual folders to PATH.
      const stdin = String(options.stdin ?? '').replace(/^export PATH=.*$/m, '');
      return remote.exec(['env', `PATH=${tools}`, program!, ...argv], { ...options, stdin });
    },
    [Symbol.asyncDispose]: async () => {},
  };
  const locks = [await held(bare, 'me'), await held(bare, 'you')];
  for (const lock of locks) await lock.release(remote);
});
