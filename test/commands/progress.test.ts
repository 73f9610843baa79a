import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createOutput, type Output } from '../../src/commands/output.ts';

interface Place {
  readonly terminal: boolean;
  readonly term?: string;
  readonly json?: boolean;
  readonly columns?: number;
}

/** What lies on standard error; time is `clock.now`. */
function errorsOf(place: Place, use: (out: Output, clock: { now: number }) => void): string {
  const texts: string[] = [];
  const clock = { now: 0 };
  const stderr = { isTerminal: place.terminal, columns: place.columns, write: (text: string) => void texts.push(text) };
  const stdout = { isTerminal: false, write: () => {} };
  const env = { TERM: place.term ?? 'xterm', NO_COLOR: '1' };
  const out = createOutput({ stdout, stderr, env, color: 'auto', json: place.json ?? false, now: () => clock.now });
  use(out, clock);
  return texts.join('');
}

/** Takes the moving line back; what stands after the last one stays. */
const CLEAR = '\r\u001b[K';

test('on a terminal one line moves, for all that goes on; events go above it, and it is gone in the end', () => {
  const text = errorsOf({ terminal: true }, (out) => {
    out.progress('a', '1 of 9 MB');
    out.progress('b', '2 of 9 MB');
    out.event('an event');
    out.progress('a', undefined);
    out.progress('b', undefined);
    out.event('done');
  });
  assert.deepEqual(text.split(CLEAR), [
    'a 1 of 9 MB',
    'a 1 of 9 MB   b 2 of 9 MB',
    'an event\na 1 of 9 MB   b 2 of 9 MB',
    'b 2 of 9 MB',
    'done\n',
  ]);
});

test('on a narrow terminal the line is cut, so that all of it can be taken back', () => {
  const text = errorsOf({ terminal: true, columns: 8 }, (out) => out.progress('a', '1 of 9 MB'));
  assert.equal(text, 'a 1 of ');
});

test('elsewhere, and on a terminal that cannot go back, there is a plain line every ten seconds', () => {
  for (const place of [{ terminal: false }, { terminal: true, term: 'dumb' }]) {
    const text = errorsOf(place, (out, clock) => {
      for (let second = 0; second <= 25; second++) {
        clock.now = second * 1000;
        out.progress('a', `${second} of 25 MB`);
      }
      out.progress('a', undefined);
      clock.now += 60_000;
      out.progress('a', '0 of 25 MB');
    });
    assert.equal(text, 'a 10 of 25 MB\na 20 of 25 MB\n');
  }
});

test('it hides secrets and control bytes as everything else does, and is silent under --json', () => {
  const use = (out: Output) => {
    out.hide('hunter22');
    out.progress('hunter22', '\u001b[2J1 of 2');
  };
  assert.equal(errorsOf({ terminal: true }, use), '(sensitive) ·[2J1 of 2');
  assert.equal(errorsOf({ terminal: true, json: true }, use), '');
});
