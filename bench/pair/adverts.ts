import type { AdvertHeard } from '../far/orders.ts';

/** The longest time between two advertisements of a router; the last of them may still be awaited. */
export function longestGap(adverts: readonly AdvertHeard[], { source, from, to }: GapOptions): number {
  const own = adverts.filter((advert) => advert.source === source).map(({ at }) => at);
  const times = [...own.filter((at) => at >= from && at <= to), to];
  return Math.max(...times.slice(1).map((at, i) => at - times[i]!));
}

interface GapOptions {
  readonly source: string;
  readonly from: number;
  readonly to: number;
}
