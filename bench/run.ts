/**
 * `npm run bench -- NAME`: runs bench/NAME.ts, prints its table, and writes docs/bench/NAME.md. Ends with 1 where a
 * figure is beyond its limit.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Benchmark, Figure } from './benchmark.ts';

const ROOT = join(import.meta.dirname, '..');
/** Files of this folder that are no benchmark themselves. */
const NO_BENCHMARK = ['run.ts', 'benchmark.ts', 'fleet.ts'];

const name = process.argv[2];
const names = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.ts') && !NO_BENCHMARK.includes(file));
if (!name || !names.includes(`${name}.ts`)) {
  console.error(`usage: npm run bench -- NAME, where NAME is one of: ${names.map((n) => n.slice(0, -3)).join(', ')}`);
  process.exit(1);
}

const { benchmark }: { benchmark: Benchmark } = await import(`./${name}.ts`);
const runs: Readonly<Record<string, number>>[] = [];
{
  await using prepared = await benchmark.prepare();
  for (let i = 1; i <= benchmark.runs; i++) {
    runs.push(await prepared.run());
    console.error(
      `run ${i} of ${benchmark.runs}: ${benchmark.figures.map((f) => print(f, runs.at(-1)![f.name]!)).join(', ')}`,
    );
  }
}

const rows = benchmark.figures.map((figure) =>
  summarise(
    figure,
    runs.map((run) => run[figure.name]!),
  ),
);
const document = [
  `# ${benchmark.title}`,
  '',
  benchmark.about,
  '',
  '| figure | median | least | most | limit | |',
  '|---|---|---|---|---|---|',
  ...rows.map((row) => `| ${row.cells.join(' | ')} |`),
  '',
  `${benchmark.runs} runs, ${new Date().toISOString().slice(0, 10)}, commit ${commit()}.`,
  `Machine: ${machine()}.`,
  `Again: \`npm run bench -- ${name}\`.`,
  '',
].join('\n');
console.log(document);
mkdirSync(join(ROOT, 'docs/bench'), { recursive: true });
writeFileSync(join(ROOT, 'docs/bench', `${name}.md`), document);
process.exitCode = rows.every((row) => row.kept) ? 0 : 1;

/** The median must keep the limit: one disturbed run says something about the machine. */
function summarise(figure: Figure, values: readonly number[]): { cells: readonly string[]; kept: boolean } {
  const sorted = values.toSorted((a, b) => a - b);
  const [least, median, most] = [sorted[0]!, sorted[Math.floor(sorted.length / 2)]!, sorted.at(-1)!];
  const kept = figure.limit === undefined || median <= figure.limit;
  const limit = figure.limit === undefined ? '' : print(figure, figure.limit);
  const verdict = figure.limit === undefined ? '' : kept ? 'kept' : 'MISSED';
  return {
    cells: [figure.name, print(figure, median), print(figure, least), print(figure, most), limit, verdict],
    kept,
  };
}

function print({ unit }: Figure, value: number): string {
  return `${value >= 100 ? Math.round(value) : Number(value.toPrecision(3))} ${unit}`;
}

function commit(): string {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim();
  const changed = git('status', '--porcelain', '--untracked-files=no', '--', 'src', 'templates', 'bench') !== '';
  return `${git('rev-parse', '--short', 'HEAD')}${changed ? ' with changes' : ''}`;
}

function machine(): string {
  const all = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${all.length} cores (${all[0]?.model.trim()}), ${memory} GiB, Linux ${release().split('.', 2).join('.')}, Node ${process.versions.node}`;
}
