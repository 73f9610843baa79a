import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Location } from '../../src/base/problem.ts';
import { type Path, parseYaml } from '../../src/inventory/yaml.ts';

const TEXT = `# a comment
top: { flow: "quoted", "key two": [1, 'b c'] }
list:
  - plain words here
  - "with \\u0041 escape"
  - folded
    over lines
block: |
  text
  more
anchor: &here { a: 1 }
alias: *here
empty:
`;

const at = (path: Path, pick: 'at' | 'keyAt' = 'at'): string => {
  const { line, column, length }: Location = parseYaml(TEXT, 'f').value![pick](path);
  return `${line}:${column}+${length}`;
};

for (const [path, expected] of [
  [['top'], '2:1+3'],
  [['top', 'flow'], '2:14+8'],
  [['top', 'key two', 1], '2:39+5'],
  [['list', 0], '4:5+16'],
  [['list', 2], '6:5+6'],
  [['block'], '8:1+5'],
  [['alias', 'a'], '11:20+1'],
  [['empty'], '13:1+5'],
  [['top', 'not', 'there'], '2:1+3'],
] as const) {
  test(`the place of ${path.join('.')} is ${expected}`, () => assert.equal(at(path), expected));
}

test('a quoted key is found by its text and stands with its quotes', () =>
  assert.equal(at(['top', 'key two'], 'keyAt'), '2:24+9'));

test('a part of a plain or quoted value is found; behind escapes and folds the whole value is', () => {
  const document = parseYaml(TEXT, 'f').value!;
  const part = (path: Path, start: number, end: number): string => {
    const { line, column, length } = document.within(path, start, end);
    return `${line}:${column}+${length}`;
  };
  assert.equal(part(['list', 0], 6, 11), '4:11+5');
  assert.equal(part(['top', 'flow'], 1, 3), '2:16+2');
  assert.equal(part(['list', 1], 7, 9), '5:5+20');
  assert.equal(part(['list', 2], 7, 9), '6:5+6');
});

test('values are those of YAML 1.2 core', () => {
  const { value } = parseYaml('[no, on, yes, ~, true, 0o17, 0x1f, 12e4, 1_000, 2001-01-01, "1"]', 'f').value!;
  assert.deepEqual(value, ['no', 'on', 'yes', null, true, 15, 31, 120000, '1_000', '2001-01-01', '1']);
});

test('aliases that multiply are refused before anything walks them', () => {
  const levels = Array.from({ length: 12 }, (_, i) => `l${i + 1}: &l${i + 1} [${Array(9).fill(`*l${i}`).join(', ')}]`);
  const started = performance.now();
  const { problems } = parseYaml(`l0: &l0 [lol, lol]\n${levels.join('\n')}\n`, 'f');
  assert.deepEqual(
    problems.map((p) => p.code),
    ['yaml-limit'],
  );
  assert.ok(performance.now() - started < 1000);
});

test('an alias inside its own anchor is refused', () => {
  assert.deepEqual(
    parseYaml('a: &a [*a]', 'f').problems.map((p) => `${p.code} ${p.at!.column}`),
    ['yaml-limit 8'],
  );
});

test('nesting without end is refused', () => {
  assert.deepEqual(
    parseYaml('['.repeat(5000), 'f').problems.map((p) => p.code),
    ['yaml-syntax'],
  );
});

const piece = fc.constantFrom(
  'a',
  ': ',
  '\n',
  '  ',
  '- ',
  '[',
  ']',
  '{',
  '}',
  ', ',
  '&x ',
  '*x',
  '"',
  "'",
  '|',
  '>',
  '#',
  '!',
  '? ',
  '<<',
  '1',
  '~',
  '%',
  '\t',
  '\u0000',
  '\ud800',
  'é',
  '---',
  '...',
  '\r',
);

test('no text makes the reader throw, and every problem has its place in the text', () => {
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(piece, { maxLength: 40 }).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const { value, problems } = parseYaml(text, 'f');
      assert.equal(value === undefined, problems.length > 0);
      for (const { at: place } of problems) {
        const line = text.split('\n')[place!.line - 1];
        assert.ok(
          line !== undefined && place!.column >= 1 && place!.column <= line.length + 1,
          JSON.stringify({ text, place }),
        );
      }
    }),
    { numRuns: 3000 },
  );
});

const scalar = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null));
const json = fc.letrec<{ node: unknown }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small' },
    scalar,
    fc.array(tie('node'), { maxLength: 4 }),
    fc.dictionary(
      fc.string().filter((k) => k !== '__proto__'),
      tie('node'),
      { maxKeys: 4, noNullPrototype: true },
    ),
  ),
})).node;

test('every value of a document stands where its text is', () => {
  fc.assert(
    fc.property(json, (value) => {
      const text = JSON.stringify(value, null, 2);
      const { value: document, problems } = parseYaml(text, 'f');
      assert.deepEqual(problems, []);
      assert.deepEqual(document!.value, value);
      const lines = text.split('\n');
      const walk = (node: unknown, path: Path): void => {
        if (typeof node === 'object' && node !== null) {
          for (const [key, child] of Object.entries(node))
            walk(child, [...path, Array.isArray(node) ? Number(key) : key]);
        } else {
          const { line, column, length } = document!.at(path);
          assert.equal(lines[line - 1]!.slice(column - 1, column - 1 + length!), JSON.stringify(node));
        }
      };
      walk(value, []);
    }),
  );
});
