/** Carries a pair's plan out: feeds the machine of step.ts with what the routers answer. Decides nothing itself. */
import { assert, isBug } from '../base/assert.ts';
import { type Millis, ms } from '../base/units.ts';
import type { Transitions } from '../change/impact-model.ts';
import type { Observed } from '../change/observed.ts';
import type { Config } from '../keepalived/model.ts';
import type { Expected, Finding } from '../plan/proof.ts';
import type { Schedule } from '../plan/schedule.ts';
import { RemoteError } from '../router/remote.ts';
import type { Hands } from './hands.ts';
import { type Clock, prove } from './prove.ts';
import { type Action, begin, type Event, type Outcome, type State, step } from './step.ts';

export interface RunInput {
  readonly schedule: Schedule;
  /** In the order of `schedule.routers`. */
  readonly hands: readonly [Hands, Hands];
  /** By router: the configuration of each generation, 0 (what runs now) first. */
  readonly configs: ReadonlyMap<string, readonly Config[]>;
  readonly predicted: ReadonlyMap<string, Transitions>;
  /** The pair's longest down timer: proofs are measured in it. */
  readonly downTimer: Millis;
  readonly clock: Clock;
  /** Aborted: the user wants the pair as it was. */
  readonly interrupted?: AbortSignal;
  /** What happens, as it happens, for people. */
  readonly tell: (line: string) => void;
}

export interface Report {
  readonly outcome: Outcome;
  /** How often each instance became MASTER, from before the first move to the last look; empty if nothing moved. */
  readonly transitions: Readonly<Record<string, number>>;
}

/** Beyond the down timers: a slow reload, a daemon that starts, a stall of the machine that we run on. */
const SETTLE_EXTRA = ms(20_000);

export async function rollOut(input: RunInput): Promise<Report> {
  try {
    const taken = await lockBoth(input.hands);
    if (taken) return { outcome: { kind: 'refused', stale: false, findings: [taken] }, transitions: {} };
    return await carryOut(input);
  } finally {
    // The lock of a connection that broke has ended with it.
    await Promise.allSettled(input.hands.map((hands) => hands.unlock()));
  }
}

/** One after the other in the order of their names: of two who come at once, one gets both. */
async function lockBoth(both: RunInput['hands']): Promise<Finding | undefined> {
  for (const hands of [...both].sort((a, b) => (a.router < b.router ? -1 : 1))) {
    const taken = await hands.lock().catch((error: unknown) => findingOf(error, hands.router));
    if (taken) return taken;
  }
  return undefined;
}

async function carryOut(input: RunInput): Promise<Report> {
  const run = new Rollout(input);
  const report = await run.toTheEnd();
  const done = report.outcome.kind === 'done' || report.outcome.kind === 'surprised';
  const finished = await Promise.allSettled(input.hands.map((hands) => hands.finish(done)));
  // What the pair runs is settled by now; what was left lying about, or will not start at boot, is still said.
  for (const end of finished) if (end.status === 'rejected') input.tell(`finishing: ${findingOf(end.reason).message}`);
  return report;
}

class Rollout {
  readonly #input: RunInput;
  #state: State;
  #events: Event[] = [];
  #wake: (() => void) | undefined;
  #baseline = new Map<string, Observed>();
  readonly #baselineRan = new Map<string, Config>();
  #transitions: Readonly<Record<string, number>> = {};
  /** Before the baseline. */
  #earlier: Readonly<Record<string, number>> = {};
  #timers: ReturnType<typeof setTimeout>[] = [];

  constructor(input: RunInput) {
    this.#input = input;
    this.#state = begin(input.schedule);
    this.#events.push({ kind: 'begin' });
  }

  async toTheEnd(): Promise<Report> {
    const interrupt = () => this.#happened({ kind: 'interrupt' });
    this.#input.interrupted?.addEventListener('abort', interrupt);
    try {
      for (;;) {
        const event = this.#events.shift();
        if (!event) {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
          continue;
        }
        const { state, actions } = step(this.#state, event, this.#input.clock.now());
        this.#state = state;
        for (const action of actions) {
          if (action.kind === 'end') return { outcome: action.outcome, transitions: this.#transitions };
          this.#perform(action);
        }
      }
    } finally {
      for (const timer of this.#timers) clearTimeout(timer);
      this.#input.interrupted?.removeEventListener('abort', interrupt);
    }
  }

  #happened(event: Event): void {
    this.#events.push(event);
    this.#wake?.();
  }

  #perform(action: Exclude<Action, { kind: 'end' }>): void {
    switch (action.kind) {
      case 'wake': {
        const wait = action.at - this.#input.clock.now();
        this.#timers.push(setTimeout(() => this.#happened({ kind: 'timer' }), Math.max(0, wait)));
        return;
      }
      case 'prove':
        void this.#prove(action.index).then((event) => this.#happened(event));
        return;
      default:
        void this.#ask(action).then((event) => this.#happened(event));
    }
  }

  async #ask(action: Extract<Action, { router: string }>): Promise<Event> {
    const { router } = action;
    const hands = this.#input.hands.find((h) => h.router === router);
    assert(hands, `${router} is one of the pair`);
    try {
      switch (action.kind) {
        case 'stage': {
          const readiness = await hands.stage();
          if (readiness.kind === 'not-ready') return { ...readiness, router };
          this.#baseline.set(router, readiness.observed);
          this.#input.tell(`${router} staged and tested: ready`);
          return { kind: 'ready', router };
        }
        case 'move': {
          const moved = await hands.move(action.move);
          if (moved.kind === 'moved') this.#input.tell(`${router} ${PAST[action.move.kind]}`);
          return { ...moved, router };
        }
        case 'restore':
          this.#input.tell(`${router} goes back to what it ran before`);
          return { ...(await hands.restore(action.signal)), router };
      }
    } catch (error) {
      const finding = findingOf(error, router);
      this.#input.tell(finding.message);
      if (action.kind === 'stage') return { kind: 'not-ready', router, findings: [finding] };
      return { kind: action.kind === 'move' ? 'lost' : 'not-restored', router, finding };
    }
  }

  async #prove(index: number | undefined): Promise<Event> {
    const { hands, schedule, predicted, downTimer, clock, tell } = this.#input;
    const last = index !== undefined && index === schedule.moves.length - 1;
    const move = index === undefined ? undefined : schedule.moves[index];
    const takesOver = move?.kind === 'take-over' ? move.routers[0] : undefined;
    tell(index === undefined ? 'proving that the pair is as it was' : 'proving');
    try {
      const notLoaded = (await Promise.all(hands.map((h) => h.loaded()))).filter((f) => f !== undefined);
      if (notLoaded.length > 0) return { kind: 'proof', index, proof: { kind: 'unproven', findings: notLoaded } };
      const {
        proof,
        transitions,
        last: seen,
      } = await prove({
        expected: schedule.routers.map((router) => this.#expected(router, index === undefined)),
        look: () => this.#look(index),
        // A peer that refuses what the moved router sends takes over within one down timer; the end is proven for two.
        holdFor: last ? ms(2 * downTimer) : downTimer,
        settleFor: ms(3 * downTimer + SETTLE_EXTRA),
        splitFor: downTimer,
        baseline: schedule.routers.map((router) => this.#baseline.get(router)!),
        baselineRan: this.#baselineRan,
        earlier: this.#earlier,
        ...(last && { predicted }),
        ...(takesOver && { master: takesOver }),
        clock,
      });
      this.#transitions = transitions;
      if (schedule.moves.some(({ kind }) => kind === 'replace')) {
        // What a daemon has counted goes with it: each step is counted by itself.
        this.#earlier = transitions;
        for (const facts of seen) {
          this.#baseline.set(facts.router, facts);
          this.#baselineRan.set(facts.router, this.#expected(facts.router, index === undefined).config);
        }
      }
      return { kind: 'proof', index, proof };
    } catch (error) {
      return { kind: 'proof', index, proof: { kind: 'unproven', findings: [findingOf(error)] } };
    }
  }

  /** Not any more once the pair goes back: who looks on would use connections that others count on. */
  #look(index: number | undefined): Promise<Observed[]> {
    const { phase, index: now } = this.#state;
    const wanted = index === undefined ? phase === 'proving-undo' : phase === 'proving' && now === index;
    if (!wanted) throw new Error('the proof was given up');
    return Promise.all(this.#input.hands.map((h) => h.observe()));
  }

  #expected(router: string, undone: boolean): Expected {
    const configs = this.#input.configs.get(router)!;
    const runs = this.#state.runs[router];
    const now = undone || typeof runs !== 'number' ? 0 : runs;
    const other = undone ? configs.at(-1)! : configs[0]!;
    return { router, config: configs[now]!, before: other };
  }
}

const PAST = {
  write: 'has its files',
  reload: 'reloaded',
  start: 'started',
  'take-over': 'is put ahead of its peer',
  replace: 'runs the other daemon',
} as const;

function findingOf(error: unknown, of?: string): Finding {
  const router = error instanceof RemoteError ? error.router : of;
  const message = messageOf(error);
  if (router === undefined) return { message };
  return { router, message: message.startsWith(`${router}: `) ? message : `${router}: ${message}` };
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // The pair goes back all the same; whose fault it was is not hidden.
  return isBug(error) ? `a bug in tandem: ${error.stack ?? error.message}` : error.message;
}
