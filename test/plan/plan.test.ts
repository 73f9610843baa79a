import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ms } from '../../src/base/units.ts';
import { planDocument, planSchema, planSchemaFile } from '../../src/plan/document.ts';
import { hasChanges, type PairPlan } from '../../src/plan/plan.ts';
import { printPlans } from '../../src/plan/print.ts';
import { backup, conf, planBoth, planOf, running, type Side, TWO } from './pair.ts';

const plain = (_style: unknown, text: string): string => text;

/** Moves in a line: `reload b, reload a`, `reload a+b`, `write a+b`, `start a`. */
const moves = (plan: PairPlan): string =>
  (plan.schedule?.moves ?? []).map((m) => `${m.kind} ${m.routers.join('+')}`).join(', ');

const orders: readonly { name: string; plan: PairPlan; class: string; moves: string; allow?: string }[] = [
  {
    name: 'nothing',
    plan: planBoth(
      (p) => conf(p),
      (p) => conf(p),
    ),
    class: 'none',
    moves: '',
  },
  {
    name: 'a comment',
    plan: planBoth(
      (p) => conf(p),
      (p) => `# text\n${conf(p)}`,
    ),
    class: 'none',
    moves: 'write a+b',
  },
  {
    name: 'the order of VIPs',
    plan: planBoth(
      (p) => conf(p, '', TWO),
      (p) => conf(p, '', '192.0.2.2/24 dev lan0, 192.0.2.1/24 dev lan0'),
    ),
    class: 'none',
    moves: 'write a+b',
  },
  {
    name: 'a garp timer',
    plan: planBoth(
      (p) => conf(p),
      (p) => conf(p, 'garp_master_delay 2'),
    ),
    class: 'hot',
    moves: 'reload b, reload a',
  },
  {
    name: 'an advertised VIP on 2.2.7',
    plan: planBoth(
      (p) => conf(p),
      (p) => conf(p, '', TWO),
    ),
    class: 'sync',
    moves: 'reload b+a',
  },
  {
    name: 'the password',
    plan: planBoth(
      (p) => conf(p, 'authentication {\n auth_type PASS\n auth_pass one\n }'),
      (p) => conf(p, 'authentication {\n auth_type PASS\n auth_pass two\n }'),
    ),
    class: 'sync',
    moves: 'reload b+a',
  },
  {
    name: 'routers that run nothing',
    plan: planOf({ after: conf(150) }, { after: conf(100) }),
    class: 'hot',
    moves: 'start a, start b',
    allow: 'bring-up',
  },
  {
    name: 'half of the VIPs taken away',
    plan: planBoth(
      (p) => conf(p, '', TWO),
      (p) => conf(p),
    ),
    class: 'sync',
    moves: 'reload b+a',
    allow: 'withdraw',
  },
];

for (const row of orders) {
  test(`a plan says class, order and what must be allowed: ${row.name}`, () => {
    assert.equal(row.plan.impact?.class, row.class);
    assert.equal(moves(row.plan), row.moves);
    assert.equal(row.plan.allow.join(','), row.allow ?? '');
    assert.deepEqual(row.plan.blocks, []);
    assert.equal(hasChanges(row.plan), row.moves !== '');
  });
}

test('a window that an answer cannot meet blocks a change of both', () => {
  const slow: Partial<Side> = { observed: { clock: { offset: ms(0), uncertainty: ms(3000) } } };
  const [before, after] = [(p: number) => conf(p), (p: number) => conf(p, '', TWO)];
  const plan = planOf(
    { before: before(150), after: after(150), ...slow },
    { before: before(100), after: after(100), ...slow },
  );
  assert.deepEqual(
    plan.blocks.map((block) => block.code),
    ['plan-window-too-small'],
  );
});

test('a live file with lines that keepalived skips is compared without them, and the plan says so', () => {
  const plan = planOf({ ...running, before: conf(150, '', '192.0.2.1/24 dev lan0, 10.0.0.300 dev lan0') }, backup);
  assert.deepEqual(
    plan.warnings.map((w) => w.code),
    ['plan-live-file-unread'],
  );
});

test('the way back swaps what is added and what is removed', () => {
  const [before, after] = [(p: number) => conf(p), (p: number) => conf(p, '', TWO)];
  const sides = [
    { before: before(150), after: after(150) },
    { before: before(100), after: after(100) },
  ] as const;
  assert.deepEqual(
    planOf(...sides).changes.map((c) => c.change?.op),
    ['add'],
  );
  assert.deepEqual(
    planOf(...sides, true).changes.map((c) => c.change?.op),
    ['remove'],
  );
});

test('a pair that runs nothing has no way back, and none is made up', () => {
  const plan = planOf({ after: conf(150) }, { after: conf(100) }, true);
  assert.deepEqual(
    plan.blocks.map(({ code }) => code),
    ['plan-no-way-back', 'plan-no-way-back'],
  );
  const text = printPlans([plan], plain);
  assert.doesNotMatch(text, /bring-up|no failover|Order/);
  assert.match(text, /^Plan: 1 pair blocked\.$/m);
});

test('a bring-up has no class, so the summary names none', () => {
  const text = printPlans([planOf({ after: conf(150) }, { after: conf(100) })], plain);
  assert.match(text, /highest class bring-up, /);
});

test('equal diffs of many pairs are printed once, with the list of their members (F27)', () => {
  const one = planBoth(
    (p) => conf(p),
    (p) => conf(p, '', TWO),
  );
  const many = Array.from({ length: 5000 }, (_, i) => rename(one, `dc${i}`));
  const text = printPlans(many, plain);
  assert.equal(text.match(/\+ vip/g)?.length, 1);
  assert.match(text, /The same for 5000 pairs: dc0, dc1, .* and 4988 more/);
  assert.match(text, /Plan: 5000 pairs, 5000 changes, highest class sync, no failover/);
});

test('diffs that differ in how well the clocks are known alone are equal, and the least time is shown; labels are none of it', () => {
  const known = (uncertainty: number, label: string): PairPlan => {
    const observed = { clock: { offset: ms(0), uncertainty: ms(uncertainty) } };
    const text = (priority: number) =>
      conf(priority, '', `192.0.2.1/24 dev lan0, 192.0.2.2/24 dev lan0 label ${label}`);
    return planOf({ before: conf(150), after: text(150), observed }, { before: conf(100), after: text(100), observed });
  };
  const text = (...plans: PairPlan[]) => printPlans(plans, plain);
  const budget = (plan: string) => /within (\d+) ms/.exec(plan)?.[1];
  const both = text(rename(known(5, 'lan0:1'), 'dc1'), rename(known(50, 'lan0:1'), 'dc2'));
  assert.match(both, /The same for 2 pairs: dc1, dc2/);
  assert.equal(budget(both), budget(text(known(50, 'lan0:1'))));
  assert.notEqual(budget(both), budget(text(known(5, 'lan0:1'))));
  for (const label of ['NAME:1', 'lan0:NAME']) {
    const [one, two] = ['dc1', 'dc2'].map((name) => rename(known(5, label.replace('NAME', name)), name));
    assert.doesNotMatch(text(one!, two!), /The same for/);
  }
});

/** The same plan for a pair and routers of other names. */
function rename(plan: PairPlan, name: string): PairPlan {
  return JSON.parse(
    JSON.stringify(plan, replacer)
      .replaceAll('"core"', `"${name}"`)
      .replaceAll('"a"', `"${name}-1"`)
      .replaceAll('"b"', `"${name}-2"`),
    reviver,
  ) as PairPlan;
}
const replacer = (_key: string, value: unknown) => (value instanceof Map ? { map: [...value] } : value);
const reviver = (_key: string, value: { map?: [unknown, unknown][] } | null) =>
  Array.isArray(value?.map) ? new Map(value.map) : value;

test('no secret stands in a plan, printed or as JSON', () => {
  const withPassword = (pass: string) => (p: number) =>
    conf(p, `authentication {\n auth_type PASS\n auth_pass ${pass}\n }`);
  const plan = planBoth(withPassword('canary1'), withPassword('canary2'));
  assert.doesNotMatch(printPlans([plan], plain) + JSON.stringify(planDocument([plan], 0)), /canary/);
  assert.match(printPlans([plan], plain), /auth_pass \(sensitive, changed\)/);
});

test('F19 of a few pairs the state is shown though nothing changes, of many only what is not as it shall be', () => {
  const idle = planBoth(
    (p) => conf(p),
    (p) => conf(p),
  );
  const head =
    /^core {3}a MASTER keepalived [\d.]+, holds 1 VIP \| b BACKUP keepalived [\d.]+, holds 0 VIPs {3}no drift$/m;
  assert.match(printPlans([idle], plain), head);
  assert.equal(printPlans(new Array(13).fill(idle), plain), 'Plan: 13 pairs, nothing to do.');
});

for (const [what, says, ends, b] of [
  ['that could not be read', 'unreachable', 'unreachable', { unreachable: 'no route' }],
  [
    'that runs what is not understood',
    'runs something unknown',
    'blocked',
    { observed: { daemon: { kind: 'unknown', reason: 'two' } } },
  ],
] as const)
  test(`of a pair with a router ${what} nothing is claimed`, () => {
    const wanted = conf(150, 'garp_master_delay 2');
    const text = printPlans([planOf({ before: conf(150), after: wanted }, { ...b, after: conf(100) })], plain);
    assert.match(text, new RegExp(`b ${says} {3}drift unknown\n`));
    assert.match(text, new RegExp(`^Plan: 1 pair ${ends}\\.$`, 'm'));
    assert.doesNotMatch(text, /no semantic change|no failover|no drift|bring-up|nothing to do/);
  });

test('what is wrong with both routers of a pair is said once', () => {
  const side = { before: conf(150), after: conf(150, 'garp_master_delay 2'), state: 'MASTER' } as const;
  const plan = planOf(side, side);
  assert.equal(plan.blocks.filter(({ code }) => code === 'plan-degraded').length, 1);
  assert.equal(printPlans([plan], plain).match(/^ {2}! /gm)?.length, 1);
});

test('the document says what plays into it on each router: SELinux, and who manages the devices', () => {
  const [a] = planDocument([planOf(running, backup)], 0).pairs[0]!.routers;
  assert.deepEqual([a!.selinux, a!.managers], ['disabled', { lan0: 'none', x0: 'none' }]);
});

test('every plan above fits the published schema, and the committed schema is current (F21)', () => {
  const plans = [...orders.map((row) => row.plan)];
  planSchema.parse({ format: 'tandem.plan', version: 1, ...planDocument(plans, 0) });
  const [name, text] = planSchemaFile();
  assert.equal(
    readFileSync(new URL(`../../schema/${name}`, import.meta.url), 'utf8'),
    text,
    'run: npm run tandem -- schema -o schema/',
  );
});

test('how soon the second router follows is said where there is a second one', () => {
  const sides = [running, { before: conf(100), after: conf(100) }] as const;
  assert.match(printPlans([planOf(...sides)], plain), /^Order {2}a -> prove$/m);
  const password = (pass: string) => conf(150, `authentication {\n auth_type PASS\n auth_pass ${pass}\n }`);
  const one = { before: password('one'), after: password('two') };
  assert.match(printPlans([planOf(one, sides[1])], plain), /^Order {2}a -> prove$/m);
  assert.match(printPlans([planOf(one, one)], plain), /^Order {2}b \+ a within \d+ ms -> prove {3}\S/m);
});
