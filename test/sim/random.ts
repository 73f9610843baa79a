/** A small seeded generator (mulberry32): the same seed gives the same run on every machine. */
export interface Random {
  /** From 0 up to, but not including, 1. */
  next(): number;
}

export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return {
    next() {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
    },
  };
}

export const between = (random: Random, from: number, to: number): number => from + random.next() * (to - from);
export const pick = <T>(random: Random, from: readonly T[]): T => from[Math.floor(random.next() * from.length)]!;
export const chance = (random: Random, probability: number): boolean => random.next() < probability;
