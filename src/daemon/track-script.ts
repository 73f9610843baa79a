/**
 * vrrp_script: run every interval, and judged by its exit code. A run that is not over when the next one is due is left
 * to end (its timeout sees to that), and the next one is skipped, as keepalived does.
 */
import { type Millis, ms } from '../base/units.ts';
import type { Log, Priority } from './log.ts';
import { initialScript, knownScript, type ScriptState, scriptResult } from './script-result.ts';
import type { Ending, Program, Run, ScriptRunner } from './scripts.ts';
import type { Timers } from './timers.ts';
import type { Tracking } from './tracking.ts';

export interface ScriptTracker {
  readonly name: string;
  readonly program: Program;
  readonly interval: Millis;
  readonly timeout: Millis;
  readonly rise: number;
  readonly fall: number;
  /** What holds before the first result: init_fail, or what was known before a reload. */
  readonly before: 'nothing' | 'failed' | { readonly known: boolean };
}

export interface TrackScriptSeams {
  readonly runner: ScriptRunner;
  readonly timers: Timers;
  readonly log: Log;
  /** At every change of up and down; at once where something holds before the first result. */
  report(up: boolean): void;
}

/** Its `end` ends a script that is running, too. Nobody waits for the first result: until it is there, the core does. */
export function trackScript(tracker: ScriptTracker, seams: TrackScriptSeams): Tracking {
  const { timers, log } = seams;
  let state = begin(tracker);
  let running: Run | undefined;
  let closed = false;
  let lastCode = 0;
  if (state.up !== undefined) seams.report(state.up);

  let cancel = (): void => {};
  let due = timers.now();
  const cycle = (): void => {
    // On the grid of its interval, without drift; after a stall once, and not once for every run missed.
    due = ms(Math.max(due + tracker.interval, timers.now()));
    cancel = timers.after(ms(due - timers.now()), cycle);
    if (running) log('debug', `Track script ${tracker.name} is still running - skipping run`);
    else runOnce();
  };

  const runOnce = (): void => {
    const run = seams.runner.run(tracker.program, tracker.timeout);
    running = run;
    void run.gone.then(() => {
      running = undefined;
    });
    void run.ended.then((ending) => {
      if (!closed && ending.kind !== 'cancelled') judge(ending);
    });
  };

  const judge = (ending: Ending): void => {
    const code = ending.kind === 'exited' ? ending.code : undefined;
    if (code !== undefined && code !== lastCode) {
      log('info', `Script \`${tracker.name}\` now returning ${code}`);
      lastCode = code;
    }
    const before = state;
    state = scriptResult(before, code === 0, tracker);
    if (state.up === before.up && !before.first) return;
    const [priority, words] = inWords(ending);
    log(priority, `VRRP_Script(${tracker.name}) ${words}`);
    if (state.up !== before.up) seams.report(state.up === true);
  };

  cycle();
  return {
    known: Promise.resolve(),
    end() {
      closed = true;
      cancel();
      running?.stop();
    },
  };
}

function begin({ before }: ScriptTracker): ScriptState {
  if (before === 'nothing') return initialScript(undefined);
  return before === 'failed' ? initialScript(false) : knownScript(before.known);
}

/** keepalived's words. */
function inWords(ending: Ending): readonly [Priority, string] {
  switch (ending.kind) {
    case 'exited':
      return ending.code === 0 ? ['info', 'succeeded'] : ['info', `failed (exited with status ${ending.code})`];
    case 'killed':
      return ['info', `failed (due to signal ${ending.signal})`];
    case 'timed-out':
      return ['info', 'timed_out'];
    case 'failed':
      return ['warning', `cannot be run: ${ending.error.message}`];
    case 'cancelled':
      return ['info', 'was not run'];
  }
}
