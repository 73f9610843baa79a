/**
 * The rollout of one pair as a machine: step(state, event, now) -> { state, actions }. No clock, no socket.
 *
 * Rules, in the order in which they protect the pair:
 * 1. Nothing is signalled before both routers have staged every file and answered "ready".
 * 2. The moves are carried out one after another; each is proven before the next one starts.
 * 3. A move of both routers ("together") must be shown to have reached both inside the window: from before the
 *    first signal could leave until the last answer came back, by one clock, ours. When the window closes with an
 *    answer missing, the router that has answered gets its old file back at once, without waiting for the other.
 * 4. After a failure every router that may run something new is put back, and the old state is proven.
 * 5. What a router runs is known or it is `unknown`; a pair that cannot be shown to be of one mind ends
 *    `inconsistent`, with what each router runs.
 * 6. Going back from a daemon that was replaced stops a daemon again. That is done on one router after the other, the
 *    one that was moved last first; where one cannot be shown to be back, the other keeps what it serves with.
 */
import { assert } from '../base/assert.ts';
import { type Millis, ms } from '../base/units.ts';
import type { Finding } from '../plan/proof.ts';
import type { Move, Schedule } from '../plan/schedule.ts';

/** 0, a later generation, or unknown: a command was sent and no answer came. */
export type Runs = number | 'unknown';

export type Proof =
  | { readonly kind: 'proven' }
  /** The state is as intended, but there were other transitions than the plan said. */
  | { readonly kind: 'surprised'; readonly findings: readonly Finding[] }
  | { readonly kind: 'unproven'; readonly findings: readonly Finding[] };

export type Event =
  | { readonly kind: 'begin' }
  | { readonly kind: 'ready'; readonly router: string }
  /** The router will not take it, or could not be asked: nothing there has changed. */
  | {
      readonly kind: 'not-ready';
      readonly router: string;
      readonly findings: readonly Finding[];
      readonly stale?: true;
    }
  | { readonly kind: 'moved'; readonly router: string }
  /** The router refused before it changed anything. */
  | { readonly kind: 'refused'; readonly router: string; readonly findings: readonly Finding[]; readonly stale?: true }
  /** The answer to a command did not come: it may or may not have been carried out. */
  | { readonly kind: 'lost'; readonly router: string; readonly finding: Finding }
  | { readonly kind: 'restored'; readonly router: string }
  /** The router was asked to go back, and it is not known how far it came. */
  | { readonly kind: 'not-restored'; readonly router: string; readonly finding: Finding }
  /** The router could not even be asked: it runs what it ran. */
  | { readonly kind: 'not-reached'; readonly router: string; readonly finding: Finding }
  /** `index` as it was asked for. */
  | { readonly kind: 'proof'; readonly index: number | undefined; readonly proof: Proof }
  | { readonly kind: 'timer' }
  /** The user wants the pair as it was. */
  | { readonly kind: 'interrupt' };

export type Action =
  | { readonly kind: 'stage'; readonly router: string }
  | { readonly kind: 'move'; readonly router: string; readonly move: Move }
  /** Whatever runs there now, over a new connection if need be: back to generation 0, with a signal if it had one. */
  | { readonly kind: 'restore'; readonly router: string; readonly signal: boolean }
  /** `index` is the move that was made; undefined: generation 0 is to be proven after an undo. */
  | { readonly kind: 'prove'; readonly index: number | undefined }
  | { readonly kind: 'wake'; readonly at: Millis }
  | { readonly kind: 'end'; readonly outcome: Outcome };

export type Outcome =
  | { readonly kind: 'done' }
  /** Everything runs and is proven, but the prediction was wrong: the rollout stops here. */
  | { readonly kind: 'surprised'; readonly findings: readonly Finding[] }
  /** Nothing was changed anywhere. */
  | { readonly kind: 'refused'; readonly stale: boolean; readonly findings: readonly Finding[] }
  | { readonly kind: 'rolled-back'; readonly findings: readonly Finding[] }
  | {
      readonly kind: 'inconsistent';
      readonly findings: readonly Finding[];
      readonly runs: Readonly<Record<string, Runs>>;
    };

type Phase = 'staging' | 'moving' | 'proving' | 'undoing' | 'proving-undo' | 'ended';

export interface State {
  readonly schedule: Schedule;
  readonly phase: Phase;
  /** The move that is being made or proven. */
  readonly index: number;
  readonly runs: Readonly<Record<string, Runs>>;
  /** Routers whose answer is awaited. */
  readonly waiting: readonly string[];
  /** Routers that are put back one after another, the next one first. */
  readonly queue: readonly string[];
  /** When the first command of the move was sent; the window counts from here. */
  readonly since: Millis;
  readonly findings: readonly Finding[];
  readonly stale: boolean;
  /** Whether any router may ever have run something new: only then is there something to go back from. */
  readonly touched: boolean;
}

export interface Stepped {
  readonly state: State;
  readonly actions: readonly Action[];
}

export function begin(schedule: Schedule): State {
  return {
    schedule,
    phase: 'staging',
    index: 0,
    runs: Object.fromEntries(schedule.routers.map((r) => [r, 0])),
    waiting: [],
    queue: [],
    since: ms(0),
    findings: [],
    stale: false,
    touched: false,
  };
}

/** @param now our own monotonic clock, in milliseconds; the same clock for every call. */
export function step(state: State, event: Event, now: Millis): Stepped {
  switch (state.phase) {
    case 'staging':
      return stageStep(state, event, now);
    case 'moving':
      return moveStep(state, event, now);
    case 'proving':
      return proveStep(state, event, now);
    case 'undoing':
      return undoStep(state, event);
    case 'proving-undo':
      // What was looked at before the undo says nothing about it.
      return event.kind === 'proof' && event.index === undefined ? undoProven(state, event.proof) : stay(state);
    case 'ended':
      return stay(state);
  }
}

function stageStep(state: State, event: Event, now: Millis): Stepped {
  switch (event.kind) {
    case 'begin':
      return {
        state: { ...state, waiting: state.schedule.routers },
        actions: state.schedule.routers.map((router) => ({ kind: 'stage', router })),
      };
    case 'ready':
    case 'not-ready': {
      const next = answer(state, event.router, event.kind === 'not-ready' ? event.findings : []);
      const stale = next.stale || (event.kind === 'not-ready' && event.stale === true);
      if (next.waiting.length > 0) return stay({ ...next, stale });
      if (next.findings.length > 0) return end(next, { kind: 'refused', stale, findings: next.findings });
      return makeMove(next, 0, now);
    }
    case 'interrupt': {
      // The answers that are on their way are waited for; nothing has been changed.
      const next = withFinding(state, INTERRUPTED);
      if (next.waiting.length > 0) return stay(next);
      return end(next, { kind: 'refused', stale: next.stale, findings: next.findings });
    }
    default:
      return stay(state);
  }
}

const INTERRUPTED: Finding = { message: 'interrupted' };

function makeMove(state: State, index: number, now: Millis): Stepped {
  const move = state.schedule.moves[index];
  if (!move) return end(state, { kind: 'done' });
  return {
    state: { ...state, phase: 'moving', index, waiting: move.routers, since: now },
    actions: [
      ...move.routers.map((router) => ({ kind: 'move', router, move }) as const),
      ...(isTogether(move) ? [wakeLate(state, now)] : []),
    ],
  };
}

/** When moves that began together come too late. */
const wakeLate = ({ schedule }: State, since: Millis): Action => ({ kind: 'wake', at: ms(since + schedule.window) });

function moveStep(state: State, event: Event, now: Millis): Stepped {
  const move = state.schedule.moves[state.index];
  assert(move, 'a move is being made');
  switch (event.kind) {
    case 'moved': {
      if (!state.waiting.includes(event.router)) return stay(state);
      const next = runs(answer(state, event.router, []), event.router, move.generation);
      if (tooLate(next, move, now)) return undo(withFinding(next, lateFinding(next, now)));
      if (next.waiting.length > 0) return stay(next);
      return { state: { ...next, phase: 'proving' }, actions: [{ kind: 'prove', index: state.index }] };
    }
    case 'refused': {
      const next = { ...answer(state, event.router, event.findings), stale: state.stale || event.stale === true };
      return undo(next);
    }
    case 'lost':
      return undo(runs(answer(state, event.router, [event.finding]), event.router, 'unknown'));
    case 'interrupt':
      return undo(withFinding(state, INTERRUPTED));
    case 'timer':
      if (state.waiting.length === 0 || !isTogether(move)) return stay(state);
      // Timers count whole milliseconds: one may be early by a fraction.
      if (!tooLate(state, move, now)) return { state, actions: [wakeLate(state, state.since)] };
      return undo(withFinding(state, lateFinding(state, now)));
    default:
      return stay(state);
  }
}

/** Within the window or not at all. */
const isTogether = ({ routers, kind }: Move): boolean => routers.length > 1 && kind === 'reload';

const tooLate = (state: State, move: Move, now: Millis): boolean =>
  isTogether(move) && now - state.since >= state.schedule.window;

function lateFinding(state: State, now: Millis): Finding {
  const who =
    state.waiting.length > 0 ? `${state.waiting.join(' and ')} has not answered` : 'the last answer came late';
  const took = Math.round(now - state.since);
  return {
    message: `both routers had to be reloaded within ${Math.round(state.schedule.window)} ms: ${who} after ${took} ms`,
  };
}

function proveStep(state: State, event: Event, now: Millis): Stepped {
  if (event.kind === 'interrupt') return undo(withFinding(state, INTERRUPTED));
  if (event.kind !== 'proof' || event.index !== state.index) return stay(state);
  switch (event.proof.kind) {
    case 'proven':
      return makeMove(state, state.index + 1, now);
    case 'surprised':
      // Proven and different from the prediction: the routers keep what works, the rollout goes no further.
      if (state.index + 1 < state.schedule.moves.length) {
        return undo({ ...state, findings: [...state.findings, ...event.proof.findings] });
      }
      return end(state, { kind: 'surprised', findings: event.proof.findings });
    case 'unproven':
      return undo({ ...state, findings: [...state.findings, ...event.proof.findings] });
  }
}

/**
 * Puts every router back that may run something new. One whose command is still on its way is restored as soon as
 * it answers, or its loss is known: a restore sent beside the command could overtake it.
 */
function undo(state: State): Stepped {
  const back = state.schedule.routers.filter((r) => state.runs[r] !== 0 && !state.waiting.includes(r));
  if (state.schedule.moves.some((move) => move.kind === 'replace')) {
    const queue = back.sort((a, b) => lastMove(state, b) - lastMove(state, a));
    return undoAnswered({ ...state, phase: 'undoing', queue });
  }
  const next: State = { ...state, phase: 'undoing', waiting: [...state.waiting, ...back] };
  if (next.waiting.length === 0) {
    return end(next, { kind: 'refused', stale: state.stale, findings: state.findings });
  }
  return { state: next, actions: back.map((router) => restore(state, router)) };
}

/** Which of the moves so far was the last one of this router. */
const lastMove = (state: State, router: string): number =>
  state.schedule.moves.slice(0, state.index + 1).findLastIndex((move) => move.routers.includes(router));

function undoStep(state: State, event: Event): Stepped {
  switch (event.kind) {
    case 'moved':
    case 'lost': {
      // The late answer of a command that was on its way when the undo began.
      if (!state.waiting.includes(event.router)) return stay(state);
      const findings = event.kind === 'lost' ? [...state.findings, event.finding] : state.findings;
      const next = runs({ ...state, findings }, event.router, 'unknown');
      return { state: next, actions: [restore(next, event.router)] };
    }
    case 'refused': {
      if (!state.waiting.includes(event.router)) return stay(state);
      const next = { ...state, stale: state.stale || event.stale === true };
      if (state.runs[event.router] === 0) return undoAnswered(answer(next, event.router, event.findings));
      const findings = [...state.findings, ...event.findings];
      return { state: { ...next, findings }, actions: [restore(state, event.router)] };
    }
    case 'restored':
      return undoAnswered(runs(answer(state, event.router, []), event.router, 0));
    case 'not-restored':
      return undoAnswered(runs(answer(state, event.router, [event.finding]), event.router, 'unknown'));
    case 'not-reached':
      return undoAnswered(answer(state, event.router, [event.finding]));
    default:
      return stay(state);
  }
}

function undoAnswered(state: State): Stepped {
  if (state.waiting.length > 0) return stay(state);
  const [next, ...queue] = state.queue;
  if (next !== undefined && state.schedule.routers.every((r) => state.runs[r] === 0 || state.queue.includes(r))) {
    return { state: { ...state, waiting: [next], queue }, actions: [restore(state, next)] };
  }
  if (!state.touched) return end(state, { kind: 'refused', stale: state.stale, findings: state.findings });
  const old = state.schedule.routers.every((r) => state.runs[r] === 0);
  if (!old) return end(state, { kind: 'inconsistent', findings: state.findings, runs: state.runs });
  return { state: { ...state, phase: 'proving-undo' }, actions: [{ kind: 'prove', index: undefined }] };
}

function undoProven(state: State, proof: Proof): Stepped {
  if (proof.kind === 'unproven') {
    const findings = [...state.findings, ...proof.findings];
    return end(state, { kind: 'inconsistent', findings, runs: state.runs });
  }
  return end(state, { kind: 'rolled-back', findings: state.findings });
}

function restore(state: State, router: string): Action {
  const made = state.schedule.moves.slice(0, state.index + 1).filter((move) => move.routers.includes(router));
  return { kind: 'restore', router, signal: made.some((move) => move.kind !== 'write') };
}

const stay = (state: State): Stepped => ({ state, actions: [] });

function end(state: State, outcome: Outcome): Stepped {
  return { state: { ...state, phase: 'ended' }, actions: [{ kind: 'end', outcome }] };
}

function answer(state: State, router: string, findings: readonly Finding[]): State {
  return {
    ...state,
    waiting: state.waiting.filter((r) => r !== router),
    findings: [...state.findings, ...findings],
  };
}

const runs = (state: State, router: string, generation: Runs): State => ({
  ...state,
  runs: { ...state.runs, [router]: generation },
  touched: state.touched || generation !== 0,
});

const withFinding = (state: State, finding: Finding): State => ({ ...state, findings: [...state.findings, finding] });
