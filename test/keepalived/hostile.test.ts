/** Whatever the bytes: problems, never an exception, and never for long. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { hasErrors } from '../../src/base/problem.ts';
import { check } from '../../src/keepalived/check.ts';
import { KEYWORDS } from '../../src/keepalived/keywords.ts';
import { parse } from '../../src/keepalived/parser.ts';
import { print } from '../../src/keepalived/printer.ts';

const folder = join(import.meta.dirname, 'corpus', 'accepted');
const corpus = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));

/** Reads, checks and prints; the answer is what was parsed. */
function everything(text: string) {
  const parsed = parse(text, 'hostile.conf', { configId: 'main', include: () => [{ file: 'other.conf', text }] });
  check(parsed, { interfaces: new Set(['eth0']) });
  print(parsed.config);
  return parsed;
}

const piece = fc.oneof(
  fc.constantFrom(
    '{',
    '}',
    '{\n',
    '\n}\n',
    '"',
    "'",
    '\\',
    '#',
    '!',
    '$A=',
    '${A}',
    '$A',
    '@main ',
    '@^x',
    ' ',
    '\n',
    '\t',
  ),
  fc.constantFrom(
    '~SEQ(A,1,3) ',
    '~LST({A,B},{1,2})',
    'include x\n',
    '10.0.0.1/24',
    '2001:db8::1',
    '-1',
    '99999999999',
  ),
  fc.constantFrom(...KEYWORDS.map((row) => `${row.name} `)),
  fc.string({ unit: 'binary', maxLength: 10 }),
);

test("property: any sequence of the language's pieces and of any characters is read without an exception", () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 80 }), (pieces) => {
      everything(pieces.join(''));
    }),
    { numRuns: 2000 },
  );
});

test('property: every problem has its place, in a file that was read', () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      const parsed = everything(pieces.join(''));
      for (const { at } of [...parsed.problems, ...check(parsed)]) {
        assert.ok(at && at.line >= 1 && at.column >= 1 && ['hostile.conf', 'other.conf'].includes(at.file));
      }
    }),
    { numRuns: 1000 },
  );
});

test('property: a real file with bytes changed, cut out or repeated is read without an exception', () => {
  const damage = fc.record({
    text: fc.constantFrom(...corpus),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    cut: fc.nat({ max: 40 }),
    put: fc.oneof(piece, fc.string({ unit: 'binary', maxLength: 5 })),
  });
  fc.assert(
    fc.property(damage, ({ text, at, cut, put }) => {
      const from = Math.floor(at * text.length);
      everything(text.slice(0, from) + put + text.slice(from + cut));
    }),
    { numRuns: 1000 },
  );
});

test('property: a model read without errors prints, and reads the same', () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      const parsed = everything(pieces.join(''));
      if (!hasErrors(parsed.problems)) assert.deepEqual(parse(print(parsed.config), 'f').config, parsed.config);
    }),
    { numRuns: 1000 },
  );
});

const INSTANCE = (body: string) => `vrrp_instance A {\n${body}\n}\n`;

/** Texts that mean harm; each must be answered with an error. */
const BOMBS: Readonly<Record<string, string>> = {
  'a variable that contains itself': '$A=${A}x\n${A}\n',
  'variables that double ten times over': `${Array.from({ length: 40 }, (_v, i) => `$V${i + 1}=\${V${i}}\${V${i}}`).join('\n')}\n$V0=x\n\${V40}\n`,
  'a sequence of a billion': '~SEQ(A, 1, 1000000000) x\n',
  'sequences in sequences': '~SEQ(A,1,60000) ~SEQ(B,1,60000) ~SEQ(C,1,60000) x${C}\n',
  'a sequence that never ends': '~SEQ(A, 1, 0, 5) x\n',
  'braces a million deep': '{'.repeat(1_000_000),
  'a block in a block, ten thousand deep': 'a {\n'.repeat(10_000),
  'rare blocks ten thousand deep': `garp_group {\n${'a {\n'.repeat(10_000)}`,
  'a line of a million words': INSTANCE(`priority ${'1 '.repeat(1_000_000)}`),
  'a keyword of a million letters': INSTANCE('x'.repeat(1_000_000)),
  'a million quotes': INSTANCE('"'.repeat(1_000_001)),
  'a condition cut by a carriage return (once a crash)': '@main \r\0',
  'a million unknown keywords': 'x\n'.repeat(300_000),
  'a list of half a million blanks (once without end)': `~LST(X,${' '.repeat(200_000)}x${' '.repeat(200_000)}{) a\n`,
  'conditions upon conditions (once a crash)': '@main '.repeat(300_000),
  'sequences upon sequences in a line (once a crash)': `${'~SEQ(A,1,1) '.repeat(50_000)}x`,
  'names of a million letters beside each other': `${INSTANCE(`track_script {\n${'x'.repeat(1_000_000)}\n}`)}vrrp_script ${'y'.repeat(1_000_000)} {\n}\n`,
  'one address on fifty thousand devices': INSTANCE(
    `virtual_ipaddress {\n${Array.from({ length: 50_000 }, (_v, i) => `10.0.0.1/24 dev e${i}`).join('\n')}\n}`,
  ),
  'ten thousand unknown scripts beside as many that are known': `${Array.from({ length: 10_000 }, (_v, i) => `vrrp_script s${i} {\n}`).join('\n')}\n${INSTANCE(`track_script {\n${Array.from({ length: 10_000 }, (_v, i) => `t${i}`).join('\n')}\n}`)}`,
};

/** A word of a line, and what is said about it. */
const MESSAGE_MAX = 2_000;
/** On a slow, busy machine; the point is that none takes minutes. */
const SECONDS_MAX = 20;

for (const [what, text] of Object.entries(BOMBS)) {
  test(`${what}: refused, in bounded time`, () => {
    const start = performance.now();
    const parsed = parse(text, 'hostile.conf', { configId: 'main' });
    const problems = [...parsed.problems, ...check(parsed)];
    assert.equal(hasErrors(problems), true);
    for (const { at, message } of problems) {
      assert.ok(at, `no place: ${message}`);
      assert.ok(message.length < MESSAGE_MAX, `${message.length} characters`);
    }
    assert.ok(performance.now() - start < SECONDS_MAX * 1000, `${performance.now() - start} ms`);
  });
}

test('a file that includes itself is refused, and so is a chain of endless includes', () => {
  const own = parse('include a.conf\n', 'a.conf', { include: () => [{ file: 'a.conf', text: 'include a.conf\n' }] });
  assert.deepEqual(
    own.problems.map((problem) => problem.code),
    ['conf-include'],
  );
  let n = 0;
  const chain = parse('include x\n', 'x', { include: () => [{ file: `f${n++}`, text: 'include x\ninclude x\n' }] });
  assert.equal(hasErrors(chain.problems), true);
  assert.ok(n < 2 * 1100, `${n} files were asked for`);
});
