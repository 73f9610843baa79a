/** A picture of the network that this program itself is in, to show that a test run left it as it was. */
import { spawnSync } from 'node:child_process';
import { findProgram } from './needs.ts';

const TABLES: readonly (readonly string[])[] = [
  ['link', 'show'],
  ['addr', 'show'],
  ['-4', 'route', 'show', 'table', 'all'],
  ['-6', 'route', 'show', 'table', 'all'],
  ['-4', 'rule', 'show'],
  ['-6', 'rule', 'show'],
];

/** Counts down by itself, or says what the cable does: no test's work. */
const VOLATILE = new Set(['valid_life_time', 'preferred_life_time', 'expires', 'used', 'age', 'operstate', 'flags']);

/** One line an object, sorted; undefined where there is no `ip` to ask. */
export function rootNetwork(): readonly string[] | undefined {
  const ip = findProgram('ip');
  if (ip === undefined) return undefined;
  return TABLES.flatMap((table) => {
    const run = spawnSync(ip, ['-j', ...table], { encoding: 'utf8', timeout: 10_000 });
    if (run.status !== 0) throw new Error(`ip ${table.join(' ')}: ${run.stderr || run.error?.message}`);
    const objects = JSON.parse(run.stdout || '[]') as readonly unknown[];
    const stable = (key: string, value: unknown) => (VOLATILE.has(key) ? undefined : value);
    return objects.map((object) => `${table.join(' ')}: ${JSON.stringify(object, stable)}`);
  }).sort();
}

/** What is there now and was not, with `+`, and what is gone, with `-`. */
export function changesBetween(before: readonly string[], after: readonly string[]): readonly string[] {
  return [
    ...before.filter((line) => !after.includes(line)).map((line) => `- ${line}`),
    ...after.filter((line) => !before.includes(line)).map((line) => `+ ${line}`),
  ];
}
