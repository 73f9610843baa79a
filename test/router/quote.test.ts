import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { quoteCommand } from '../../src/router/quote.ts';

/** What the shell makes of the line: each argument between NULs. */
function arguments_(line: string): string[] {
  const run = spawnSync('sh', ['-c', `set -- ${line}; for a in "$@"; do printf '%s\\0' "$a"; done`]);
  assert.equal(run.status, 0, run.stderr.toString());
  return run.stdout.toString('utf8').split('\0').slice(0, -1);
}

test('POSIX XCU 2.2.2 whatever the arguments are, a real sh hands on exactly them', () => {
  const hostile = fc.string({ unit: fc.constantFrom(...`'"\\$\`!*?~#&|;<>(){}[] =%\n\t-abc\u00e9\u{1f600}`) });
  const word = fc.oneof(hostile, fc.string({ unit: 'grapheme' })).filter((text) => !text.includes('\0'));
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 8 }), (argv) => {
      assert.deepEqual(arguments_(quoteCommand(argv)), argv);
    }),
    { numRuns: 300 },
  );
});

test('plain words stay readable, the rest is quoted', () => {
  assert.equal(quoteCommand(['ip', '-j', 'addr', 'show', 'dev', 'bond0.91:100']), 'ip -j addr show dev bond0.91:100');
  assert.equal(quoteCommand(['printf', "it's", '']), `printf 'it'\\''s' ''`);
});

test('a NUL in an argument is refused: no command line can carry it', () => {
  assert.throws(() => quoteCommand(['a\0b']));
});
