import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bug, isBug } from '../../src/base/assert.ts';
import { EXIT, exitCodeOf, Stop, worse } from '../../src/commands/exit.ts';
import { RemoteError } from '../../src/router/remote.ts';

test('of several ends the worst counts: 9 beats 3 beats 4, and nothing hides behind 0', () => {
  assert.equal(worse(EXIT.someFailed, EXIT.inconsistent), EXIT.inconsistent);
  assert.equal(worse(EXIT.rolledBack, EXIT.someFailed), EXIT.someFailed);
  for (const code of Object.values(EXIT)) assert.equal(worse(code, EXIT.done), code);
  for (const a of Object.values(EXIT)) {
    for (const b of Object.values(EXIT)) assert.equal(worse(a, b), worse(b, a));
  }
});

test('an error picks its exit code, and only our own bugs show their stack', () => {
  const cases: readonly [error: Error, code: number, bug: boolean][] = [
    [new Stop(EXIT.refused, 'needs --allow failover'), 8, false],
    [new RemoteError('unreachable', 'r1', 'no route'), 7, false],
    [new RemoteError('sudo', 'r1', 'wrong password'), 1, false],
    [new Error('reading x', { cause: new Error('gone') }), 1, false],
    [new Bug('assertion failed: a'), 1, true],
    [new TypeError('x is not a function'), 1, true],
  ];
  for (const [error, code, bug] of cases) {
    assert.equal(exitCodeOf(error), code, error.message);
    assert.equal(isBug(error), bug, error.message);
  }
});
