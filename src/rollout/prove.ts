/** Looks at both routers until the pair is proven, or until it is clear that it will not be (docs/rollout.md). */
import { type Millis, ms } from '../base/units.ts';
import type { Transitions } from '../change/impact-model.ts';
import type { Observed } from '../change/observed.ts';
import type { Config } from '../keepalived/model.ts';
import { type Expected, type Finding, transitionsBetween, unheard, unsettled } from '../plan/proof.ts';
import type { Proof } from './step.ts';

export interface ProveInput {
  readonly expected: readonly Expected[];
  /** One look at both routers, in the order of `expected`. */
  readonly look: () => Promise<readonly Observed[]>;
  /** How long everything must hold without a break. */
  readonly holdFor: Millis;
  /** How long the pair may take to settle before that. */
  readonly settleFor: Millis;
  /** How long two MASTERs are waited for: each moment of it they answer for the same addresses. */
  readonly splitFor: Millis;
  /** Before the first move; with `predicted`, what is counted since then is held against it. */
  readonly baseline: readonly Observed[];
  /** By router, what it ran then, where that is not what it ran before everything. */
  readonly baselineRan?: ReadonlyMap<string, Config>;
  /** How often each instance became MASTER before the baseline. */
  readonly earlier?: Readonly<Record<string, number>>;
  /** Everything must have come to this router. */
  readonly master?: string;
  readonly predicted?: ReadonlyMap<string, Transitions>;
  readonly clock: Clock;
}

/** Our own monotonic clock. */
export interface Clock {
  now(): Millis;
  sleep(duration: Millis): Promise<void>;
}

/** Between two looks: each costs the routers a few processes, and a takeover lasts longer than this. */
const LOOK_EVERY = ms(300);

/** A longer gap between two looks (this machine stalled, or SSH did) could hide a takeover: the hold starts again. */
const GAP_MAX = ms(2_500);

export interface Proven {
  readonly proof: Proof;
  /** How often each instance became MASTER since the baseline, and before it where that was told. */
  readonly transitions: Readonly<Record<string, number>>;
  /** The last look. */
  readonly last: readonly Observed[];
}

export async function prove(input: ProveInput): Promise<Proven> {
  const { clock, expected } = input;
  const start = clock.now();
  let heldSince: Millis | undefined;
  let first: readonly Observed[] = [];
  let lastLook = start;
  let splitSince: Millis | undefined;
  for (;;) {
    const seen = await input.look();
    const now = clock.now();
    const findings = [...unsettled(expected, seen), ...notTaken(input, seen)];
    if (findings.length > 0 || heldSince === undefined || now - lastLook > GAP_MAX) {
      heldSince = findings.length > 0 ? undefined : now;
      first = seen;
    }
    lastLook = now;
    splitSince = findings.some((finding) => finding.split) ? (splitSince ?? now) : undefined;
    if (splitSince !== undefined && now - splitSince > input.splitFor) return unproven(input, findings, seen);
    if (heldSince !== undefined && now - heldSince >= input.holdFor) return conclude(input, first, seen);
    if (heldSince === undefined && now - start > input.settleFor) return unproven(input, findings, seen);
    if (now - start > input.settleFor + 2 * input.holdFor + GAP_MAX) {
      return unproven(input, [{ message: 'the pair does not hold still long enough to be proven' }], seen);
    }
    await clock.sleep(LOOK_EVERY);
  }
}

/** What a router that was put ahead of its peer has not taken over yet. */
function notTaken({ expected, master }: ProveInput, seen: readonly Observed[]): Finding[] {
  if (master === undefined) return [];
  const { config } = expected.find((each) => each.router === master)!;
  const states = seen.find((each) => each.router === master)?.instances ?? [];
  return config.vrrp_instance
    .filter(({ name }) => states.find((each) => each.name === name)?.state !== 'MASTER')
    .map(({ name }) => ({ router: master, message: `${name}: ${master} does not take over from its peer` }));
}

function conclude(input: ProveInput, first: readonly Observed[], last: readonly Observed[]): Proven {
  const deaf = unheard(input.expected, first, last);
  if (deaf.length > 0) return unproven(input, deaf, last);
  const transitions = transitionsOf(input, last);
  const surprises = surprised(transitions, input.predicted);
  return {
    transitions,
    last,
    proof: surprises.length > 0 ? { kind: 'surprised', findings: surprises } : { kind: 'proven' },
  };
}

const unproven = (input: ProveInput, findings: readonly Finding[], last: readonly Observed[]): Proven => ({
  proof: { kind: 'unproven', findings },
  transitions: transitionsOf(input, last),
  last,
});

function transitionsOf(input: ProveInput, last: readonly Observed[]): Record<string, number> {
  const { baseline, baselineRan, expected, earlier = {} } = input;
  const counted = expected.map((each) => ({ ...each, before: baselineRan?.get(each.router) ?? each.before }));
  const since = transitionsBetween(baseline, last, counted);
  const names = new Set([...Object.keys(earlier), ...Object.keys(since)]);
  return Object.fromEntries([...names].map((name) => [name, (earlier[name] ?? 0) + (since[name] ?? 0)]));
}

function surprised(
  seen: Readonly<Record<string, number>>,
  predicted: ReadonlyMap<string, Transitions> | undefined,
): Finding[] {
  const findings: Finding[] = [];
  for (const [instance, { count, bound }] of predicted ?? []) {
    const fresh = seen[instance] ?? 0;
    if (bound === 'exactly' ? fresh === count : fresh <= count) continue;
    findings.push({
      message: `${instance}: ${bound} ${count} transition${count === 1 ? '' : 's'} were predicted, ${fresh} were seen`,
    });
  }
  return findings;
}
