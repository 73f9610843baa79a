/**
 * `npm run bench -- NAME`: runs bench/NAME.ts, prints its table, and writes docs/bench/NAME.md. Ends with 1 where a
 * figure is beyond its limit. With `--sizes 20,1000` and `--rounds 2` a comparison is tried, and nothing written.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Benchmark, Comparison, ComparisonOptions, Figure } from './benchmark.ts';
import { median, short, table } from './pair/table.ts';

const ROOT = join(import.meta.dirname, '..');
/** Files of this folder that are no benchmark themselves. */
const NO_BENCHMARK = ['run.ts', 'benchmark.ts', 'fleet.ts'];

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { sizes: { type: 'string' }, rounds: { type: 'string' } },
});
const options: ComparisonOptions = {
  ...(values.sizes !== undefined && { sizes: values.sizes.split(',').map(Number) }),
  ...(values.rounds !== undefined && { rounds: Number(values.rounds) }),
};
const [name] = positionals;
const names = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.ts') && !NO_BENCHMARK.includes(file));
if (!name || !names.includes(`${name}.ts`)) {
  console.error(`usage: npm run bench -- NAME, where NAME is one of: ${names.map((n) => n.slice(0, -3)).join(', ')}`);
  process.exit(1);
}

const started = performance.now();
const { benchmark, comparison }: { benchmark?: Benchmark; comparison?: Comparison } = await import(`./${name}.ts`);
const { body, kept } = benchmark ? await runs(benchmark) : await comparison!.compare(options);
const { title, about } = (benchmark ?? comparison)!;
const times = benchmark ? `${benchmark.runs} runs` : `${Math.round((performance.now() - started) / 1000)} s`;
const document = [
  `# ${title}`,
  '',
  about,
  '',
  body,
  '',
  `${times}, ${new Date().toISOString().slice(0, 10)}, commit ${commit()}.`,
  `Machine: ${machine()}.`,
  `Again: \`npm run bench -- ${name}\`.`,
  '',
].join('\n');
console.log(document);
if (Object.keys(options).length === 0) {
  mkdirSync(join(ROOT, 'docs/bench'), { recursive: true });
  writeFileSync(join(ROOT, 'docs/bench', `${name}.md`), document);
}
process.exitCode = kept ? 0 : 1;

async function runs({ figures, runs, prepare }: Benchmark): Promise<{ readonly body: string; readonly kept: boolean }> {
  const found: Readonly<Record<string, number>>[] = [];
  {
    await using prepared = await prepare();
    for (let i = 1; i <= runs; i++) {
      found.push(await prepared.run());
      const last = figures.map((figure) => print(figure, found.at(-1)![figure.name]!));
      console.error(`run ${i} of ${runs}: ${last.join(', ')}`);
    }
  }
  const rows = figures.map((figure) => {
    const values = found.map((run) => run[figure.name]!);
    return summarise(figure, values);
  });
  const head = ['figure', 'median', 'least', 'most', 'limit', ''];
  const cells = rows.map((row) => row.cells);
  return { body: table(head, cells), kept: rows.every((row) => row.kept) };
}

/** The median must keep the limit: one disturbed run says something about the machine. */
function summarise(figure: Figure, values: readonly number[]): { cells: readonly string[]; kept: boolean } {
  const middle = median(values);
  const kept = figure.limit === undefined || middle <= figure.limit;
  const limit = figure.limit === undefined ? '' : print(figure, figure.limit);
  const verdict = figure.limit === undefined ? '' : kept ? 'kept' : 'MISSED';
  return {
    cells: [
      figure.name,
      ...[middle, Math.min(...values), Math.max(...values)].map((v) => print(figure, v)),
      limit,
      verdict,
    ],
    kept,
  };
}

function print({ unit }: Figure, value: number): string {
  return `${short(value)} ${unit}`;
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
