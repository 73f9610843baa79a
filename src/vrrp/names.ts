/** RFC 9568's names, which the core uses, in keepalived's words, which its users know: this is the one map. */
import type { Instance, State, TransitionReason } from './state.ts';

export type KeepalivedState = 'INIT' | 'BACKUP' | 'MASTER' | 'FAULT';

const STATES: Readonly<Record<State, KeepalivedState>> = { Initialize: 'INIT', Backup: 'BACKUP', Active: 'MASTER' };

/** Initialize is INIT, and FAULT where something is wrong. */
export function keepalivedState({ state, faults }: Pick<Instance, 'state' | 'faults'>): KeepalivedState {
  return state === 'Initialize' && faults.length > 0 ? 'FAULT' : STATES[state];
}

/** keepalived's log line for a transition, without the instance's name; people's greps look for it. */
export function transitionLine(from: State, to: State, reason: TransitionReason): string {
  const word = to === 'Initialize' && reason !== 'shutdown' ? 'FAULT' : STATES[to];
  const init = from === 'Initialize' && (reason === 'startup' || to === 'Initialize') ? ' (init)' : '';
  return `Entering ${word} STATE${init}`;
}
