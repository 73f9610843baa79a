import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { drain } from '../../src/base/steps.ts';
import { parse } from '../../src/keepalived/parser.ts';
import { type PreprocessOptions, preprocess } from '../../src/keepalived/preprocess.ts';
import { print } from '../../src/keepalived/printer.ts';

/** The effective lines, trimmed; expects no problems. */
function lines(text: string, options: PreprocessOptions = {}): readonly string[] {
  const problems: unknown[] = [];
  const found = drain(preprocess(text, 'dir/f.conf', options, problems as never));
  assert.deepEqual(problems, []);
  return found.map((line) => line.text.trim());
}

const CASES: readonly [title: string, text: string, expected: readonly string[], options?: PreprocessOptions][] = [
  ['# and ! cut a line, but not inside double quotes', 'a # b\nc ! d\n"e # f" ! g\n', ['a', 'c', '"e # f"']],
  ['single quotes do not protect a comment', "auth_pass 'p#a'", ["auth_pass 'p"]],
  ['@id lines count for that config-id only', '@x a\n@^x b\n@y c\n', ['a'], { configId: 'x' }],
  ['without a config-id only @^ lines count', '@x a\n@^x b\n', ['b']],
  ['a condition may guard a definition', '@x $P=1\n@y $P=2\np $P\n', ['p 1'], { configId: 'x' }],
  ['a variable may hold a condition', '$IF=@x\n$IF p\n$IF q', ['p', 'q'], { configId: 'x' }],
  [
    'a variable is replaced when it is used, not when it is defined',
    '$A=10.${B}\n$B=0\n${A}.1\n$B=1\n${A}.1',
    ['10.0.1', '10.1.1'],
  ],
  ['$NAME ends at a blank, ${NAME} anywhere', '$V=x\n$V ${V}y $Vy', ['x xy $Vy']],
  ['an unknown variable stays as it is', 'a $B c', ['a $B c']],
  ['a variable may be empty', '$E=\na${E}b', ['ab']],
  ['the comment of a definition is not part of it', '$V=a # b\n${V}x', ['ax']],
  ['a value of several lines becomes several lines', '$V= \\\n a 1 \\\n b 2 \\\n\nx\n$V\n', ['x', 'a 1', 'b 2']],
  ['definitions stand inside values of several lines', '$V= \\\n$N=1 \\\na $N \\\n\n$V\n$N\n', ['a 1', '1']],
  [
    'a condition that fails takes all lines of its definition',
    '@x $V= \\\n a \\\n b\nc $V',
    ['c $V'],
    { configId: 'y' },
  ],
  ['~SEQ counts by one', '~SEQ(N, 0, 2) a${N}', ['a0', 'a1', 'a2']],
  ['~SEQ starts at 1 where it names only the end', '~SEQ(N, 3) a${N}', ['a1', 'a2', 'a3']],
  ['~SEQ counts down', '~SEQ(N, 2, 0) a${N}', ['a2', 'a1', 'a0']],
  ['~SEQ takes a step', '~SEQ(N, 168, 2, 172) a${N}', ['a168', 'a170', 'a172']],
  ['~SEQx writes hexadecimal', '~SEQx(N, 0x90, 0x10, 0xb0) a${N}', ['a90', 'aa0', 'ab0']],
  ['~LST takes values', '~LST(N, x, y) a${N}', ['ax', 'ay']],
  ['~LST takes tuples', '~LST({A, B}, {10,1},{20,4}) ${A}.${B}', ['10.1', '20.4']],
  ['blocks nest from left to right', '~LST(A,1,2) ~SEQ(B,5,6) ${A}${B}', ['15', '16', '25', '26']],
  ['a line has one condition: the second is a word', '@x @x a\n$IF=@x\n@x $IF b', ['@x a', '@x b'], { configId: 'x' }],
  ['a backslash keeps a quote from opening or closing', 'a "\\"b # c\\"" # d\ne \\" # f', ['a "\\"b # c\\""', 'e \\"']],
  ['a backslash before a comment goes with it, one at its end stays', 'a\\#b\nc # d \\', ['a', 'c \\']],
  ['a comment between the lines of a definition ends in \\ too', '$V= \\\n a \\\n # b \\\n c\n$V', ['a', 'c']],
  ['what stands before a value of several lines stands before its first', '$V= \\\n 5 \\\n b\na $V', ['a 5', 'b']],
  ['$NAME before a quote is no variable', '$V=x\n"$V" "${V}"', ['"$V" "x"']],
  ['the numbers of ~SEQ may be variables', '$E=2\n~SEQ(A,1,$E) ~SEQ(B,${A},2) ${A}${B}', ['11', '12', '22']],
  ['~SEQ and ~LST may stand off their brackets', '~SEQ (A,1,2) ~LST (B,x) ${A}${B}', ['1x', '2x']],
  ['the last value of ~LST may be empty', '~LST(A,x,) a${A}', ['ax', 'a']],
  ['variables can be handed in', 'a ${X}', ['a 1'], { variables: { X: '1' } }],
  ['${_PWD} is the folder of the file', '${_PWD}/x', ['dir/x']],
];

describe('what keepalived reads of a file', () => {
  for (const [title, text, expected, options] of CASES) {
    test(title, () => assert.deepEqual(lines(text, options), expected));
  }

  test('a place inside a substituted line is that of the variable', () => {
    const { problems } = parse('$P=300\nvrrp_instance A {\n  priority ${P}\n}\n', 'f');
    assert.deepEqual(problems[0]?.at, { file: 'f', line: 3, column: 12, length: 1 });
  });

  test('after a condition the columns are still those of the file', () => {
    const { problems } = parse('vrrp_instance A {\n  @x priority 300\n}\n', 'f', { configId: 'x' });
    assert.deepEqual(problems[0]?.at, { file: 'f', line: 2, column: 15, length: 3 });
  });

  test('an included file stands where its line stands, and its problems name it', () => {
    const asked: string[][] = [];
    const { config, problems } = parse('include conf.d/*.conf\n', '/etc/keepalived/keepalived.conf', {
      include: (pattern, fromFile) => {
        asked.push([pattern, fromFile]);
        return [{ file: '/etc/keepalived/conf.d/a.conf', text: 'vrrp_instance A {\n  priority 0\n}\n' }];
      },
    });
    assert.deepEqual(asked, [['conf.d/*.conf', '/etc/keepalived/keepalived.conf']]);
    assert.equal(config.vrrp_instance[0]?.name, 'A');
    assert.deepEqual(problems[0]?.at, { file: '/etc/keepalived/conf.d/a.conf', line: 2, column: 12, length: 1 });
  });

  test('include is followed behind a condition, a variable and a sequence; its pattern is the rest of the line', () => {
    const asked: string[] = [];
    const text =
      '@x include a\n@y include b\n$D=c\n$I=include\n$I ${D}/*.conf\n~SEQ(N,1,2) include ${N}\ninclude "e f" g\n';
    const { problems } = parse(text, 'f', {
      configId: 'x',
      include: (pattern) => {
        asked.push(pattern);
        return [];
      },
    });
    assert.deepEqual(asked, ['a', 'c/*.conf', '1', '2', '"e f" g']);
    assert.equal(problems.length, asked.length);
    assert.match(problems.at(-1)!.message, /the quotes are part of its name/);
  });

  test('an include that must match and does not is an error', () => {
    const kinds = ['include', 'includer', 'includeb', 'includem', 'includew', 'includea'];
    const found = kinds.map((kind) => parse(`${kind} x\n`, 'f', { include: () => [] }).problems[0]!.severity);
    assert.deepEqual(found, ['warning', 'warning', 'warning', 'error', 'error', 'error']);
  });

  test('what only the daemon knows is named, and so is what makes a line too long or follows several lines', () => {
    const cases: readonly (readonly [text: string, code: string, message: RegExp])[] = [
      ['a ${_ENV HOME}', 'conf-unsupported', /"\$\{_ENV HOME\}" has a value in the daemon alone/],
      ['a ${_RANDOM 1 5}', 'conf-unsupported', /"\$\{_RANDOM 1 5\}" has/],
      [`$V=${'x'.repeat(600)}\na \${V}\${V}`, 'conf-syntax', /more than 1023 bytes/],
      ['$V= \\\n a \\\n b\n$V c', 'conf-syntax', /"\$V" has several lines/],
    ];
    for (const [text, code, message] of cases) {
      const [problem] = parse(`${text}\n`, 'f').problems;
      assert.equal(problem?.code, code, text);
      assert.match(problem!.message, message);
      assert.equal(problem!.at!.line, text.split('\n').length);
    }
  });

  test('an include that matches nothing is a warning, one that cannot be followed an error', () => {
    const none = parse('include x\n', 'f', { include: () => [] }).problems;
    assert.deepEqual(
      none.map((p) => [p.code, p.severity]),
      [['conf-include', 'warning']],
    );
    assert.deepEqual(
      parse('include x\n', 'f').problems.map((p) => [p.code, p.severity]),
      [['conf-include', 'error']],
    );
  });

  test('broken sequences are named', () => {
    for (const text of [
      '~SEQ(A) x',
      '~SEQ(1,2) x',
      '~SEQ(A,1',
      '~LST(A) x',
      '~LST({A,B},{1}) x',
      '~SEQ(A,x) y',
      '~SEQ(A,3,1,1) x',
      '~LST(A, b c) x',
      '~LST(A, {b) x',
    ]) {
      const [problem] = parse(text, 'f').problems;
      assert.equal(problem?.code, 'conf-syntax', text);
      assert.match(problem!.message, /^"?~(SEQ|LST)/, text);
    }
  });
});

test("a line of tandemd's own counts for tandemd alone, whatever the config-id", () => {
  const text = '@tandemd a\n@^tandemd b\n@other c\nd\n';
  assert.deepEqual(lines(text), ['b', 'd']);
  assert.deepEqual(lines(text, { configId: 'other', engine: 'keepalived' }), ['b', 'c', 'd']);
  assert.deepEqual(lines(text, { configId: 'other', engine: 'tandemd' }), ['a', 'c', 'd']);
});

test("tandemd's own keyword is unknown to everyone else, and prints so that keepalived leaves it out", () => {
  const text = 'global_defs {\n    @tandemd tandem_grace 60\n}\n';
  const read = parse(text, 'f', { engine: 'tandemd' });
  assert.deepEqual([read.problems, read.config.global_defs], [[], { tandem_grace: 60_000 }]);
  assert.equal(print(read.config), text);
  assert.equal(parse(text, 'f').config.global_defs.tandem_grace, undefined);
  assert.deepEqual(
    parse('global_defs {\n tandem_grace 60\n}\n', 'f').problems.map(({ code }) => code),
    ['conf-unknown-keyword'],
  );
});
