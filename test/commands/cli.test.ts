import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));

function tandem(...argv: readonly string[]): { code: number | null; stdout: string; stderr: string } {
  const run = spawnSync(process.execPath, [CLI, ...argv], { encoding: 'utf8', timeout: 30_000 });
  return { code: run.status, stdout: run.stdout, stderr: run.stderr };
}

describe('the command line', () => {
  const cases: readonly { argv: readonly string[]; code: number; stdout?: RegExp; stderr?: RegExp }[] = [
    { argv: ['--version'], code: 0, stdout: /^\d+\.\d+\.\d+\n$/ },
    { argv: ['--help'], code: 0, stdout: /Examples:\n[\s\S]*Exit codes:/ },
    { argv: ['help'], code: 0, stdout: /Usage: tandem/ },
    { argv: ['help', 'help'], code: 0, stdout: /Usage: tandem help/ },
    { argv: ['help', 'conf-syntax'], code: 0, stdout: /^conf-syntax: / },
    { argv: ['help', 'conf-syntx'], code: 1, stderr: /did you mean "conf-syntax"/ },
    { argv: ['help', 'toString'], code: 1, stderr: /no problem code/ },
    { argv: ['bogus'], code: 1, stderr: /unknown command 'bogus'/ },
    { argv: ['bogus', '--json'], code: 1, stdout: /^{"format":"tandem.error",.*"exit":1}\n$/ },
    { argv: ['--color', 'pink', 'help'], code: 1, stderr: /Allowed choices are auto, always, never/ },
  ];
  for (const { argv, code, stdout, stderr } of cases) {
    test(`tandem ${argv.join(' ')} ends with ${code}`, () => {
      const run = tandem(...argv);
      assert.equal(run.code, code, run.stderr);
      if (stdout) assert.match(run.stdout, stdout);
      if (stderr) assert.match(run.stderr, stderr);
    });
  }

  test('takes the global options before and behind a command', () => {
    for (const argv of [
      ['--json', 'help', 'conf-syntax'],
      ['help', 'conf-syntax', '--json'],
      ['--color', 'never', 'help', '--json', 'conf-syntax'],
    ]) {
      assert.equal((JSON.parse(tandem(...argv).stdout) as { code: string }).code, 'conf-syntax');
    }
  });

  test('an error under --json is a document on standard output', () => {
    const run = tandem('help', 'nothing-like-it', '--json');
    assert.equal(run.code, 1);
    const { format, exit } = JSON.parse(run.stdout) as { format: string; exit: number };
    assert.deepEqual({ format, exit }, { format: 'tandem.error', exit: 1 });
    assert.equal(run.stderr, '');
  });

  test('output that cannot be written is an error and no crash; a reader that goes away is neither', () => {
    const to = (target: string) =>
      spawnSync('sh', ['-c', `"$0" "$1" help conf-syntax ${target}`, process.execPath, CLI], { encoding: 'utf8' });
    const full = to('> /dev/full');
    assert.equal(full.status, 1);
    assert.equal(full.stderr, 'tandem: output is lost: ENOSPC: no space left on device, write\n');
    const away = to('| true');
    assert.deepEqual([away.status, away.stderr], [0, '']);
  });
});
