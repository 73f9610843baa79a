/** This program is wrong: it ends with its stack, and no message can mend it. */
export class Bug extends Error {
  override readonly name = 'Bug';
}

/** Holds what must be true unless this program is wrong: a failure is our bug and keeps its stack. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Bug(`assertion failed: ${message}`);
}

/** The unreachable arm of an exhaustive switch. */
export function unreachable(value: never): never {
  throw new Bug(`unreachable: ${JSON.stringify(value)}`);
}

/** Whether an error is our own fault and keeps its stack. Any other says what was tried; its stack is only noise. */
export const isBug = (error: Error): boolean =>
  [Bug, TypeError, RangeError, ReferenceError, SyntaxError].some((kind) => error instanceof kind);
