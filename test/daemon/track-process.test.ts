import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { ms } from '../../src/base/units.ts';
import { matchesCommandLine, matchesName, type ProcessPattern } from '../../src/daemon/process-match.ts';
import { countProcesses, type ProcessTracker, trackProcesses } from '../../src/daemon/track-process.ts';
import { FakeTimers } from './fake-timers.ts';

const pattern = (words: string, more: Partial<ProcessPattern> = {}): ProcessPattern => ({
  words: words.split(' '),
  fullCommand: false,
  ...more,
});

describe('which processes are meant, as keepalived 2.2.7 has it', () => {
  const patterns = {
    'cat -u': pattern('cat -u'),
    'cat -, initial': pattern('cat -', { paramMatch: 'initial' }),
    'cat, partial': pattern('cat', { paramMatch: 'partial' }),
    'cat, full_command': pattern('cat', { fullCommand: true }),
    'cat -u, partial': pattern('cat -u', { paramMatch: 'partial' }),
    'cat, initial': pattern('cat', { paramMatch: 'initial' }),
  };
  for (const [line, found] of [
    ['cat', ['cat, partial', 'cat, full_command', 'cat, initial']],
    ['cat -u', ['cat -u', 'cat -, initial', 'cat, partial', 'cat, full_command', 'cat -u, partial', 'cat, initial']],
    ['cat -u -', ['cat -, initial', 'cat, partial', 'cat, full_command', 'cat -u, partial', 'cat, initial']],
    ['cat - -u', ['cat -, initial', 'cat, partial', 'cat, full_command', 'cat, initial']],
    ['/bin/cat -u', []],
    ['cats', []],
  ] as const) {
    test(`"${line}" is meant by ${found.length} of ${Object.keys(patterns).length}`, () => {
      const cmdline = Buffer.from(
        line
          .split(' ')
          .map((word) => `${word}\0`)
          .join(''),
      );
      const matching = Object.entries(patterns).filter(([, one]) => matchesCommandLine(one, cmdline));
      assert.deepEqual(
        matching.map(([name]) => name),
        found,
      );
    });
  }

  test("a name is the process's own, whole, and cut as the kernel cuts it", () => {
    assert.ok(matchesName(pattern('cat'), Buffer.from('cat\n')));
    assert.ok(!matchesName(pattern('cat'), Buffer.from('cats\n')));
    assert.ok(!matchesName(pattern('/bin/cat'), Buffer.from('cat\n')));
    assert.ok(matchesName(pattern('averyveryverylongname'), Buffer.from('averyveryverylo\n')));
  });

  test('a thread of the kernel has no command line, and is nobody', () => {
    assert.ok(!matchesCommandLine(pattern('cat', { paramMatch: 'partial' }), Buffer.alloc(0)));
  });
});

test('processes are counted by name and by command line', async () => {
  const time = String(100_000 + (process.pid % 10_000));
  const patterns = [pattern('sleep'), pattern(`sleep ${time}`), pattern(`sleep ${time} nothing`)];
  const [before = 0, none] = await countProcesses(patterns);
  assert.equal(none, 0);
  const sleeper = spawn('sleep', [time], { stdio: 'ignore' });
  await once(sleeper, 'spawn');
  const [names = 0, lines, other] = await countProcesses(patterns);
  sleeper.kill('SIGKILL');
  assert.ok(names >= 1 && before >= 0);
  assert.deepEqual([lines, other], [1, 0]);
});

describe('a tracked process', () => {
  const tracker = (more: Partial<ProcessTracker> = {}): ProcessTracker => ({
    name: 'p',
    pattern: pattern('p'),
    quorum: 2,
    quorumMax: 3,
    riseDelay: ms(0),
    fallDelay: ms(0),
    ...more,
  });
  /** @param counts one a second */
  const reportsOf = async (one: ProcessTracker, counts: readonly (number | Error)[]) => {
    const timers = new FakeTimers();
    const reports: string[] = [];
    let at = 0;
    const tracking = trackProcesses([one], {
      timers,
      log: () => {},
      count: async () => {
        const count = counts[Math.min(at++, counts.length - 1)]!;
        if (count instanceof Error) throw count;
        return [count];
      },
      report: (name, up) => void reports.push(`${timers.now()} ${name} ${up}`),
    });
    await timers.pass((counts.length - 1) * 1_000);
    tracking.end();
    return reports;
  };

  for (const { what, more = {}, counts, reports } of [
    { what: 'is down at once below its quorum', counts: [1], reports: ['0 p false'] },
    { what: 'is up within it', counts: [1, 2, 3], reports: ['0 p false', '1000 p true'] },
    { what: 'is down above it', counts: [3, 4], reports: ['0 p true', '1000 p false'] },
    {
      what: 'with quorum_max 0 may not run at all',
      more: { quorum: 0, quorumMax: 0 },
      counts: [0, 1],
      reports: ['0 p true', '1000 p false'],
    },
    {
      what: 'is down only after its delay',
      more: { fallDelay: ms(2_000) },
      counts: [2, 1, 1, 1],
      reports: ['0 p true', '3000 p false'],
    },
    {
      what: 'comes back within its delay unnoticed',
      more: { fallDelay: ms(2_000) },
      counts: [2, 1, 2, 1, 1],
      reports: ['0 p true'],
    },
    {
      what: 'is up only after its delay',
      more: { riseDelay: ms(1_000) },
      counts: [1, 2, 2],
      reports: ['0 p false', '2000 p true'],
    },
    {
      what: 'stays as it is while nothing can be counted',
      counts: [2, new Error('EMFILE'), 1],
      reports: ['0 p true', '2000 p false'],
    },
  ] as const) {
    test(what, async () => assert.deepEqual(await reportsOf(tracker(more), counts), reports));
  }
});
