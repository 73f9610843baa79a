import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ms } from '../../src/base/units.ts';
import { type Program, ScriptPool } from '../../src/daemon/scripts.ts';
import { steady } from '../support/steady.ts';
import { until } from '../support/until.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'tandem-scripts-'));
});
after(() => rmSync(folder, { recursive: true }));

const root = process.getuid?.() === 0;
const program = (...argv: string[]): Program => ({ argv, uid: process.getuid!(), gid: process.getgid!() });
const shell = (line: string): Program => program('sh', '-c', line);
const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('a script', () => {
  test('is run without a shell, word by word', async () => {
    const file = join(folder, 'a $(touch x) b');
    const run = new ScriptPool(1).run(program('touch', file));
    assert.deepEqual(await run.ended, { kind: 'exited', code: 0 });
    assert.ok(existsSync(file));
  });

  for (const [line, ending] of [
    ['exit 0', { kind: 'exited', code: 0 }],
    ['exit 3', { kind: 'exited', code: 3 }],
    ['kill -9 $$', { kind: 'killed', signal: 'SIGKILL' }],
  ] as const) {
    test(`that does "${line}" is told as ${JSON.stringify(ending)}`, async () => {
      assert.deepEqual(await new ScriptPool(1).run(shell(line)).ended, ending);
    });
  }

  test('that does not exist, or has a word that no process can have, is told as failed', async () => {
    for (const argv of [[join(folder, 'nowhere')], ['true', 'a\0b']]) {
      const run = new ScriptPool(1).run(program(...argv));
      assert.equal((await run.ended).kind, 'failed');
      await run.gone;
    }
  });

  test('leads a process group of its own, with nothing to read from or write to', async () => {
    const file = join(folder, 'group');
    const line = `echo "$$ $(cut -d' ' -f5 /proc/self/stat) $(readlink /proc/$$/fd/0 /proc/$$/fd/2)" >${file}`;
    await new ScriptPool(1).run(shell(line)).gone;
    const [pid, group, ...streams] = readFileSync(file, 'utf8').trim().split(/\s+/);
    assert.equal(group, pid);
    assert.deepEqual(streams, ['/dev/null', '/dev/null']);
  });

  test('creates files with its umask, and we with ours', async () => {
    const ours = process.umask();
    const file = join(folder, 'masked');
    await new ScriptPool(1).run({ ...program('touch', file), umask: 0o177 }).gone;
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(process.umask(), ours);
  });

  test('runs as its user and group, and in no other group', {
    skip: root ? false : 'run the tests as root',
  }, async () => {
    const file = join(folder, 'identity');
    writeFileSync(file, '', { mode: 0o666 });
    const line = `exec >>${file}; id -u; id -g; id -G`;
    const chmod = new ScriptPool(1).run(program('chmod', '-R', 'a+rwX', folder));
    await chmod.gone;
    const run = new ScriptPool(1).run({ ...shell(line), uid: 65_534, gid: 65_533 });
    assert.deepEqual(await run.ended, { kind: 'exited', code: 0 });
    assert.equal(readFileSync(file, 'utf8'), '65534\n65533\n65533\n');
  });

  test(
    'that takes too long is told so at once, and it and its children are ended, though they ignore SIGTERM',
    steady(async () => {
      const file = join(mkdtempSync(join(folder, 'late-')), 'children');
      const line = `trap '' TERM; sh -c 'trap "" TERM; echo $$; sleep 100; sleep 100' >>${file} & echo $$ >>${file}; sleep 100; wait`;
      const run = new ScriptPool(1).run(shell(line), ms(300));
      const begun = performance.now();
      assert.deepEqual(await run.ended, { kind: 'timed-out' });
      assert.ok(performance.now() - begun < 1_900, 'before the grace is over');
      await run.gone;
      const pids = readFileSync(file, 'utf8').trim().split('\n').map(Number);
      assert.equal(pids.length, 2);
      await until(() => !pids.some(isAlive), 'both to be gone');
    }),
  );

  test('that ends by itself may leave something running', async () => {
    const file = join(folder, 'left');
    const line = `sleep 100 & echo $! >${file}`;
    await new ScriptPool(1).run(shell(line), ms(10_000)).gone;
    const pid = Number(readFileSync(file, 'utf8'));
    assert.ok(isAlive(pid));
    process.kill(pid, 'SIGKILL');
  });
});

describe('a pool', () => {
  test('runs no more at once than it may, and all in the end, in their order', async () => {
    const file = join(folder, 'order');
    const pool = new ScriptPool(2);
    const gates = [1, 2, 3, 4].map((n) => join(folder, `gate${n}`));
    const runs = gates.map((gate) =>
      pool.run(shell(`echo ${gate} >>${file}; while [ ! -e ${gate} ]; do sleep 0.05; done`)),
    );
    const begun = () => (existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []);
    await until(() => begun().length === 2, 'two to begin');
    writeFileSync(gates[0]!, '');
    await runs[0]!.gone;
    await until(() => begun().length === 3, 'the third to begin');
    assert.equal(begun()[2], gates[2]);
    for (const gate of gates) writeFileSync(gate, '');
    for (const run of runs) assert.deepEqual(await run.ended, { kind: 'exited', code: 0 });
  });

  test('that is closed ends what runs and cancels what waits', async () => {
    const pool = new ScriptPool(1);
    const [first, second] = [pool.run(program('sleep', '100')), pool.run(program('sleep', '100'))];
    void pool.close();
    assert.deepEqual(await first.ended, { kind: 'killed', signal: 'SIGTERM' });
    assert.deepEqual(await second.ended, { kind: 'cancelled' });
    assert.deepEqual(await pool.run(program('true')).ended, { kind: 'cancelled' });
  });

  test('that is closed outlives no script, not even one that will not end', async () => {
    const pool = new ScriptPool(1);
    const file = join(folder, 'stubborn');
    const run = pool.run(
      shell(`trap '' TERM; echo $$ >${file}.new; mv ${file}.new ${file}; while :; do sleep 0.1; done`),
    );
    await until(() => existsSync(file), 'it to begin');
    await pool.close();
    assert.equal(isAlive(Number(readFileSync(file, 'utf8'))), false);
    assert.equal((await run.ended).kind, 'killed');
  });

  test('takes one back that has not begun', async () => {
    const pool = new ScriptPool(1);
    const [first, second, third] = ['100', '100', '0'].map((time) => pool.run(program('sleep', time)));
    second!.stop();
    assert.deepEqual(await second!.ended, { kind: 'cancelled' });
    first!.stop();
    assert.deepEqual(await third!.ended, { kind: 'exited', code: 0 });
  });
});
