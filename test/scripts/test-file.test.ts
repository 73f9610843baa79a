import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { type FileResult, runTestFile } from '../../scripts/test-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'tandem-runner-'));
after(() => rmSync(folder, { recursive: true }));

const HEAD = "import test from 'node:test';\nimport { spawn } from 'node:child_process';\n";

describe('the runner believes no test file', () => {
  const cases: readonly { name: string; text: string; expect: Partial<FileResult>; reason?: RegExp }[] = [
    { name: 'that passes more than it does', text: "test('a', () => {});", expect: { ok: true, passed: 1, failed: 0 } },
    {
      name: 'that fails',
      text: "test('a', () => {}); test('b', () => { throw new Error('no'); });",
      expect: { ok: false, passed: 1, failed: 1 },
    },
    { name: 'that crashes while it loads', text: "throw new Error('no');", expect: { ok: false, passed: 0 } },
    {
      name: 'that ends the process in the middle',
      text: "test('a', () => {}); test('b', () => process.exit(0));",
      expect: { ok: false },
    },
    { name: 'that is killed', text: "test('a', () => process.kill(process.pid, 'SIGKILL'));", expect: { ok: false } },
    { name: 'that has no test', text: '', expect: { ok: false }, reason: /has no test in it/ },
    {
      name: 'that hangs',
      text: "test('a', () => new Promise(() => setInterval(() => {}, 1000)));",
      expect: { ok: false },
      reason: /took longer than 4 s/,
    },
    {
      name: 'that leaves a process running',
      text: "test('a', () => { spawn('sleep', ['60'], { stdio: 'ignore' }).unref(); });",
      expect: { ok: false, passed: 1 },
      reason: /left processes running/,
    },
    {
      name: 'whose failure is excused',
      text: "test('a', { todo: true }, () => { throw new Error('no'); });",
      expect: { ok: false },
      reason: /marked as todo/,
    },
  ];
  for (const [index, { name, text, expect, reason }] of cases.entries()) {
    test(name, async () => {
      const path = join(folder, `case-${index}.test.mjs`);
      writeFileSync(path, HEAD + text);
      const result = await runTestFile(path, 4_000);
      for (const [key, value] of Object.entries(expect)) {
        assert.deepEqual(result[key as keyof FileResult], value, `${key}\n${result.output}`);
      }
      if (!expect.ok) assert.ok(result.failed > 0);
      if (reason) assert.match(result.reasons.join('\n'), reason);
    });
  }

  test('and repeats the reason of every skip', async () => {
    const path = join(folder, 'skip.test.mjs');
    writeFileSync(path, `${HEAD}test('a', { skip: 'no cable' }, () => {}); test('b', () => {});`);
    const { ok, passed, skipped } = await runTestFile(path, 10_000);
    assert.deepEqual({ ok, passed, skipped }, { ok: true, passed: 1, skipped: [`${path}: a - skipped: no cable`] });
  });

  test('and what was measured again, though it passed then', async () => {
    const path = join(folder, 'again.test.mjs');
    const module = new URL('../support/steady.ts', import.meta.url).href;
    const standsStill = `const { steady } = await import('${module}');
      const stalls = { mark: () => 0, latestMs: () => 80 };
      let runs = 0;
      test('a', steady(() => { runs += 1; if (runs === 1) throw new Error('late'); }, { stalls }));`;
    writeFileSync(path, HEAD + standsStill);
    const { ok, passed, again } = await runTestFile(path, 10_000);
    const line = `${path}: a: measured again, the machine stood still for 80 ms: Error: late`;
    assert.deepEqual({ ok, passed, again }, { ok: true, passed: 1, again: [line] });
  });
});
