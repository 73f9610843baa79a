import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planDocument } from '../../src/plan/document.ts';
import { type PairPlan, type Verdict, verdictOf } from '../../src/plan/plan.ts';
import { printPlans } from '../../src/plan/print.ts';
import { backup, conf, planOf, running, type Side, TWO } from './pair.ts';

const plain = (_style: unknown, text: string): string => text;

const idle: readonly [Side, Side] = [
  { before: conf(150), after: conf(150) },
  { before: conf(100), after: conf(100) },
];
const half: readonly [Side, Side] = [
  { before: conf(150, '', TWO), after: conf(150) },
  { before: conf(100, '', TWO), after: conf(100) },
];
const verdicts: readonly [string, PairPlan, Verdict, string][] = [
  ['nothing differs', planOf(...idle), 'in-order', '1 pair, nothing to do'],
  ['something is to be done', planOf(running, backup), 'changes', '1 pair, 1 change, highest class hot, no failover'],
  [
    'something waits to be allowed',
    planOf(...half),
    'changes',
    '1 pair, 1 change, highest class sync, no failover, needs --allow withdraw',
  ],
  [
    'nothing is to be done and both are MASTER',
    planOf(idle[0], { ...idle[1], state: 'MASTER' }),
    'drift',
    '1 pair with drift and nothing to apply',
  ],
  [
    'something is to be done and both are MASTER',
    planOf(running, { ...backup, state: 'MASTER' }),
    'blocked',
    '1 pair blocked',
  ],
  [
    'nothing is to be done and a daemon is not there',
    planOf(idle[0], { ...idle[1], observed: { daemon: { kind: 'absent' } } }),
    'blocked',
    '1 pair blocked',
  ],
  [
    'one does not answer',
    planOf(idle[0], { ...idle[1], unreachable: 'no route' }),
    'unreachable',
    '1 pair unreachable',
  ],
  [
    'one does not answer and the other is blocked',
    planOf({ ...idle[0], observed: { daemon: { kind: 'absent' } } }, { ...idle[1], unreachable: 'no route' }),
    'unreachable',
    '1 pair unreachable',
  ],
];
for (const [what, plan, verdict, says] of verdicts)
  test(`text and document say the same where ${what}: ${verdict}`, () => {
    assert.equal(verdictOf(plan), verdict);
    assert.equal(planDocument([plan], 0).pairs[0]!.verdict, verdict);
    assert.equal(printPlans([plan], plain).split('\n').at(-1), `Plan: ${says}.`);
  });

test('of many pairs each is counted once, and what is blocked is no part of what would be done', () => {
  const text = printPlans(
    verdicts.map(([, plan]) => plan),
    plain,
  );
  assert.equal(
    text.split('\n').at(-1),
    'Plan: 2 pairs, 2 changes, highest class sync, no failover, needs --allow withdraw. 1 pair with drift and nothing to apply. 2 pairs blocked. 2 pairs unreachable.',
  );
});
