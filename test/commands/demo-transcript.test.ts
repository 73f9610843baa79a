import assert from 'node:assert/strict';
import { test } from 'node:test';
import { transcript } from '../../src/commands/demo/transcript.ts';

function shownOf(before: readonly string[], ...pieces: readonly string[]): readonly string[] {
  const shown: string[] = [];
  const { stream, end } = transcript(before, (line) => shown.push(line));
  const write = stream();
  for (const piece of pieces) write(piece);
  const all = end();
  assert.equal(all.join('\n'), pieces.join('').replace(/\n$/, ''), 'every line is told at the end');
  return shown;
}

test('lines are shown as they come, wherever the output was cut', () => {
  assert.deepEqual(shownOf([], 'a\nb', 'c\n', 'd'), ['a', 'bc', 'd']);
});

test('what the command before had printed is not repeated', () => {
  assert.deepEqual(shownOf(['a', 'b'], 'a\n', 'b\nc\n'), ['(as above)', 'c']);
  assert.deepEqual(shownOf(['a', 'b'], 'a\nb\n'), ['(as above)']);
});

test('a beginning that only looks like it is shown whole', () => {
  assert.deepEqual(shownOf(['a', 'b'], 'a\nc\n'), ['a', 'c']);
  assert.deepEqual(shownOf(['a', 'b'], 'a\n'), ['a']);
  assert.deepEqual(shownOf(['a'], ''), []);
});
