import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Problem } from '../../src/base/problem.ts';
import { type ColorChoice, createOutput, type Output } from '../../src/commands/output.ts';

interface Setting {
  readonly terminal?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  readonly color?: ColorChoice;
  readonly json?: boolean;
}

/** Runs `use` against an output in this setting and returns what was written. */
function written(setting: Setting, use: (out: Output) => void): { stdout: string; stderr: string } {
  const texts = { stdout: '', stderr: '' };
  const sink = (name: 'stdout' | 'stderr') => ({
    isTerminal: setting.terminal ?? false,
    write: (text: string) => {
      texts[name] += text;
    },
  });
  const { env = {}, color = 'auto', json = false } = setting;
  use(createOutput({ stdout: sink('stdout'), stderr: sink('stderr'), env, color, json }));
  return texts;
}

const RED = '\u001b[31mno\u001b[39m\n';

describe('colour', () => {
  const cases: readonly { name: string; setting: Setting; expect: string }[] = [
    { name: 'a pipe has none', setting: {}, expect: 'no\n' },
    { name: 'a terminal has it', setting: { terminal: true }, expect: RED },
    { name: 'NO_COLOR takes it away', setting: { terminal: true, env: { NO_COLOR: '1' } }, expect: 'no\n' },
    { name: 'an empty NO_COLOR does not', setting: { terminal: true, env: { NO_COLOR: '' } }, expect: RED },
    { name: 'a dumb terminal has none', setting: { terminal: true, env: { TERM: 'dumb' } }, expect: 'no\n' },
    { name: '--color never', setting: { terminal: true, color: 'never' }, expect: 'no\n' },
    {
      name: '--color always goes before NO_COLOR',
      setting: { color: 'always', env: { NO_COLOR: '1' } },
      expect: RED,
    },
  ];
  for (const { name, setting, expect } of cases) {
    test(name, () => {
      const { stdout } = written(setting, (out) => out.result(out.paint('error', 'no')));
      assert.equal(stdout, expect);
    });
  }
});

describe('hostile text', () => {
  const hostile = 'a\u001b[2Jb\u0007\r\u009b31mc\u202ed\u001b]0;title\u0007';

  test('reaches no pipe with a control byte in it', () => {
    const { stdout, stderr } = written({}, (out) => {
      out.result(hostile);
      out.event(hostile);
    });
    for (const text of [stdout, stderr]) assert.doesNotMatch(text.replace(/\n$/, ''), /[\p{Cc}\u202e]/u);
  });

  test('reaches no terminal with a sequence that is not our own colour', () => {
    const { stdout } = written({ terminal: true }, (out) => out.result(hostile + out.paint('bold', 'x')));
    assert.equal(stdout, 'a·[2Jb··\u00b731mc·d·]0;title·\u001b[1mx\u001b[22m\n');
  });
});

describe('--json', () => {
  test('writes one document a line to standard output, with secrets masked in values and keys, and nothing else', () => {
    const { stdout, stderr } = written({ json: true, terminal: true }, (out) => {
      out.hide('hunter22');
      out.result('for people');
      out.event('for people');
      out.document('tandem.test', 3, { list: ['hunter22', { hunter22: 1 }], none: null });
    });
    const expected = { format: 'tandem.test', version: 3, list: ['(sensitive)', { '(sensitive)': 1 }], none: null };
    assert.deepEqual(JSON.parse(stdout), expected);
    assert.equal(stdout.split('\n').length, 2);
    assert.equal(stderr, '');
  });

  test('gives problems as a document', () => {
    const problem: Problem = { code: 'conf-value', severity: 'error', message: 'too big' };
    const { stdout } = written({ json: true }, (out) => out.problems([problem]));
    assert.deepEqual(JSON.parse(stdout), { format: 'tandem.problems', version: 1, problems: [problem] });
  });

  test('documents are not for people', () => {
    const { stdout, stderr } = written({}, (out) => out.document('tandem.test', 1, {}));
    assert.deepEqual([stdout, stderr], ['', '']);
  });
});

test('a problem shows its line with the secret in it masked and the caret below its place', () => {
  const at = { file: 'pairs/a.yaml', line: 1, column: 12, length: 8 };
  const { stderr } = written({}, (out) => {
    out.hide('hunter22');
    out.problems([{ code: 'conf-value', severity: 'error', message: 'bad', at }], () => 'auth_pass: hunter22\n');
  });
  assert.equal(
    stderr,
    [
      'error[conf-value]: bad',
      '  --> pairs/a.yaml:1:12',
      '  |',
      '1 | auth_pass: ********',
      '  |            ^^^^^^^^',
      '',
      '',
    ].join('\n'),
  );
});
