import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT, exitCodeOf, isWorldFailure, Stop, worse } from '../../src/commands/exit.ts';
import { RemoteError } from '../../src/router/remote.ts';

test('of several ends the worst counts: 9 beats 3 beats 4, and nothing hides behind 0', () => {
  assert.equal(worse(EXIT.someFailed, EXIT.inconsistent), EXIT.inconsistent);
  assert.equal(worse(EXIT.rolledBack, EXIT.someFailed), EXIT.someFailed);
  for (const code of Object.values(EXIT)) assert.equal(worse(code, EXIT.done), code);
  for (const a of Object.values(EXIT)) {
    for (const b of Object.values(EXIT)) assert.equal(worse(a, b), worse(b, a));
  }
});

test('an error picks its exit code and whether its stack is shown', () => {
  const cases: readonly [error: Error, code: number, world: boolean][] = [
    [new Stop(EXIT.refused, 'needs --allow failover'), 8, false],
    [new RemoteError('unreachable', 'r1', 'no route'), 7, true],
    [new RemoteError('sudo', 'r1', 'wrong password'), 1, true],
    [new Error('reading x', { cause: new Error('gone') }), 1, true],
    [new TypeError('x is not a function'), 1, false],
  ];
  for (const [error, code, world] of cases) {
    assert.equal(exitCodeOf(error), code, error.message);
    assert.equal(isWorldFailure(error), world, error.message);
  }
});
