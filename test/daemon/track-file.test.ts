import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { systemTimers, type Timers } from '../../src/daemon/timers.ts';
import { type FileTracker, trackedNumber, trackFile } from '../../src/daemon/track-file.ts';
import { until } from '../support/until.ts';
import { FakeTimers } from './fake-timers.ts';

describe('the number of a file, as keepalived 2.2.7 reads it', () => {
  for (const [text, number] of [
    ['', 0],
    ['5\n', 5],
    [' \t7\n', 7],
    ['7abc', 7],
    ['abc', 0],
    ['0x10', 16],
    ['010', 8],
    ['09', 0],
    ['+5', 5],
    ['-5', -5],
    ['-0', 0],
    ['3 4', 3],
    ['12.7', 12],
    ['2147483647', 2_147_483_647],
    ['-2147483647', -2_147_483_647],
    ['99999999999', undefined],
  ] as const) {
    test(`${JSON.stringify(text)} is ${number}`, () => assert.equal(trackedNumber(text), number));
  }
});

function replace(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

describe('a tracked file', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'tandem-file-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  /** Without a clock of its own there is no poll: what is seen is seen by inotify. */
  const tracked = async (tracker: Omit<FileTracker, 'name'>, timers: Timers = new FakeTimers()) => {
    const reports: number[] = [];
    const lines: string[] = [];
    const tracking = trackFile(
      { name: 'f', ...tracker },
      { timers, log: (_priority, line) => void lines.push(line), report: (value) => void reports.push(value) },
    );
    await tracking.known;
    return { reports, lines, end: tracking.end };
  };

  test('that is not there counts 0, and counts when it is made, written, replaced, removed', async () => {
    const path = join(folder, 'a');
    const { reports, end } = await tracked({ path });
    const steps: readonly [() => void, number][] = [
      [() => writeFileSync(path, '5\n'), 5],
      [() => writeFileSync(path, '6\n'), 6],
      [() => replace(path, '7\n'), 7],
      [() => rmSync(path), 0],
    ];
    assert.deepEqual(reports, [0]);
    for (const [change, value] of steps) {
      change();
      await until(() => reports.at(-1) === value, `the file to count ${value}`);
    }
    end();
    writeFileSync(path, '9\n');
    assert.deepEqual(
      reports.filter((value, index) => value === reports[index - 1]),
      [],
      'changes only',
    );
  });

  test('whose folder comes, goes and comes is found by the poll', async () => {
    const path = join(folder, 'later/a');
    const { reports, end } = await tracked({ path }, systemTimers);
    for (const value of [4, 8]) {
      mkdirSync(join(folder, 'later'));
      writeFileSync(path, String(value));
      await until(() => reports.at(-1) === value, `${value} to be read`);
      rmSync(join(folder, 'later'), { recursive: true });
      await until(() => reports.at(-1) === 0, 'the folder to be gone');
    }
    end();
  });

  test('with a number that is out of range counts as before, and that is said once', async () => {
    const path = join(folder, 'b');
    writeFileSync(path, '3');
    const { reports, lines, end } = await tracked({ path });
    writeFileSync(path, '99999999999');
    await until(() => lines.length > 0, 'a line in the log');
    writeFileSync(path, '4');
    await until(() => reports.at(-1) === 4, 'the next number');
    end();
    assert.deepEqual(reports, [3, 4]);
    assert.deepEqual(lines, [`Invalid number 99999999999 read from ${path} - ignoring`]);
  });

  test('that is a pipe or a folder counts 0 and holds nothing up', async () => {
    const path = join(folder, 'pipe');
    assert.equal(spawnSync('mkfifo', [path]).status, 0);
    for (const odd of [path, folder]) {
      const { reports, end } = await tracked({ path: odd });
      end();
      assert.deepEqual(reports, [0]);
    }
  });

  test('that is a pipe without a reader is not overwritten, and holds nothing up', async () => {
    const path = join(folder, 'unread');
    assert.equal(spawnSync('mkfifo', [path]).status, 0);
    const { reports, lines, end } = await tracked({ path, init: { value: 1, overwrite: true } });
    end();
    assert.deepEqual(reports, [0]);
    assert.match(lines[0] ?? '', /cannot be initialised: ENXIO/);
  });

  test('is made by init_file, and overwritten only where that is said', async () => {
    const path = join(folder, 'init');
    for (const [init, value] of [
      [{ value: 5, overwrite: false }, 5],
      [{ value: 6, overwrite: false }, 5],
      [{ value: 7, overwrite: true }, 7],
    ] as const) {
      const { reports, end } = await tracked({ path, init });
      end();
      assert.deepEqual(reports, [value]);
      assert.equal(readFileSync(path, 'utf8'), `${value}\n`);
    }
    const nowhere = await tracked({ path: join(folder, 'no/folder'), init: { value: 1, overwrite: true } });
    nowhere.end();
    assert.deepEqual(nowhere.reports, [0]);
    assert.match(nowhere.lines[0] ?? '', /cannot be initialised/);
    assert.ok(!existsSync(join(folder, 'no')));
  });
});
