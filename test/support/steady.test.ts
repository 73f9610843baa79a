/** What measures again after a stall, and only then; and that the heartbeat sees the machine stand still. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Heartbeat } from './heartbeat.ts';
import { steady } from './steady.ts';
import { until } from './until.ts';

/** Failing means: this measurement throws. Late: by how much the heartbeat was, at most, during it. */
interface Measurement {
  readonly fails: boolean;
  readonly lateMs: number;
}

const cases: readonly { name: string; measured: readonly Measurement[]; fails?: string; again: number }[] = [
  { name: 'one that passes is done once, stall or none', measured: [{ fails: false, lateMs: 900 }], again: 0 },
  { name: 'a failure without a stall stands at once', measured: [{ fails: true, lateMs: 0 }], fails: '1', again: 0 },
  { name: 'a stall of 50 ms excuses nothing', measured: [{ fails: true, lateMs: 50 }], fails: '1', again: 0 },
  {
    name: 'a failure with a stall is measured again',
    measured: [
      { fails: true, lateMs: 51 },
      { fails: false, lateMs: 0 },
    ],
    again: 1,
  },
  {
    name: 'the failure that follows it without a stall stands',
    measured: [
      { fails: true, lateMs: 51 },
      { fails: true, lateMs: 0 },
    ],
    fails: '2',
    again: 1,
  },
  {
    name: 'the third of three failures with stalls stands',
    measured: [1, 2, 3].map(() => ({ fails: true, lateMs: 200 })),
    fails: '3',
    again: 2,
  },
];

describe('a test that judges times', () => {
  for (const { name, measured, fails, again } of cases) {
    test(name, async (t) => {
      let runs = 0;
      const said = t.mock.method(t, 'diagnostic', () => {});
      const body = (): void => {
        runs += 1;
        if (measured[runs - 1]!.fails) throw new Error(`${runs}`);
      };
      // A measurement's stalls are asked for with the mark of its own beginning.
      const stalls = { mark: () => runs, latestMs: (mark: number) => measured[mark]!.lateMs };
      let anew = 0;
      const ended = steady(body, {
        stalls,
        anew: () => {
          anew += 1;
        },
      })(t);
      if (fails === undefined) await ended;
      else await assert.rejects(ended, { message: fails });
      assert.equal(runs, measured.length);
      assert.deepEqual([said.mock.callCount(), anew], [again, again]);
      for (const { arguments: words } of said.mock.calls) assert.match(`${words}`, /stood still for \d+ ms: Error: \d/);
    });
  }
});

test('the heartbeat tells how long this process stood still, and since when', { timeout: 60_000 }, async () => {
  await using heartbeat = new Heartbeat();
  const before = heartbeat.mark();
  const stand = 'kill -STOP $1; sleep 0.3; kill -CONT $1';
  // The first stop may come before the thread is awake.
  for (let stops = 1; heartbeat.latestMs(before) < 200 && stops <= 10; stops += 1) {
    let ended = false;
    const child = spawn('sh', ['-c', stand, 'sh', `${process.pid}`], { stdio: 'ignore' });
    child.once('exit', () => {
      ended = true;
    });
    await until(() => ended, 'the stop to be over');
    await setTimeout(50);
  }
  assert.ok(heartbeat.latestMs(before) >= 200, `${heartbeat.latestMs(before)} ms`);
  const after = heartbeat.mark();
  assert.ok(after > before);
  assert.ok(heartbeat.latestMs(after) < 200, 'what was before the mark does not count');
});
