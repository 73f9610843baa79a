/** Plans of pairs that run tandemd. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { printPlans } from '../../src/plan/print.ts';
import { conf, planOf, type Side } from './pair.ts';

const side = (priority: number, more: Partial<Side> = {}): Side => ({
  before: conf(priority),
  after: conf(priority),
  engine: 'tandemd',
  ...more,
});

describe('a pair on tandemd', () => {
  test('nothing is to be done where both run what they shall', () => {
    const plan = planOf(side(150), side(100));
    assert.deepEqual([plan.changes, plan.blocks, plan.schedule?.moves], [[], [], []]);
  });

  test('what tandemd runs on is compared as its printer writes it: a secret, an order and a comment are no change', () => {
    const auth = 'authentication {\n auth_type PASS\n auth_pass secret12\n }';
    const [before, after] = [conf(150, auth), `# a comment\n${conf(150, auth)}`];
    const { reading } = planOf(side(150, { before, after }), side(100)).nodes[0];
    assert.ok(reading.kind === 'read' && reading.observed.daemon.kind === 'running');
    const daemon = { ...reading.observed.daemon, loaded: { text: before, at: 0, whole: true } };
    const plan = planOf(
      side(150, { before, after, observed: { daemon } }),
      side(100, { before: conf(100, auth), after: conf(100, auth) }),
    );
    assert.deepEqual(plan.changes, []);
    assert.deepEqual(plan.schedule?.moves, [{ kind: 'write', routers: ['a'], generation: 1 }]);
  });

  test('where only one router changes, nothing is said of who goes first', () => {
    const plan = planOf(side(150, { after: conf(150, 'garp_master_delay 2') }), side(100));
    assert.match(
      printPlans([plan], (_style, text) => text),
      /^Order {2}a -> prove$/m,
    );
  });

  test("its own lines count on tandemd and are no keepalived's business", () => {
    const text = `global_defs {\n @tandemd tandem_grace 60\n}\n${conf(150)}`;
    const ours = planOf(side(150, { after: text }), side(100));
    assert.deepEqual(
      ours.changes.map(({ change }) => change?.text),
      ['tandem_grace 60'],
    );
    assert.equal(ours.impact?.class, 'hot');
    const theirs = planOf(side(150, { after: text, engine: 'keepalived' }), side(100, { engine: 'keepalived' }));
    assert.deepEqual(theirs.changes, []);
  });

  test('both engines at once on a router block with a code of their own, and each is named', () => {
    const engines = [
      { engine: 'keepalived', pid: 20, startTime: '1', unit: 'keepalived.service' },
      { engine: 'tandemd', pid: 10, startTime: '1' },
    ] as const;
    const observed = { daemon: { kind: 'unknown', reason: 'several daemons', engines } } as const;
    const [block] = planOf(side(150, { observed }), side(100)).blocks;
    assert.equal(block?.code, 'plan-two-engines');
    assert.match(block.message, /a runs keepalived 20 \(keepalived\.service\) and tandemd 10 side by side/);
  });
});
