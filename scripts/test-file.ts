/** Runs one test file with Node's runner in a process group of its own and says, without trusting it, how it went. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from './process.ts';

export interface FileResult {
  readonly path: string;
  readonly ok: boolean;
  readonly passed: number;
  /** At least 1 where the file is not ok: a crash, a timeout and a left-over process count as one each. */
  readonly failed: number;
  /** `file: test name # reason` */
  readonly skipped: readonly string[];
  /** Tests that were run again because the machine stood still, as test/support/steady.ts says it. */
  readonly again: readonly string[];
  readonly seconds: number;
  readonly output: string;
  /** Why the file is not ok, beyond failed tests. */
  readonly reasons: readonly string[];
}

export async function runTestFile(path: string, timeoutMs: number): Promise<FileResult> {
  const folder = mkdtempSync(join(tmpdir(), 'tandem-test-'));
  try {
    const tap = join(folder, 'tap');
    const reporters = ['spec', 'stdout', 'tap', tap];
    const flags = reporters.map((value, i) => `--test-reporter${i % 2 ? '-destination' : ''}=${value}`);
    const ended = await runProgram([process.execPath, '--test', ...flags, path], {
      timeoutMs,
      // The runner's tests run inside a runner, which would turn this one off.
      env: { NODE_TEST_CONTEXT: undefined },
    });
    const counted = countTap(readIfThere(tap));
    const reasons = [
      ...(ended.timedOut ? [`${path} took longer than ${timeoutMs / 1000} s and was ended`] : []),
      ...(ended.leftBehind ? [`${path} left processes running`] : []),
      ...(counted === undefined && !ended.timedOut ? [`${path} crashed before its end`] : []),
      ...(counted && counted.failed === 0 && ended.code !== 0 ? [`${path} ended with ${ended.code}`] : []),
      ...(counted?.tests.every((name) => name.endsWith(path)) ? [`${path} has no test in it`] : []),
      ...(counted && counted.todo > 0 ? [`${path} has tests marked as todo, whose failures do not count`] : []),
    ];
    const failed = (counted?.failed ?? 0) + reasons.length;
    const lines = (found: readonly string[] = []) => found.map((line) => `${path}: ${line}`);
    return {
      ...{ path, ok: failed === 0, passed: counted?.passed ?? 0, failed, reasons },
      ...{ skipped: lines(counted?.skipped), again: lines(counted?.again) },
      ...{ seconds: ended.elapsedMs / 1000, output: ended.output },
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Counted {
  readonly tests: readonly string[];
  readonly passed: number;
  readonly failed: number;
  readonly todo: number;
  readonly skipped: readonly string[];
  readonly again: readonly string[];
}

/** Reads the runner's TAP (version 13, with its closing counts); undefined where it breaks off. */
function countTap(tap: string): Counted | undefined {
  const count = (word: string) => Number(new RegExp(`^# ${word} (\\d+)$`, 'm').exec(tap)?.[1] ?? Number.NaN);
  const [passed, failed, todo] = [count('pass'), count('fail') + count('cancelled'), count('todo')];
  if (Number.isNaN(passed + failed + todo)) return undefined;
  const points = [...tap.matchAll(/^ *(?:not )?ok \d+ - (.*)$/gm)].map((match) => match[1]!);
  return {
    ...{ tests: points, passed, failed, todo },
    skipped: points.filter((name) => /(?<!\\)# SKIP/.test(name)).map((name) => name.replace('# SKIP', '- skipped:')),
    again: [...tap.matchAll(/^ *# (.*: measured again, .*)$/gm)].map((match) => match[1]!),
  };
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
