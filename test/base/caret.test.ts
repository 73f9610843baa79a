import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatProblem } from '../../src/base/caret.ts';

/** The shown line and the line of carets, for the mark in a line. */
function carets(line: string, marked: string): readonly string[] {
  const at = { file: 'f', line: 1, column: line.indexOf(marked) + 1, length: marked.length };
  const text = formatProblem({ code: 'yaml-syntax', severity: 'error', message: 'x', at }, () => `${line}\nnext`);
  return text
    .split('\n')
    .slice(-2)
    .map((shown) => shown.slice('1 | '.length));
}

for (const { what, line, marked, says } of [
  { what: 'plain text', line: 'key: value', marked: 'value', says: ['key: value', '     ^^^^^'] },
  { what: 'tabs, one column each', line: '\tkey:\tvalue', marked: 'value', says: [' key: value', '      ^^^^^'] },
  { what: 'a line that ends in CRLF', line: 'key: value\r', marked: 'value', says: ['key: value', '     ^^^^^'] },
  { what: 'wide letters', line: 'a: [東京, xy]', marked: 'xy', says: ['a: [東京, xy]', '          ^^'] },
  { what: 'wide letters under the caret', line: 'a: 東京', marked: '東京', says: ['a: 東京', '   ^^^^'] },
  { what: 'emoji', line: 'a: 😀 b', marked: 'b', says: ['a: 😀 b', '      ^'] },
  { what: 'letters with combining marks', line: 'e\u0301: x', marked: 'x', says: ['e\u0301: x', '   ^'] },
  { what: 'a byte order mark', line: '\ufeffkey: x', marked: 'x', says: ['\ufeffkey: x', '     ^'] },
  { what: 'a place past the end of its line', line: 'abc', marked: '', says: ['abc', '^'] },
]) {
  test(`the caret stands under what is meant: ${what}`, () => assert.deepEqual(carets(line, marked), says));
}

test('of a very long line the part around the place is shown', () => {
  const [shown, mark] = carets(`${'x'.repeat(500)}HERE${'y'.repeat(500)}`, 'HERE');
  assert.ok(shown!.length <= 160);
  assert.equal(shown!.slice(mark!.indexOf('^'), mark!.lastIndexOf('^') + 1), 'HERE');
});
