/** What much work has left is taken away where nothing is due for long enough, and nowhere else. */
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { ms } from '../../src/base/units.ts';
import { clearUp } from '../../src/daemon/memory.ts';

const MIB = 2 ** 20;
const { memoryUsage } = process;

/** The collector and the heap as they would be. */
function withHeap(mib: number): { readonly collections: () => number } {
  let collections = 0;
  process.memoryUsage = Object.assign(() => ({ ...memoryUsage(), heapUsed: mib * MIB }), { rss: memoryUsage.rss });
  globalThis.gc = (() => {
    collections += 1;
  }) as unknown as NonNullable<typeof globalThis.gc>;
  return { collections: () => collections };
}

afterEach(() => {
  process.memoryUsage = memoryUsage;
  globalThis.gc = undefined;
});

const ROWS: readonly (readonly [what: string, mib: number, room: number, cleared: boolean, collections: number])[] = [
  ['little, whatever is due: the runtime sees to it', 20, 0, true, 0],
  ['much, with an advertisement soon', 120, 50, false, 0],
  ['much, just after an advertisement', 120, 99, true, 1],
  ['much, with nothing due at all', 900, Number.POSITIVE_INFINITY, true, 1],
];

describe('clearing up', () => {
  for (const [what, mib, room, cleared, expected] of ROWS) {
    test(what, () => {
      const { collections } = withHeap(mib);
      assert.equal(clearUp(ms(room)), cleared);
      assert.equal(collections(), expected);
    });
  }

  test('is left to a runtime that hides its collector', () => {
    withHeap(900);
    globalThis.gc = undefined;
    assert.equal(clearUp(ms(0)), true);
  });
});
