/** A pair's plan carried out on its two routers: hands for both, the generations, the machine, and what came of it. */

import { type Millis, ms } from '../base/units.ts';
import { effective } from '../change/effective.ts';
import type { Transitions } from '../change/impact-model.ts';
import type { Config } from '../keepalived/model.ts';
import { print } from '../keepalived/printer.ts';
import { activeDownInterval } from '../keepalived/timing.ts';
import type { NodePlan, PairPlan } from '../plan/plan.ts';
import type { RenderedRouter } from '../render/render.ts';
import type { Link } from './link.ts';
import type { Clock } from './prove.ts';
import { type Generation, RouterHands } from './router-hands.ts';
import { rollOut } from './run.ts';
import type { Outcome } from './step.ts';

export interface ApplyInput {
  readonly plan: PairPlan;
  readonly rendered: readonly [RenderedRouter, RenderedRouter];
  readonly links: readonly [Link, Link];
  /** Aborted: the pair is put back. */
  readonly interrupted: AbortSignal;
  readonly tell: (line: string) => void;
}

export interface PairReport {
  readonly pair: string;
  readonly outcome: Outcome;
  /** Over all instances; the most where the plan gives a bound. */
  readonly predicted: number;
  readonly transitions: Readonly<Record<string, number>>;
}

/** The plan must have a schedule and an impact: both routers were read, and nothing forbids it. */
export async function applyPlan({ plan, rendered, links, interrupted, tell }: ApplyInput): Promise<PairReport> {
  const { schedule, impact } = plan;
  if (!schedule || !impact) throw new Error(`${plan.pair} has no plan to carry out`);
  const generations = plan.nodes.map((node, i) => generationsOf(node, rendered[i]!, plan));
  const late = schedule.window > 0 ? schedule.window : LATE;
  const hands = plan.nodes.map((node, i) => new RouterHands(links[i]!, node, generations[i]!, late));
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

/** Generation 1 and the ones after it; the last one is what was rendered. */
function generationsOf(node: NodePlan, rendered: RenderedRouter, plan: PairPlan): Generation[] {
  const order = plan.impact!.order;
  // The plan knows where on this router each file belongs.
  const files = rendered.files.map((file, i) => ({ ...file, path: node.desired.files[i]!.path }));
  const goal: Generation = { config: rendered.config, files };
  if (order.kind !== 'staged') return [goal];
  const between = order.stages.slice(0, -1).map((stage) => inBetween(stage.configs.get(node.router)!, files[0]!));
  return [...between, goal];
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
