/**
 * `impact` says what a change means for a pair: the class of every change, the order of the routers, how often a
 * router becomes MASTER meanwhile, what stops being served and what has to be allowed.
 *
 * 1. The first row of rules.ts whose test holds decides about a change; its column is the router's engine and
 *    version, or for what is on the wire that of the router which forgives less.
 * 2. What comes with the rollout as a whole (a restart, another engine, a reload that takes too long) is a finding
 *    of its own, see rollout-findings.ts. A router that runs no VRRP yet has nothing to disturb.
 * 3. Where no single order is safe, the pair goes through a configuration in between (stages.ts); each stage is
 *    judged by the same function, and the gravest class of all counts.
 */
import { assert } from '../base/assert.ts';
import type { Config } from '../keepalived/model.ts';
import { caseOf } from './case.ts';
import type { Change } from './change.ts';
import { contextOf, type PairContext, type PairInstance, type Place, type RouterContext } from './context.ts';
import {
  type Allow,
  type Finding,
  type Hint,
  IMPACT_CLASSES,
  type Impact,
  type ImpactClass,
  type Order,
  type PairInput,
  type Transitions,
} from './impact-model.ts';
import { orderOf, type Wish } from './order.ts';
import { lostWithPrimary } from './primary.ts';
import { returns } from './roles.ts';
import { bringUpFinding, rolloutFindings } from './rollout-findings.ts';
import { NO_TRANSITION, type Rule } from './rule.ts';
import { RULES } from './rules.ts';
import { stagesOf } from './stages.ts';
import { withdrawalsOf } from './withdrawals.ts';

export function impact(input: PairInput): Impact {
  const judged = judge(input);
  const stages = judged.order === 'staged' ? stagesOf(input, judged.pair, judged.wishes) : undefined;
  if (!stages) return toImpact(input, judged, judged.order === 'staged' ? together(judged) : judged.order);
  const each = stages.map((stage, i) => {
    const from = i === 0 ? undefined : stages[i - 1]!.configs;
    const result = judge({
      ...input,
      routers: [between(input, 0, from, stage.configs), between(input, 1, from, stage.configs)],
    });
    return { stage, result, order: result.order === 'staged' ? together(result) : result.order };
  });
  const order: Order = {
    kind: 'staged',
    reason: stages.map((stage) => stage.what).join(', then '),
    stages: each.map(({ stage, order: own }) => ({ ...stage, order: own })),
  };
  return toImpact(
    input,
    judged,
    order,
    each.map(({ result }) => result),
  );
}

/** What is known before it is known whether one order will do. */
interface Judged {
  readonly pair: PairContext;
  readonly findings: readonly Finding[];
  readonly wishes: readonly Wish[];
  readonly order: Exclude<Order, { readonly kind: 'staged' }> | 'staged';
}

function judge(input: PairInput): Judged {
  const pair = contextOf(input);
  const judgements = pair.routers.flatMap((router) =>
    router.changes.map((change) => judgeChange(input, pair, router, change)),
  );
  const whole = rolloutFindings(
    input,
    pair,
    judgements.map(({ finding }) => finding),
  );
  const findings = [...judgements, ...whole].map(({ finding }) => finding);
  const wishes = [...judgements, ...whole].flatMap(({ wish }) => wish ?? []);
  return { pair, findings, wishes, order: orderOf(pair, findings, wishes) };
}

/** Both at once, for a stage that would itself have to be taken apart. */
function together({ pair, findings, wishes }: Judged): Exclude<Order, { readonly kind: 'staged' }> {
  const others = wishes.filter((wish) => wish.kind !== 'staged');
  const order = orderOf(pair, findings, [...others, { kind: 'together', instances: pair.instances }]);
  assert(order !== 'staged', 'a wish for both at once goes before a wish for one first');
  return order;
}

interface Judgement {
  readonly finding: Finding;
  readonly wish?: Wish;
}

function judgeChange(input: PairInput, pair: PairContext, router: RouterContext, change: Change): Judgement {
  const moved = movedTo(input, change);
  if (!router.running) return bringUpFinding(pair, router, change);
  const c = caseOf(pair, router.place, change);
  const rule = RULES.find((row) => row.test(c))!;
  const own = rule.classes[rule.on === 'wire' ? pair.wire : router.column];
  const lost = rule.id === 'primary-address' ? lostWithPrimary(router, change) : undefined;
  const hint: Hint | undefined = lost && { kind: 'promote-secondaries', router: router.name, dev: lost.dev };
  const wish = wishOf(rule, own, c.instances, pair, router.place);
  return {
    finding: {
      router: router.name,
      change,
      instances: c.instances.map((instance) => instance.name),
      class: own,
      rule: rule.id,
      reason: lost && own === 'outage' ? `${rule.reason}: ${lost.addresses.join(', ')}` : reasonOf(rule, own),
      prediction: most(c.instances.map((i) => (rule.transitions ?? byClass(own, rule, pair))(c, i))),
      ...(moved !== undefined && { apart: 'move' }),
      ...(hint && own === 'outage' && { hint }),
    },
    ...(wish && { wish }),
  };
}

const reasonOf = ({ reason, hot }: Rule, own: ImpactClass): string => (own === 'hot' ? (hot ?? reason) : reason);

/** The other pair that an address of this change goes to or comes from. */
function movedTo({ moved }: PairInput, change: Change): string | undefined {
  if (change.subject !== 'vip' && change.subject !== 'vip-excluded') return undefined;
  return change.op === 'change' ? undefined : moved?.get((change.after ?? change.before)!.line.address.text);
}

const byClass =
  (own: ImpactClass, rule: Rule, pair: PairContext) =>
  (_c: unknown, instance: PairInstance): Transitions => {
    if (own === 'outage') return { count: 2, bound: 'at most' };
    if (own !== 'failover') return NO_TRANSITION;
    if (!rule.demote) return { count: 1, bound: 'exactly' };
    // The role goes to the peer, and comes back where the old MASTER still outranks it and preempts.
    const back = instance.master !== undefined && returns(instance, instance.master, pair.routers);
    return { count: back ? 2 : 1, bound: rule.id === 'unknown' ? 'at most' : 'exactly' };
  };

function wishOf(
  rule: Rule,
  own: ImpactClass,
  instances: readonly PairInstance[],
  pair: PairContext,
  place: Place,
): Wish | undefined {
  switch (own) {
    case 'staged':
      return { kind: 'staged' };
    case 'sync':
      return { kind: 'together', instances };
    case 'outage':
      return rule.on === 'wire' ? { kind: 'together', instances } : undefined;
    case 'ordered':
      return { kind: 'first', first: rule.first ?? 'backup', instances };
    case 'failover':
      return rule.demote && instances.some((i) => i.master === place)
        ? { kind: 'demote', router: pair.routers[place].name }
        : undefined;
    default:
      return undefined;
  }
}

const most = (all: readonly Transitions[]): Transitions =>
  all.reduce((a, b) => (b.count > a.count || (b.count === a.count && b.bound === 'at most') ? b : a), NO_TRANSITION);

const gravest = (all: readonly ImpactClass[]): ImpactClass =>
  IMPACT_CLASSES[Math.max(0, ...all.map((c) => IMPACT_CLASSES.indexOf(c)))]!;

/** What an order means by itself, where changes that are harmless one by one ask for different orders. */
const LEAST = { none: 'none', 'one-by-one': 'hot', together: 'sync', staged: 'staged' } as const;

function toImpact(input: PairInput, judged: Judged, order: Order, stages: readonly Judged[] = []): Impact {
  const all = [judged, ...stages].flatMap(({ findings }) => findings);
  const withdrawals = withdrawalsOf(input, judged.pair);
  const own = gravest([...all.map((finding) => finding.class), LEAST[order.kind]]);
  return {
    class: own,
    findings: judged.findings,
    order,
    transitions: transitionsOf(judged.pair, all),
    withdrawals,
    allow: allowOf(all, withdrawals.reasons.length > 0),
  };
}

function transitionsOf(pair: PairContext, findings: readonly Finding[]): Map<string, Transitions> {
  const groups = pair.routers.flatMap((router) => router.after.vrrp_sync_group.map((group) => group.group));
  const concerning = (name: string): Finding[] => {
    // A sync group gives its role up as one; a new instance becomes MASTER by itself.
    const fellows = groups.filter((group) => group.includes(name)).flat();
    const loses = (f: Finding): boolean => f.class === 'failover' || f.class === 'outage';
    return findings.filter(
      (f) => f.instances.includes(name) || (loses(f) && fellows.some((fellow) => f.instances.includes(fellow))),
    );
  };
  return new Map(pair.instances.map(({ name }) => [name, most(concerning(name).map((f) => f.prediction))]));
}

const ALLOW_ORDER: readonly Allow[] = ['failover', 'outage', 'withdraw', 'bring-up', 'engine', 'move'];

function allowOf(findings: readonly Finding[], withdraws: boolean): Allow[] {
  const needed = new Set<string>(withdraws ? ['withdraw'] : []);
  for (const finding of findings) {
    if (finding.apart) needed.add(finding.apart);
    // Another engine says what it costs by itself: its own word covers it.
    if (finding.apart !== 'engine' && (finding.class === 'failover' || finding.class === 'outage')) {
      needed.add(finding.class);
    }
  }
  return ALLOW_ORDER.filter((word) => needed.has(word));
}

function between(
  input: PairInput,
  place: Place,
  from: ReadonlyMap<string, Config> | undefined,
  to: ReadonlyMap<string, Config>,
): PairInput['routers'][Place] {
  const router = input.routers[place];
  const before = from?.get(router.router) ?? router.before;
  return { ...router, ...(before && { before }), after: to.get(router.router) ?? router.after };
}
