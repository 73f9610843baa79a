/** A pair's plan carried out on its two routers: hands for both, the generations, the machine, and what came of it. */

import { type Millis, ms } from '../base/units.ts';
import { putAhead } from '../change/ahead.ts';
import { effective } from '../change/effective.ts';
import type { Transitions } from '../change/impact-model.ts';
import type { Config } from '../keepalived/model.ts';
import { print } from '../keepalived/printer.ts';
import { activeDownInterval } from '../keepalived/timing.ts';
import { installationOf } from '../plan/install.ts';
import type { NodePlan, PairPlan } from '../plan/plan.ts';
import { REPLACEMENT } from '../plan/schedule.ts';
import type { RenderedRouter } from '../render/render.ts';
import type { Package, Packages } from './executable.ts';
import type { Link } from './link.ts';
import type { Clock } from './prove.ts';
import { type Generation, RouterHands } from './router-hands.ts';
import { rollOut } from './run.ts';
import type { Outcome } from './step.ts';
import type { Telling } from './telling.ts';

export interface ApplyInput extends Telling {
  readonly plan: PairPlan;
  readonly rendered: readonly [RenderedRouter, RenderedRouter];
  readonly links: readonly [Link, Link];
  /** Where executables of tandemd come from. */
  readonly packages: Packages;
  /** Aborted: the pair is put back. */
  readonly interrupted: AbortSignal;
}

export interface PairReport {
  readonly pair: string;
  readonly outcome: Outcome;
  /** Over all instances; the most where the plan gives a bound. */
  readonly predicted: number;
  readonly transitions: Readonly<Record<string, number>>;
}

/** The plan must have a schedule and an impact: both routers were read, and nothing forbids it. */
export async function applyPlan(input: ApplyInput): Promise<PairReport> {
  const { plan, rendered, links, interrupted, tell } = input;
  const { schedule, impact } = plan;
  if (!schedule || !impact) throw new Error(`${plan.pair} has no plan to carry out`);
  const generations = plan.nodes.map((node, i) => generationsOf(node, rendered[i]!, plan));
  const late = schedule.window > 0 ? schedule.window : LATE;
  const sources = await Promise.all(plan.nodes.map((node) => packageFor(node, input.packages)));
  const hands = plan.nodes.map(
    (node, i) => new RouterHands(links[i]!, node, generations[i]!, { late, source: sources[i], telling: input }),
  );
  const report = await rollOut({
    schedule,
    hands: [hands[0]!, hands[1]!],
    configs: new Map(
      plan.nodes.map((node, i) => [node.router, [node.running, ...generations[i]!.map((g) => g.config)]]),
    ),
    predicted: impact.transitions,
    downTimer: longestDownTimer(plan.nodes.flatMap((node) => [node.running, node.desired.config])),
    clock: systemClock,
    interrupted,
    tell,
  });
  return { pair: plan.pair, predicted: total(impact.transitions), ...report };
}

/** Of a move of one router: longer than a loaded router needs to begin, shorter than anybody waits for it. */
const LATE: Millis = ms(10_000);

async function packageFor(node: NodePlan, packages: Packages): Promise<Package | undefined> {
  if (node.reading.kind !== 'read' || installationOf(node) === undefined) return undefined;
  const found = await packages.for(node.reading.observed.system.arch);
  if ('missing' in found) throw new Error(`${node.router}: ${found.missing}`);
  if (found.wanted.sha256 !== installationOf(node)!.sha256)
    throw new Error(`${node.router}: the executable was built anew`);
  return found;
}

/** Generation 1 and the ones after it; the last one is what was rendered. */
function generationsOf(node: NodePlan, rendered: RenderedRouter, plan: PairPlan): Generation[] {
  const order = plan.impact!.order;
  // The plan knows where on this router each file belongs.
  const files = rendered.files.map((file, i) => ({ ...file, path: node.desired.files[i]!.path }));
  const goal: Generation = { config: rendered.config, files };
  if (plan.schedule!.moves.some(({ kind }) => kind === 'replace')) return aheadAndGoal(node, plan, goal);
  if (order.kind !== 'staged') return [goal];
  const between = order.stages.slice(0, -1).map((stage) => inBetween(stage.configs.get(node.router)!, files[0]!));
  return [...between, goal];
}

/** Where a daemon is replaced: the generations that REPLACEMENT numbers. */
function aheadAndGoal(node: NodePlan, plan: PairPlan, goal: Generation): Generation[] {
  const peer = plan.nodes.find((each) => each !== node)!;
  const isUsed = (router: string, generation: number): boolean =>
    plan.schedule!.moves.some((move) => move.generation === generation && move.routers.includes(router));
  const ahead = (generation: number, config: Config, peerRuns: Config): Generation => {
    const raised = isUsed(node.router, generation) ? putAhead(config, peerRuns) : undefined;
    return raised === undefined ? goal : inBetween(raised, goal.files[0]!);
  };
  // The peer may have been put ahead itself, before this router was replaced.
  const peerAhead = isUsed(peer.router, REPLACEMENT.runningAhead) ? putAhead(peer.running, node.running) : undefined;
  const first = ahead(REPLACEMENT.runningAhead, node.running, peer.running);
  return [
    { ...first, ...(isUsed(node.router, REPLACEMENT.runningAhead) && { beforeReplacement: true as const }) },
    goal,
    ahead(REPLACEMENT.goalAhead, goal.config, peerAhead ?? peer.running),
    goal,
  ];
}

/** A configuration that no template made: the printer's text in the place of the rendered file. */
function inBetween(config: Config, file: Generation['files'][number]): Generation {
  return { config, files: [{ ...file, content: new TextEncoder().encode(print(config)) }] };
}

const longestDownTimer = (configs: readonly Config[]): Millis =>
  ms(Math.max(0, ...configs.flatMap((c) => c.vrrp_instance.map((i) => activeDownInterval(effective(c, i))))));

const total = (predicted: ReadonlyMap<string, Transitions>): number =>
  [...predicted.values()].reduce((sum, { count }) => sum + count, 0);

const systemClock: Clock = {
  now: () => ms(performance.now()),
  sleep: (duration) => new Promise((resolve) => setTimeout(resolve, duration)),
};
