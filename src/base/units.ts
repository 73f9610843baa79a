/** Durations as branded numbers, so that milliseconds and centiseconds cannot be mixed up. */

declare const unit: unique symbol;
/** Milliseconds; may have a fraction. */
export type Millis = number & { readonly [unit]: 'ms' };

export const ms = (value: number): Millis => value as Millis;
export const seconds = (value: number): Millis => (value * 1000) as Millis;

const FACTOR: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Reads a duration with its unit: `1s`, `100ms`, `0.5s`, `5m`, `2h`. Undefined for anything else, a bare number too. */
export function parseDuration(text: string): Millis | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
  if (!match) return undefined;
  return ms(Math.round(Number(match[1]) * FACTOR[match[2]!]! * 1000) / 1000);
}

/** Prints a duration as people write it: `1s`, `100ms`, `1.5s`. */
export function formatDuration(value: Millis): string {
  return value >= 1000 && value % 100 === 0 ? `${value / 1000}s` : `${Math.round(value * 1000) / 1000}ms`;
}
