import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import { type FifoOptions, NotifyFifo } from '../../src/daemon/fifo.ts';
import type { Happening } from '../../src/daemon/happening.ts';
import { ScriptPool } from '../../src/daemon/scripts.ts';
import { FifoReader } from '../support/fifo-reader.ts';
import { steady } from '../support/steady.ts';
import { until } from '../support/until.ts';
import { FakeTimers } from './fake-timers.ts';

const folder = mkdtempSync(join(tmpdir(), 'tandem-fifo-'));
after(() => rmSync(folder, { recursive: true }));

const own = { uid: process.getuid!(), gid: process.getgid!() };
let path: string;
let number = 0;
beforeEach(() => {
  number += 1;
  path = join(folder, `fifo${number}`);
});

async function fifo(options: Partial<FifoOptions> = {}) {
  const timers = new FakeTimers();
  const lines: string[] = [];
  const one = await NotifyFifo.open({
    path,
    owner: own,
    script: undefined,
    runner: new ScriptPool(1),
    timers,
    log: (_priority, line) => void lines.push(line),
    ...options,
  });
  return { one, timers, lines };
}

const happening = (priority: number, name = 'V'): Happening => ({ type: 'INSTANCE', name, what: 'MASTER', priority });

const priorities = (text: string): number[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Number(line.split(' ').at(-1)));

describe('a notify FIFO', () => {
  test('is made for its owner alone, keeps lines until they are read, and is removed at the end', async () => {
    const { one } = await fifo();
    assert.equal(statSync(path).mode & 0o7777, 0o600);
    assert.ok(statSync(path).isFIFO());
    one.write(happening(150));
    one.write({ type: 'GROUP', name: 'G', what: 'FAULT', priority: 0 });
    assert.equal(new FifoReader(path).read(), 'INSTANCE "V" MASTER 150\nGROUP "G" FAULT 0\n');
    one.close();
    assert.ok(!existsSync(path));
    const other = join(folder, 'other');
    const descriptor = openSync(other, 'w');
    one.write(happening(150));
    closeSync(descriptor);
    assert.equal(readFileSync(other, 'utf8'), '', 'nothing is written into what has its descriptor now');
  });

  test('belongs to its user', { skip: own.uid === 0 ? false : 'run the tests as root' }, async () => {
    const { one } = await fifo({ owner: { uid: 65_534, gid: 65_533 } });
    assert.deepEqual([statSync(path).uid, statSync(path).gid], [65_534, 65_533]);
    one.close();
  });

  test('that was there before is used, and left', async () => {
    assert.equal(spawnSync('mkfifo', [path]).status, 0);
    const { one } = await fifo();
    one.write(happening(1));
    assert.deepEqual(priorities(new FifoReader(path).read()), [1]);
    one.close();
    assert.ok(existsSync(path));
  });

  test('is refused where a file of another kind is there, or no folder', async () => {
    writeFileSync(path, 'precious');
    await assert.rejects(fifo(), /is no FIFO/);
    assert.equal(readFileSync(path, 'utf8'), 'precious');
    path = join(folder, 'no/folder');
    await assert.rejects(fifo(), /making the FIFO/);
  });

  test(
    'that nobody reads never holds us up; whoever comes late gets the newest lines, in order',
    steady(async () => {
      rmSync(path, { force: true });
      const { one, timers, lines } = await fifo();
      const name = 'V'.repeat(100);
      const begun = performance.now();
      for (let i = 0; i < 5_000; i += 1) one.write(happening(i, name));
      assert.ok(performance.now() - begun < 2_000, 'no wait');
      const reader = new FifoReader(path);
      const read = (): string => reader.read();
      const seen = priorities(read());
      for (let rest = '-'; rest !== ''; ) {
        await timers.pass(1_000);
        rest = read();
        seen.push(...priorities(rest));
      }
      const kept = seen.slice(-2_000);
      assert.deepEqual(
        kept,
        Array.from({ length: 2_000 }, (_, i) => 3_000 + i),
        'all of the newest',
      );
      assert.deepEqual(
        seen,
        seen.toSorted((a, b) => a - b),
        'in order',
      );
      assert.equal(lines.length, 1);
      assert.equal(Number(/; (\d+) lines were lost/.exec(lines[0]!)?.[1]), 5_000 - seen.length);
      one.write(happening(7));
      assert.deepEqual(priorities(read()), [7]);
      one.close();
    }),
  );

  test('starts its script with the path as its last word, and ends it with itself', async () => {
    const out = join(folder, 'out');
    const line = `echo "$1 $2" >${out}; while read -r line; do echo "$line" >>${out}; done <"$2"; sleep 100`;
    const script = { argv: ['sh', '-c', line, 'sh', 'word'], ...own };
    const runner = new ScriptPool(1);
    const { one, lines } = await fifo({ script, runner });
    one.write(happening(9));
    const text = () => (existsSync(out) ? readFileSync(out, 'utf8') : '');
    await until(() => text().includes('INSTANCE'), 'the script to read a line');
    assert.equal(text(), `word ${path}\nINSTANCE "V" MASTER 9\n`);
    one.close();
    assert.deepEqual(lines, []);
    assert.deepEqual(await runner.run({ argv: ['true'], ...own }).ended, { kind: 'exited', code: 0 });
  });

  test('whose script has ended says so', async () => {
    const { one, lines } = await fifo({ script: { argv: ['true'], ...own } });
    await until(() => lines.length > 0, 'a line in the log');
    assert.match(lines[0]!, /it has ended, and nobody may read the FIFO now/);
    one.close();
  });
});
