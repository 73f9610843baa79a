/**
 * From the endings of a tracked script to up and down: `rise` successes in a row make it up, `fall` failures down.
 * The first result counts at once, whatever `rise` and `fall` say; so does the first one under init_fail, which only
 * says what holds until then. Seen with keepalived 2.2.7.
 */
export interface ScriptRule {
  readonly rise: number;
  readonly fall: number;
}

export interface ScriptState {
  /** Undefined: no result yet. */
  readonly up: boolean | undefined;
  /** How many results in a row speak against `up`. */
  readonly against: number;
  /** Whether nothing has been measured yet: `up` is then an assumption. */
  readonly first: boolean;
}

/** @param up what holds before the first result: undefined nothing, false init_fail */
export const initialScript = (up: boolean | undefined): ScriptState => ({ up, against: 0, first: true });

/** After a reload the script is what it was, and has to prove the contrary in full. */
export const knownScript = (up: boolean): ScriptState => ({ up, against: 0, first: false });

export function scriptResult(state: ScriptState, success: boolean, { rise, fall }: ScriptRule): ScriptState {
  if (state.first || success === state.up) return { up: success, against: 0, first: false };
  const against = state.against + 1;
  return against >= (success ? rise : fall) ? { up: success, against: 0, first: false } : { ...state, against };
}
