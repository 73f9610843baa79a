import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Deferred, deferred } from '../../src/base/deferred.ts';
import { type Millis, seconds } from '../../src/base/units.ts';
import type { Ending, Program, Run, ScriptRunner } from '../../src/daemon/scripts.ts';
import { type ScriptTracker, trackScript } from '../../src/daemon/track-script.ts';
import { FakeTimers, settled } from './fake-timers.ts';

/** Scripts that end when the test says so. */
class FakeRunner implements ScriptRunner {
  readonly runs: { at: number; timeout: Millis | undefined; ended: Deferred<Ending>; gone: Deferred<void> }[] = [];
  readonly #timers: FakeTimers;
  stopped = 0;

  constructor(timers: FakeTimers) {
    this.#timers = timers;
  }

  run(_program: Program, timeout?: Millis): Run {
    const run = { at: this.#timers.now(), timeout, ended: deferred<Ending>(), gone: deferred<void>() };
    this.runs.push(run);
    const stop = (): void => {
      this.stopped += 1;
    };
    return { ended: run.ended.promise, gone: run.gone.promise, stop };
  }

  async end(ending: Ending): Promise<void> {
    const run = this.runs.at(-1)!;
    run.ended.resolve(ending);
    run.gone.resolve();
    await settled();
  }
}

function tracked(overrides: Partial<ScriptTracker> = {}) {
  const timers = new FakeTimers();
  const runner = new FakeRunner(timers);
  const reports: boolean[] = [];
  const lines: string[] = [];
  const tracker: ScriptTracker = {
    name: 'chk',
    program: { argv: ['/bin/true'], uid: 0, gid: 0 },
    interval: seconds(2),
    timeout: seconds(1),
    rise: 1,
    fall: 1,
    before: 'nothing',
    ...overrides,
  };
  const log = (_priority: string, line: string): void => void lines.push(line);
  const tracking = trackScript(tracker, { timers, runner, log, report: (up) => void reports.push(up) });
  return { timers, runner, reports, lines, tracking };
}

const ok: Ending = { kind: 'exited', code: 0 };
const bad: Ending = { kind: 'exited', code: 1 };

describe('a tracked script', () => {
  test('runs at once and then on the grid of its interval, however long each run takes', async () => {
    const { timers, runner } = tracked();
    await timers.pass(700);
    await runner.end(ok);
    await timers.pass(1_300);
    await timers.pass(900);
    await runner.end(ok);
    await timers.pass(1_100);
    assert.deepEqual(
      runner.runs.map(({ at, timeout }) => [at, timeout]),
      [
        [0, 1_000],
        [2_000, 1_000],
        [4_000, 1_000],
      ],
    );
  });

  test('is not run again while it runs', async () => {
    const { timers, runner } = tracked();
    await timers.pass(5_000);
    assert.equal(runner.runs.length, 1);
    await runner.end(ok);
    await timers.pass(1_000);
    assert.deepEqual(
      runner.runs.map(({ at }) => at),
      [0, 6_000],
    );
  });

  test('that timed out counts as failed at once, and is not run again before it is gone', async () => {
    const { timers, runner, reports } = tracked();
    const [run] = runner.runs;
    run!.ended.resolve({ kind: 'timed-out' });
    await timers.pass(3_000);
    assert.deepEqual(reports, [false]);
    assert.equal(runner.runs.length, 1);
    run!.gone.resolve();
    await timers.pass(1_000);
    assert.equal(runner.runs.length, 2);
  });

  test("reports changes only, and in keepalived's words", async () => {
    const { timers, runner, reports, lines } = tracked({ fall: 2 });
    for (const ending of [ok, ok, bad, bad, bad, ok] as const) {
      await runner.end(ending);
      await timers.pass(2_000);
    }
    assert.deepEqual(reports, [true, false, true]);
    assert.deepEqual(lines, [
      'VRRP_Script(chk) succeeded',
      'Script `chk` now returning 1',
      'VRRP_Script(chk) failed (exited with status 1)',
      'Script `chk` now returning 0',
      'VRRP_Script(chk) succeeded',
    ]);
  });

  test('under init_fail is down before its first run has ended', () => {
    assert.deepEqual(tracked({ before: 'failed' }).reports, [false]);
  });

  test('says what it was before a reload', async () => {
    const { runner, reports } = tracked({ before: { known: true }, fall: 2 });
    assert.deepEqual(reports, [true]);
    await runner.end(bad);
    assert.deepEqual(reports, [true]);
  });

  test('that is no longer wanted is ended, and nothing is heard of it', async () => {
    const { timers, runner, reports, tracking } = tracked();
    tracking.end();
    assert.equal(runner.stopped, 1);
    await runner.end({ kind: 'killed', signal: 'SIGTERM' });
    await timers.pass(10_000);
    assert.deepEqual(reports, []);
    assert.equal(runner.runs.length, 1);
  });
});
