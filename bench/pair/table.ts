/** The tables of a comparison: medians with their spread, and how the one daemon compares to the other. */

/** `12.3 (11.8-14)`; nothing where nothing was measured. */
export function spread(values: readonly number[]): string {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  if (sorted.length === 0) return '';
  const [least, most] = [short(sorted[0]!), short(sorted.at(-1)!)];
  return least === most ? least : `${short(median(sorted))} (${least}-${most})`;
}

export function median(values: readonly number[]): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

/** What the one needs of the other's: `0.31`. */
export function ratio(one: readonly number[], other: readonly number[]): string {
  const value = median(one) / median(other);
  return Number.isFinite(value) ? `x ${Number(value.toPrecision(2))}` : '';
}

export const short = (value: number): string =>
  Math.abs(value) >= 100 ? `${Math.round(value)}` : `${Number(value.toPrecision(3))}`;

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** What must hold for tandemd. */
export interface Limit {
  readonly what: string;
  readonly unit: string;
  readonly value: number;
  readonly limit: number;
}

export const isKept = ({ value, limit }: Limit): boolean => value <= limit;

export const limitTable = (limits: readonly Limit[]): string =>
  table(
    ['tandemd', 'median', 'limit', ''],
    limits.map((limit) => [
      limit.what,
      `${short(limit.value)} ${limit.unit}`,
      `${short(limit.limit)} ${limit.unit}`,
      isKept(limit) ? 'kept' : 'MISSED',
    ]),
  );
