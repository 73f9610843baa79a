/** The last transitions of every instance, with their reasons and the wall clock's time. */
import type { Transition } from '../control/messages.ts';
import { keepalivedState } from '../vrrp/names.ts';
import type { Action } from '../vrrp/state.ts';

/** Enough to see a flapping pair for what it is; a status of 255 instances stays small. */
const KEPT = 20;

export class History {
  #transitions: ReadonlyMap<string, readonly Transition[]> = new Map();
  readonly #now: () => Date;

  constructor(now: () => Date = () => new Date()) {
    this.#now = now;
  }

  add(name: string, { from, to, reason }: Extract<Action, { kind: 'transition' }>): void {
    // What leaves Initialize was INIT or FAULT; what enters it other than by shutdown is in FAULT.
    const before = from === 'Initialize' && reason === 'fault-cleared' ? ['fault'] : [];
    const after = to === 'Initialize' && reason !== 'shutdown' ? ['fault'] : [];
    const transition: Transition = {
      at: this.#now().getTime() / 1000,
      from: keepalivedState({ state: from, faults: before }),
      to: keepalivedState({ state: to, faults: after }),
      reason,
    };
    this.#transitions = new Map([...this.#transitions, [name, [...this.of(name), transition].slice(-KEPT)]]);
  }

  /** After a reload. @param kept old names by new ones; what others went through is forgotten */
  rename(kept: ReadonlyMap<string, string>): void {
    this.#transitions = new Map([...kept].map(([now, old]) => [now, this.of(old)]));
  }

  of(name: string): readonly Transition[] {
    return this.#transitions.get(name) ?? [];
  }
}
