/** A plan's order as the moves that the rollout makes, one after another, each proven before the next. */
import { type Millis, ms } from '../base/units.ts';
import type { Impact, Order } from '../change/impact-model.ts';

/** What happens to routers in one go. Generation 0 is what they ran before; the last one is the goal. */
export interface Move {
  /**
   * `write`: files are put in place, nobody is signalled. `reload`: files and signal. `start`: files, then the
   * daemon is started (bring-up). `take-over`: a reload after which the router is MASTER of what its peer held.
   * `replace`: files, then the daemon that runs is stopped and the wanted one started (another engine, an upgrade).
   * Two routers in one move are moved together, inside the window.
   */
  readonly kind: 'write' | 'reload' | 'start' | 'take-over' | 'replace';
  readonly routers: readonly string[];
  readonly generation: number;
}

export interface Schedule {
  readonly pair: string;
  readonly routers: readonly [string, string];
  readonly moves: readonly Move[];
  /** How long a move of both routers may take, from the first signal's earliest to the last one's latest moment. */
  readonly window: Millis;
}

export interface ScheduleInput {
  readonly pair: string;
  readonly routers: readonly [string, string];
  readonly impact: Impact;
  /** Routers on which something differs from what it shall be: a file, or what the daemon runs on. */
  readonly differing: ReadonlySet<string>;
  /** Routers whose daemon does not run yet. */
  readonly stopped: ReadonlySet<string>;
  /** Routers whose daemon makes room for another one. */
  readonly replaced: ReadonlySet<string>;
  /** Those of them that are MASTER of something, and whose peer can be made to take it over before they stop. */
  readonly relieved: ReadonlySet<string>;
}

export function schedule(input: ScheduleInput): Schedule {
  const { pair, routers, impact, differing, stopped } = input;
  const { order } = impact;
  if (input.replaced.size > 0 && order.kind === 'one-by-one') {
    return { pair, routers, moves: replacements(input, order.routers), window: ms(0) };
  }
  const touched = (router: string): boolean => differing.has(router) || stopped.has(router);
  const moves: Move[] = [];
  const add = (
    part: Exclude<Order, { kind: 'staged' }>,
    generation: number,
    concerned: (router: string) => boolean,
  ) => {
    const named = part.kind === 'none' ? routers : part.routers;
    const all = named.filter(concerned);
    const starting = all.filter((router) => stopped.has(router) && generation === 1);
    const quiet = all.filter(
      (router) => !starting.includes(router) && (part.kind === 'none' || isQuiet(impact, router)),
    );
    const reloaded = all.filter((router) => !starting.includes(router) && !quiet.includes(router));
    if (quiet.length > 0) moves.push({ kind: 'write', routers: quiet, generation });
    if (part.kind === 'together' && reloaded.length > 0) moves.push({ kind: 'reload', routers: reloaded, generation });
    for (const router of all) {
      if (starting.includes(router)) moves.push({ kind: 'start', routers: [router], generation });
      else if (part.kind === 'one-by-one' && reloaded.includes(router)) {
        moves.push({ kind: 'reload', routers: [router], generation });
      }
    }
  };
  if (order.kind === 'staged') {
    for (const [i, stage] of order.stages.entries()) add(stage.order, i + 1, () => true);
  } else {
    add(order, 1, touched);
  }
  return { pair, routers, moves, window: windowOf(order) };
}

/** The generations of a pair whose daemons are replaced: what runs and the goal, each also so that it takes over. */
export const REPLACEMENT = { runningAhead: 1, goal: 2, goalAhead: 3, goalAgain: 4 } as const;

/**
 * One daemon after the other. A MASTER is relieved first: its peer gets a priority above all others and takes over
 * while the MASTER still serves, which costs nobody a packet. In the end it gets its own priority again.
 */
function replacements(input: ScheduleInput, order: readonly string[]): Move[] {
  const { replaced, relieved, stopped, differing } = input;
  const done = new Set(order.filter((router) => stopped.has(router)));
  const moves: Move[] = [...done].map((router) => ({
    kind: 'start',
    routers: [router],
    generation: REPLACEMENT.goal,
  }));
  const ahead = new Map<string, number>();
  for (const router of order.filter((each) => replaced.has(each))) {
    const peer = order.find((each) => each !== router)!;
    if (relieved.has(router) || ahead.has(router)) {
      const generation = replaced.has(peer) && !done.has(peer) ? REPLACEMENT.runningAhead : REPLACEMENT.goalAhead;
      moves.push({ kind: 'take-over', routers: [peer], generation });
      ahead.set(peer, generation);
    }
    // From its goal that it had before, a router goes on to the one after it.
    const generation = ahead.get(router) === undefined ? REPLACEMENT.goal : REPLACEMENT.goalAgain;
    moves.push({ kind: 'replace', routers: [router], generation });
    ahead.delete(router);
    done.add(router);
  }
  for (const router of ahead.keys()) {
    moves.push({ kind: 'reload', routers: [router], generation: REPLACEMENT.goalAgain });
    done.add(router);
  }
  const quiet = order.filter((router) => differing.has(router) && !done.has(router));
  return [
    ...moves,
    ...(quiet.length > 0 ? [{ kind: 'write' as const, routers: quiet, generation: REPLACEMENT.goal }] : []),
  ];
}

/** Whether everything that changes on the router is text: its daemon need not know. */
const isQuiet = (impact: Impact, router: string): boolean =>
  impact.findings.every((finding) => finding.router !== router || finding.class === 'none');

/** The tightest budget of any move of both routers; 0 where none is made. */
function windowOf(order: Order): Millis {
  if (order.kind === 'together') return order.budget;
  if (order.kind !== 'staged') return ms(0);
  const budgets = order.stages.map((stage) => stage.order).filter((part) => part.kind === 'together');
  return ms(Math.min(...budgets.map((part) => part.budget), budgets.length > 0 ? Number.POSITIVE_INFINITY : 0));
}
