import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exitOf } from '../../src/commands/plan.ts';
import { VERDICTS } from '../../src/plan/plan.ts';

test('plan ends with what apply would end with where it would refuse, and tells changes from none where asked', () => {
  const codes = VERDICTS.map((verdict) => [verdict, exitOf(verdict, false), exitOf(verdict, true)]);
  assert.deepEqual(codes, [
    ['unreachable', 7, 7],
    ['blocked', 8, 8],
    ['changes', 0, 2],
    ['drift', 0, 2],
    ['in-order', 0, 0],
  ]);
});
