/** Plays every case of every folder beside this file: one folder per rule of the RFCs or of keepalived. */
import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { type CaseStep, play, readCase, type Seen } from './case.ts';

const here = import.meta.dirname;

for (const path of globSync('*/*.yaml', { cwd: here }).sort()) {
  const story = readCase(`${here}/${path}`);
  test(`${dirname(path)}: ${story.says}`, () => {
    const shown = play(story);
    story.steps.forEach((step, i) => {
      assert.deepEqual(asAsked(shown[i]!, step), asked(step), `step ${i + 1}, at ${step.at}: ${step.do}`);
    });
  });
}

/** Effects always count, to the last line; the rest where the case names it. */
function asked({ expect = [], state, priority, next, counters }: CaseStep): Seen {
  const given = { state, priority, next, counters };
  return { expect, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) };
}

function asAsked(shown: Seen, step: CaseStep): Seen {
  const keys = ['expect', 'state', 'priority', 'next', 'counters'] as const;
  const picked = Object.fromEntries(
    keys.filter((key) => key === 'expect' || key in step).map((key) => [key, shown[key]]),
  );
  if (step.counters) picked.counters = pick(shown.counters!, Object.keys(step.counters));
  return picked;
}

const pick = (from: Record<string, unknown>, keys: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(keys.map((key) => [key, from[key]]));
