/** One daemon in another's place, over a real SSH connection; what stands for the daemons here is sleep(1). */
// needs: kernel sshd
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readlinkSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { exchange, settled } from '../../src/router/exchange.ts';
import type { Remote } from '../../src/router/remote.ts';
import { connect } from '../../src/router/ssh.ts';
import { inOwnNetwork } from '../support/namespace.ts';
import { startSshd } from '../support/sshd.ts';
import { until } from '../support/until.ts';

inOwnNetwork();
const sshd = await startSshd();
const target = { router: 'r1', host: '127.0.0.1', ssh: sshd.ssh };
let remote: Remote;
before(async () => {
  remote = await connect(target);
});
after(() => remote[Symbol.asyncDispose]());

const children: ChildProcess[] = [];
after(() => {
  for (const child of children) child.kill('SIGKILL');
});

/** Field 22 of /proc/PID/stat. */
const startTimeOf = (pid: number): string => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')[19]!;

async function daemon(): Promise<{ readonly pid: number; readonly startTime: string; readonly child: ChildProcess }> {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  await once(child, 'spawn');
  children.push(child);
  return { pid: child.pid!, startTime: startTimeOf(child.pid!), child };
}

/** What is started leaves its process number there and then waits. */
function starting(): { readonly argv: readonly string[]; readonly pid: () => number } {
  const file = join(mkdtempSync(join(tmpdir(), 'tandem-exchange-')), 'pid');
  return {
    argv: ['sh', '-c', 'echo $$ >"$1.new"; mv "$1.new" "$1"; exec sleep 60', 'sh', file],
    pid: () => (existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0),
  };
}

const LOCK = '/run/tandem-exchange.lock';
/** Which process works, and when it started. */
function holder(): string | undefined {
  try {
    return readlinkSync(LOCK);
  } catch {
    return undefined;
  }
}

test('the old one has ended before the new one starts', async () => {
  const old = await daemon();
  const next = starting();
  assert.deepEqual(await exchange(remote, { stop: old, start: { argv: next.argv } }), { kind: 'done', remarks: [] });
  assert.equal(old.child.signalCode ?? (await once(old.child, 'exit'))[1], 'SIGTERM');
  await until(() => next.pid() > 0, 'the new one');
  process.kill(next.pid());
});

test('another process than the one that was seen is not stopped, and nothing is started', async () => {
  const old = await daemon();
  const next = starting();
  const answer = await exchange(remote, { stop: { ...old, startTime: '1' }, start: { argv: next.argv } });
  assert.equal(answer.kind, 'refused');
  assert.ok(answer.kind === 'refused' && answer.stale);
  assert.equal(old.child.exitCode ?? old.child.signalCode, null);
  assert.equal(next.pid(), 0);
});

test('a command that comes too late does nothing', async () => {
  const old = await daemon();
  const answer = await exchange(remote, { stop: old, before: Date.now() / 1000 - 5 });
  assert.deepEqual(answer, { kind: 'refused', reason: 'the moment had passed' });
  assert.equal(old.child.exitCode ?? old.child.signalCode, null);
});

test('it comes to its end when the connection is cut, and whoever comes next waits for that', async () => {
  // It takes a second to end: the connection is gone by then.
  const slow = spawn('sh', ['-c', 'trap "sleep 1; exit" TERM; echo ready; while :; do sleep 0.05; done']);
  children.push(slow);
  await once(slow.stdout, 'data');
  const next = starting();
  const other = await connect(target);
  const cut = exchange(other, {
    stop: { pid: slow.pid!, startTime: startTimeOf(slow.pid!) },
    start: { argv: next.argv },
  });
  const lost = assert.rejects(cut);
  await until(() => holder() !== undefined, 'the exchange to begin');
  await other[Symbol.asyncDispose]();
  await lost;
  assert.equal(next.pid(), 0);
  await settled(remote);
  await until(() => next.pid() > 0, 'the new one');
  process.kill(next.pid());
  assert.equal(holder(), undefined);
});

test('one that was killed half way keeps nobody waiting', async () => {
  const gone = await daemon();
  gone.child.kill('SIGKILL');
  await once(gone.child, 'exit');
  const other = await daemon();
  // The second one's number was given to another process since.
  for (const left of [`${gone.pid}.${gone.startTime}`, `${other.pid}.1`]) {
    symlinkSync(left, LOCK);
    await settled(remote);
    assert.equal(holder(), undefined);
  }
});
