/** The first step of every command that needs the fleet: read it, show all problems, stop where there are errors. */
import { existsSync } from 'node:fs';
import type { Problem } from '../base/problem.ts';
import { didYouMean } from '../base/suggest.ts';
import { type Loaded, loadFleet } from '../inventory/load.ts';
import type { Fleet, Pair } from '../inventory/model.ts';
import { selectPairs } from '../inventory/select.ts';
import { EXIT, Stop } from './exit.ts';
import type { Io } from './io.ts';

/** Reads the tree and prints its problems. From here on none of its secrets is printed by anyone. */
export async function loadAndReport(io: Io): Promise<Loaded> {
  if (!existsSync(io.dir)) throw new Stop(EXIT.error, `there is no folder ${io.dir}`, { hint: 'see -C' });
  const loaded = await loadFleet(io.dir, { env: io.env });
  for (const secret of loaded.secrets) io.out.hide(secret);
  io.out.problems(loaded.problems, loaded.source);
  return loaded;
}

/** The whole fleet; a Stop where something in it is wrong. */
export async function requireFleet(io: Io): Promise<Fleet> {
  const { value, problems } = await loadAndReport(io);
  if (value) return value;
  throw new Stop(EXIT.error, `${countProblems(problems)}; nothing was done`, {
    hint: 'tandem help CODE explains each',
  });
}

/** The pairs that `--limit` selects, all of the fleet without it; a Stop where it selects nothing. */
export async function requirePairs(io: Io): Promise<{ readonly fleet: Fleet; readonly pairs: readonly Pair[] }> {
  const fleet = await requireFleet(io);
  const { value, problems } = selectPairs(fleet, io.limit);
  io.out.problems(problems);
  if (value) return { fleet, pairs: value };
  throw new Stop(EXIT.error, 'no pair is selected; nothing was done');
}

/** The pair of this name; a Stop where there is none. */
export function pairNamed(pairs: readonly Pair[], name: string): Pair {
  const pair = pairs.find((each) => each.name === name);
  if (pair) return pair;
  const names = pairs.map((each) => each.name);
  throw new Stop(EXIT.error, `there is no pair "${name}"`, { hint: didYouMean(name, names) });
}

/** `2 errors, 1 warning`; empty where there are none. */
export function countProblems(problems: readonly Problem[]): string {
  return (['error', 'warning'] as const)
    .map((severity) => ({ severity, count: problems.filter((problem) => problem.severity === severity).length }))
    .filter(({ count }) => count > 0)
    .map(({ severity, count }) => `${count} ${severity}${count === 1 ? '' : 's'}`)
    .join(', ');
}
