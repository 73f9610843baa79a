import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ms } from '../../src/base/units.ts';
import type { Move, Schedule } from '../../src/plan/schedule.ts';
import { type Action, begin, type Event, type Outcome, type State, step } from '../../src/rollout/step.ts';

/**
 * The machine is explored whole: at every action every answer that a router, the network or the clock can give is
 * tried, and the order in which answers arrive too. The routers of this world know what they really run.
 */
interface World {
  readonly state: State;
  /** What each router really runs: what the machine may not know. */
  readonly truth: Readonly<Record<string, number>>;
  /** Actions under way. */
  readonly open: readonly Action[];
  readonly now: number;
  readonly faults: number;
  readonly log: readonly string[];
  readonly outcome?: Outcome;
  readonly signalled: boolean;
  readonly restored: boolean;
  /** Once is enough: the machine is on its way back from then on. */
  readonly interrupted: boolean;
  readonly staged: readonly string[];
}

/** More than two faults in one rollout add no new paths and cost time. */
const FAULTS_MAX = 2;

const A = 'a';
const B = 'b';
const schedules: readonly { name: string; moves: readonly Move[] }[] = [
  { name: 'nothing to do', moves: [] },
  { name: 'hot: one after the other', moves: [reload([B], 1), reload([A], 1)] },
  { name: 'sync: both within the window', moves: [reload([A, B], 1)] },
  { name: 'staged: two generations', moves: [reload([B], 1), reload([A], 1), reload([B], 2), reload([A], 2)] },
  { name: 'one router only', moves: [reload([B], 1)] },
  { name: 'text only', moves: [{ kind: 'write', routers: [A, B], generation: 1 }] },
  {
    name: 'bring-up',
    moves: [
      { kind: 'start', routers: [A], generation: 1 },
      { kind: 'start', routers: [B], generation: 1 },
    ],
  },
  {
    name: 'the daemon of both replaced, the MASTER relieved before',
    moves: [replace(B, 2), takeOver(B, 3), replace(A, 2), reload([B], 4)],
  },
  { name: 'the daemon of the BACKUP replaced', moves: [replace(B, 2)] },
  {
    name: 'the daemon of both replaced, and both are MASTER of something',
    moves: [takeOver(A, 1), replace(B, 2), takeOver(B, 3), replace(A, 4), reload([B], 4)],
  },
];

function replace(router: string, generation: number): Move {
  return { kind: 'replace', routers: [router], generation };
}

function takeOver(router: string, generation: number): Move {
  return { kind: 'take-over', routers: [router], generation };
}

function reload(routers: string[], generation: number): Move {
  return { kind: 'reload', routers, generation };
}

for (const { name, moves } of schedules) {
  test(`every run of "${name}" ends, and never says more than is so`, () => {
    const schedule: Schedule = { pair: 'core', routers: [A, B], moves, window: ms(1000) };
    const ends = new Map<string, number>();
    const goal = Object.fromEntries(
      [A, B].map((r) => [r, Math.max(0, ...moves.filter((m) => m.routers.includes(r)).map((m) => m.generation))]),
    );
    explore(start(schedule), (world) => {
      const outcome = world.outcome!;
      ends.set(outcome.kind, (ends.get(outcome.kind) ?? 0) + 1);
      check(world, outcome, goal);
    });
    assert.ok((ends.get('done') ?? 0) > 0, 'without a fault the rollout is done');
    if (moves.length > 0) {
      assert.ok((ends.get('rolled-back') ?? 0) > 0);
      assert.ok((ends.get('inconsistent') ?? 0) > 0);
      assert.ok((ends.get('refused') ?? 0) > 0);
    }
  });
}

test('a timer that is early by a fraction is set again, and only where a window is open', () => {
  const schedule: Schedule = { pair: 'core', routers: [A, B], moves: [reload([A, B], 1)], window: ms(1000.5) };
  const moving = (of: Schedule): State =>
    [A, B].reduce((world, router) => feed(world, { kind: 'ready', router }), start(of)).state;
  const early = step(moving(schedule), { kind: 'timer' }, ms(1000));
  assert.deepEqual(early.actions, [{ kind: 'wake', at: 1000.5 }]);
  assert.equal(step(early.state, { kind: 'timer' }, ms(1000.5)).state.phase, 'undoing');
  const alone: Schedule = { ...schedule, moves: [reload([A], 1), reload([B], 1)] };
  assert.deepEqual(step(moving(alone), { kind: 'timer' }, ms(1000)).actions, []);
});

test('the window closes with one answer missing: the router that answered is restored at once', () => {
  const schedule: Schedule = { pair: 'core', routers: [A, B], moves: [reload([A, B], 1)], window: ms(1000) };
  let world = start(schedule);
  for (const router of [A, B]) world = feed(world, { kind: 'ready', router });
  world = feed({ ...world, now: 10 }, { kind: 'moved', router: A });
  const { state, actions } = step(world.state, { kind: 'timer' }, ms(1000));
  assert.deepEqual(actions, [{ kind: 'restore', router: A, signal: true }]);
  assert.match(state.findings[0]!.message, /within 1000 ms: b has not answered after 1000 ms/);
});

test('a proof that was under way when the pair began to go back proves nothing', () => {
  const schedule: Schedule = { pair: 'core', routers: [A, B], moves: [reload([B], 1)], window: ms(0) };
  let world = start(schedule);
  for (const router of [A, B]) world = feed(world, { kind: 'ready', router });
  world = feed(world, { kind: 'moved', router: B });
  for (const event of [{ kind: 'interrupt' }, { kind: 'restored', router: B }] as const) world = feed(world, event);
  const early = feed(world, { kind: 'proof', index: 0, proof: { kind: 'proven' } });
  assert.equal(early.outcome, undefined);
  const proven = feed(early, { kind: 'proof', index: undefined, proof: { kind: 'proven' } });
  assert.deepEqual(proven.outcome, { kind: 'rolled-back', findings: [{ message: 'interrupted' }] });
});

test('both routers refuse a stale plan, one after the other: nothing was changed, and the plan is stale', () => {
  const schedule: Schedule = { pair: 'core', routers: [A, B], moves: [reload([A, B], 1)], window: ms(1000) };
  let world = start(schedule);
  for (const router of [A, B]) world = feed(world, { kind: 'ready', router });
  for (const router of [A, B])
    world = feed(world, { kind: 'refused', router, findings: [finding(router)], stale: true });
  assert.deepEqual(world.outcome, { kind: 'refused', stale: true, findings: [finding(A), finding(B)] });
});

test('replaced daemons are put back one after the other, and where one is not back the other keeps what it runs', () => {
  const moves = [replace(B, 2), takeOver(B, 3), replace(A, 2)];
  const schedule: Schedule = { pair: 'core', routers: [A, B], moves, window: ms(0) };
  let world = start(schedule);
  for (const router of [A, B]) world = feed(world, { kind: 'ready', router });
  for (let move = 0; move < 2; move++) {
    world = feed(world, { kind: 'moved', router: B });
    world = feed(world, { kind: 'proof', index: move, proof: { kind: 'proven' } });
  }
  const lost = step(world.state, { kind: 'lost', router: A, finding: finding(A) }, ms(0));
  assert.deepEqual(lost.actions, [{ kind: 'restore', router: A, signal: true }]);
  const back = step(lost.state, { kind: 'restored', router: A }, ms(0));
  assert.deepEqual(back.actions, [{ kind: 'restore', router: B, signal: true }]);
  const gone = step(lost.state, { kind: 'not-restored', router: A, finding: finding(A) }, ms(0));
  assert.deepEqual(gone.actions, [
    {
      kind: 'end',
      outcome: { kind: 'inconsistent', findings: [finding(A), finding(A)], runs: { [A]: 'unknown', [B]: 3 } },
    },
  ]);
});

function check(world: World, outcome: Outcome, goal: Readonly<Record<string, number>>): void {
  const why = `${outcome.kind} after ${world.log.join(', ')}; truth ${JSON.stringify(world.truth)}`;
  switch (outcome.kind) {
    case 'done':
    case 'surprised':
      assert.deepEqual(world.truth, goal, why);
      break;
    case 'rolled-back':
      assert.deepEqual(world.truth, { [A]: 0, [B]: 0 }, why);
      assert.ok(outcome.findings.length > 0, why);
      assert.ok(world.restored, `there was something to go back from: ${why}`);
      break;
    case 'refused':
      assert.deepEqual(world.truth, { [A]: 0, [B]: 0 }, why);
      assert.ok(!world.signalled, why);
      break;
    case 'inconsistent':
      for (const [router, runs] of Object.entries(outcome.runs)) {
        if (runs !== 'unknown') assert.equal(world.truth[router], runs, why);
      }
      assert.ok(outcome.findings.length > 0, why);
  }
  assert.deepEqual(world.open, [], `nothing is under way at the end: ${why}`);
}

function start(schedule: Schedule): World {
  const world: World = {
    state: begin(schedule),
    truth: { [A]: 0, [B]: 0 },
    open: [],
    now: 0,
    faults: 0,
    log: [],
    signalled: false,
    restored: false,
    interrupted: false,
    staged: [],
  };
  return feed(world, { kind: 'begin' });
}

function feed(world: World, event: Event): World {
  const { state, actions } = step(world.state, event, ms(world.now));
  const log = [...world.log, event.kind + ('router' in event ? ` ${event.router}` : '')];
  const end = actions.find((a) => a.kind === 'end');
  const undone = end?.outcome.kind === 'rolled-back' || end?.outcome.kind === 'inconsistent';
  const open = [...world.open, ...actions.filter((a) => a.kind !== 'end')];
  const staged = event.kind === 'ready' ? [...world.staged, event.router].sort() : world.staged;
  if (actions.some((a) => a.kind === 'move')) assert.deepEqual(staged, [A, B], 'both were ready');
  return {
    ...world,
    state,
    log,
    staged,
    // A proof that was given up for an undo may still be on its way.
    open: end
      ? open.filter((a) => a.kind !== 'wake' && !(undone && a.kind === 'prove' && a.index !== undefined))
      : open,
    ...(end && { outcome: end.outcome }),
  };
}

function explore(world: World, done: (world: World) => void): void {
  if (world.outcome) {
    done(world);
    return;
  }
  assert.ok(world.open.length > 0, `the machine waits for something: ${world.log.join(', ')}`);
  for (const [i, action] of world.open.entries()) {
    const rest: World = { ...world, open: world.open.filter((_, j) => j !== i), now: world.now + 1 };
    for (const next of answers(rest, action)) explore(next, done);
  }
  if (world.faults < FAULTS_MAX && !world.interrupted) {
    explore(feed({ ...world, faults: world.faults + 1, interrupted: true }, { kind: 'interrupt' }), done);
  }
}

const finding = (router: string) => ({ message: `trouble on ${router}`, router });

function answers(world: World, action: Action): World[] {
  const fault = { ...world, faults: world.faults + 1 };
  const mayFail = world.faults < FAULTS_MAX;
  switch (action.kind) {
    case 'stage': {
      const { router } = action;
      const ready = feed(world, { kind: 'ready', router });
      return mayFail ? [ready, feed(fault, { kind: 'not-ready', router, findings: [finding(router)] })] : [ready];
    }
    case 'move': {
      const { router, move } = action;
      const made = { ...world, signalled: true, truth: { ...world.truth, [router]: move.generation } };
      const outcomes = [feed(made, { kind: 'moved', router })];
      if (!mayFail) return outcomes;
      return [
        ...outcomes,
        feed(fault, { kind: 'refused', router, findings: [finding(router)], stale: true }),
        feed(fault, { kind: 'lost', router, finding: finding(router) }),
        feed({ ...made, faults: fault.faults }, { kind: 'lost', router, finding: finding(router) }),
      ];
    }
    case 'restore': {
      const { router } = action;
      const back = feed(
        { ...world, restored: true, truth: { ...world.truth, [router]: 0 } },
        { kind: 'restored', router },
      );
      if (!mayFail) return [back];
      return [
        back,
        feed(fault, { kind: 'not-restored', router, finding: finding(router) }),
        feed(fault, { kind: 'not-reached', router, finding: finding(router) }),
      ];
    }
    case 'prove': {
      const { index } = action;
      const good = feed(world, { kind: 'proof', index, proof: { kind: 'proven' } });
      if (!mayFail) return [good];
      const findings = [finding(A)];
      return [
        good,
        feed(fault, { kind: 'proof', index, proof: { kind: 'unproven', findings } }),
        feed(fault, { kind: 'proof', index, proof: { kind: 'surprised', findings } }),
      ];
    }
    case 'wake':
      // The clock may strike now or, as a timer that no longer matters, after everything else.
      return [feed({ ...world, now: Math.max(world.now, action.at), faults: world.faults }, { kind: 'timer' })];
    case 'end':
      throw new Error('an end is not under way');
  }
}
