/**
 * `npm test [-- FILTER...]`: the check, then every test/**\/*.test.ts whose path contains a FILTER (all without
 * one; with one, without the check). `--long`: the files in test/long/ instead. Installs nothing: what the machine
 * lacks is named, together with the files that were therefore not run. Exit 0 only if everything that ran passed,
 * something did run, nothing was left behind, and the network around us is as it was.
 */
import { globSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { missing, needsOf } from './needs.ts';
import { endAll, runProgram } from './process.ts';
import { changesBetween, rootNetwork } from './root-network.ts';
import { type FileResult, runTestFile } from './test-file.ts';

interface TestFile {
  readonly path: string;
  readonly needs: readonly string[];
}

/** Namespaces, daemons and timers: these files mostly wait, so that two cores do four at a time. */
const KERNEL_FILES_AT_ONCE = 4;
/**
 * A minute or two each. Begun first, so that none of them is left alone at the end; those that only wait for timers
 * between those that start many programs, so that a few of each run at a time.
 */
const LONGEST = [
  ...['tandemd-interop', 'tandemd-apply', 'tandemd-direct', 'tandemd-engine', 'peer-dead', 'apply', 'tandemd-vmac'],
  ...['sync-cut', 'bare-pair', 'tandemd-no-accept', 'bring-up'],
].map((name) => `test/netns/${name}.test.ts`);
/** The slowest pure file takes seconds; a file with routers waits for takeovers and outages, some minutes in all. */
const PURE_MS_MAX = 120_000;
const KERNEL_MS_MAX = 300_000;
/** A matrix of a few hundred reloads at several seconds each. */
const LONG_MS_MAX = 3 * 3_600_000;

// Each of some hundred programs would compile the same files again. Inside of the tree, where a lab's routers see it too.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, '../node_modules/.cache/compiled');
process.env.NODE_COMPILE_CACHE_PORTABLE ??= '1';

process.on('SIGINT', () => {
  endAll();
  process.exit(130);
});

process.exitCode = (await main(process.argv.slice(2))) ? 0 : 1;

async function main(argv: readonly string[]): Promise<boolean> {
  const long = argv.includes('--long');
  const filters = argv.filter((argument) => argument !== '--long');
  const checked = long || filters.length > 0 || (await runCheck());
  const files = findFiles(long, filters);
  const lacking = files.filter((file) => missing(file.needs).length > 0);
  const network = rootNetwork();

  const results = await runFiles(
    files.filter((file) => !lacking.includes(file), long),
    long,
  );

  const failures = results.filter((result) => !result.ok);
  const changes = network === undefined ? [] : changesBetween(network, rootNetwork() ?? []);
  reportMissing(lacking);
  for (const line of results.flatMap((result) => result.skipped)) console.log(`skipped: ${line}`);
  for (const line of results.flatMap((result) => result.again)) console.log(`again: ${line}`);
  for (const { path } of failures) console.log(`FAIL ${path}`);
  if (!checked) console.log('FAIL the check (npm run check)');
  if (changes.length > 0) console.log(`FAIL the tests changed the network around them:\n${changes.join('\n')}`);
  if (results.length === 0) console.log('FAIL no test file was run');
  const failed = sum(results, (result) => result.failed) + Number(!checked) + Number(changes.length > 0);
  const skipped = sum(results, (result) => result.skipped.length) + lacking.length;
  console.log(`\n${sum(results, (result) => result.passed)} passed, ${failed} failed, ${skipped} skipped`);
  return failed === 0 && failures.length === 0 && results.length > 0;
}

async function runCheck(): Promise<boolean> {
  const check = await runProgram([process.execPath, 'scripts/check.ts'], { timeoutMs: KERNEL_MS_MAX });
  console.log(`${check.output.trimEnd()}\n`);
  return check.code === 0;
}

function findFiles(long: boolean, filters: readonly string[]): readonly TestFile[] {
  const paths = long ? globSync('test/long/**/*.long.ts') : globSync('test/**/*.test.ts');
  const matches = (path: string) => filters.length === 0 || filters.some((filter) => path.includes(filter));
  return paths
    .filter(matches)
    .sort()
    .map((path) => ({ path, needs: needsOf(readFileSync(path, 'utf8'), path) }));
}

/** Long series measure: one after another. */
async function runFiles(files: readonly TestFile[], long: boolean): Promise<readonly FileResult[]> {
  if (long) return inParallel(files, 1, LONG_MS_MAX);
  const pure = files.filter((file) => !file.needs.includes('kernel'));
  const rank = ({ path }: TestFile) => (LONGEST.includes(path) ? LONGEST.indexOf(path) : LONGEST.length);
  const kernel = files.filter((file) => file.needs.includes('kernel')).sort((a, b) => rank(a) - rank(b));
  const pureResults = await inParallel(pure, availableParallelism(), PURE_MS_MAX);
  return [...pureResults, ...(await inParallel(kernel, KERNEL_FILES_AT_ONCE, KERNEL_MS_MAX))];
}

async function inParallel(files: readonly TestFile[], width: number, timeoutMs: number): Promise<FileResult[]> {
  const results: FileResult[] = [];
  const waiting = [...files];
  const worker = async () => {
    for (let file = waiting.shift(); file; file = waiting.shift()) {
      const result = await runTestFile(file.path, timeoutMs);
      results.push(result);
      const { ok, passed, seconds } = result;
      console.log(`${ok ? 'ok  ' : 'FAIL'} ${file.path}  ${passed} passed  ${seconds.toFixed(1)} s`);
      if (!ok) console.log(`${result.output.trimEnd()}\n${result.reasons.map((r) => `FAIL ${r}`).join('\n')}`);
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  return results;
}

function reportMissing(files: readonly TestFile[]): void {
  const remedies = new Map(files.flatMap((file) => missing(file.needs).map(({ need, remedy }) => [need, remedy])));
  if (files.length > 0) console.log('\nNot run, because this machine lacks something:');
  for (const [need, remedy] of remedies) console.log(`  missing ${need}: ${remedy}`);
  for (const { path, needs } of files) {
    const words = missing(needs).map(({ need }) => need);
    console.log(`  not run: ${path} (${words.join(', ')})`);
  }
}

function sum<T>(items: readonly T[], count: (item: T) => number): number {
  return items.reduce((total, item) => total + count(item), 0);
}
