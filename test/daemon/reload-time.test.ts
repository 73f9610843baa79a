import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import { ReloadTime, reloadTime } from '../../src/daemon/reload-time.ts';
import { until } from '../support/until.ts';
import { FakeTimers } from './fake-timers.ts';

const NOW = Date.UTC(2026, 10, 22, 12, 0, 0);

describe('a time of reload', () => {
  for (const [text, expected] of [
    ['12:00:01Z', Date.UTC(2026, 10, 22, 12, 0, 1)],
    ['11:59:59Z', Date.UTC(2026, 10, 23, 11, 59, 59)],
    ['12:00:00Z', Date.UTC(2026, 10, 23, 12, 0, 0)],
    ['2026-11-30 00:00:00Z', Date.UTC(2026, 10, 30)],
    ['26-12-01 01:02:03Z', Date.UTC(2026, 11, 1, 1, 2, 3)],
    ['2028-02-29 00:00:00Z', Date.UTC(2028, 1, 29)],
    ['2026-11-22 12:00:00Z', 'in the past'],
    ['2027-02-29 00:00:00Z', 'not valid'],
    ['2026-13-01 00:00:00Z', 'not valid'],
    ['2026-12-00 00:00:00Z', 'not valid'],
    ['24:00:00Z', 'not valid'],
    ['12:60:00Z', 'not valid'],
    ['9:00:00Z', 'not valid'],
    [' 12:00:01Z', 'not valid'],
    ['12:00:01 Z', 'not valid'],
    ['2026-11-30  00:00:00Z', 'not valid'],
    ['', 'not valid'],
  ] as const) {
    test(`"${text}" is ${typeof expected === 'number' ? new Date(expected).toISOString() : expected}`, () => {
      assert.equal(reloadTime(text, NOW), expected);
    });
  }

  test('without a Z is the local one', () => {
    const local = new Date(2026, 11, 24, 18, 30, 0).getTime();
    assert.equal(reloadTime('2026-12-24 18:30:00', NOW), local);
    const soon = reloadTime('18:30:00', NOW) as number;
    assert.deepEqual([new Date(soon).getHours(), new Date(soon).getMinutes()], [18, 30]);
    assert.ok(soon > NOW && soon <= NOW + 25 * 3_600_000);
  });
});

describe('a file with the time of a reload', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tandem-reload-time-'));
  after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'time');
  beforeEach(() => rmSync(path, { force: true }));

  function watch(repeat = false) {
    const timers = new FakeTimers();
    const reloads: number[] = [];
    const lines: string[] = [];
    /** How far the wall clock was set. */
    const wall = { by: 0 };
    const clock = (): number => NOW + timers.now() + wall.by;
    const one = new ReloadTime({
      timers,
      clock,
      log: (_priority, line) => lines.push(line),
      reload: () => reloads.push(clock() - NOW),
    });
    const globals = { reload_time_file: path, ...(repeat && { reload_repeat: true as const }) };
    one.configure(globals);
    /** A second at a time, with all that is read in between. */
    const pass = async (seconds: number): Promise<void> => {
      for (let i = 0; i < seconds; i += 1) {
        await looked();
        await timers.pass(1_000);
      }
      await looked();
    };
    /** Files are read by threads of their own; the next look is planned when one is over. */
    const looked = (): Promise<void> => until(() => timers.isWaiting, 'a look at the file');
    return { one, globals, reloads, lines, timers, wall, pass };
  }

  test('that comes later is found; the reload is on time, and the file is gone', async () => {
    const { reloads, lines, pass } = watch();
    await pass(2);
    writeFileSync(path, '12:00:07Z\nmore\n');
    await pass(8);
    assert.deepEqual(reloads, [7_000]);
    assert.ok(!existsSync(path));
    await pass(3);
    assert.equal(reloads.length, 1);
    assert.deepEqual(lines, ['Reload scheduled for 2026-11-22T12:00:07.000Z']);
  });

  test('that changes moves the reload, and one that is deleted takes it back', async () => {
    writeFileSync(path, '12:00:05Z');
    const { reloads, lines, pass } = watch();
    await pass(2);
    writeFileSync(path, '12:00:09Z');
    await pass(5);
    rmSync(path);
    await pass(5);
    assert.deepEqual(reloads, []);
    assert.equal(lines.at(-1), 'Cancelling reload scheduled for 2026-11-22T12:00:09.000Z');
  });

  test('under reload_repeat stays, and is for tomorrow as well', async () => {
    writeFileSync(path, '12:00:03Z');
    const { reloads, lines, pass, wall } = watch(true);
    await pass(4);
    assert.deepEqual(reloads, [3_000]);
    assert.ok(existsSync(path));
    assert.equal(lines.at(-1), 'Reload scheduled for 2026-11-23T12:00:03.000Z');
    wall.by += 24 * 3_600_000;
    await pass(2);
    assert.equal(reloads.length, 2);
  });

  test('that holds no time that will come is said once, and nothing happens', async () => {
    writeFileSync(path, '2020-01-01 00:00:00Z');
    const { reloads, lines, pass } = watch();
    await pass(3);
    writeFileSync(path, 'tomorrow');
    await pass(3);
    assert.deepEqual(reloads, []);
    assert.deepEqual(lines, [
      'Reload time 2020-01-01 00:00:00Z is in the past - ignoring',
      'Reload time tomorrow is not valid - ignoring',
    ]);
  });

  test('that is a pipe, or has no end, holds no time and holds nothing up', async () => {
    assert.equal(spawnSync('mkfifo', [path]).status, 0);
    const { reloads, lines, pass } = watch();
    await pass(2);
    assert.deepEqual(lines, []);
    rmSync(path);
    symlinkSync('/dev/zero', path);
    await pass(2);
    assert.deepEqual([reloads, lines], [[], []]);
  });

  test('that the configuration names no more counts no more', async () => {
    writeFileSync(path, '12:00:03Z');
    const { one, globals, reloads, timers, pass } = watch();
    await pass(1);
    one.configure(globals);
    one.configure({});
    await timers.pass(4_000);
    assert.ok(!timers.isWaiting);
    assert.deepEqual(reloads, []);
  });
});
