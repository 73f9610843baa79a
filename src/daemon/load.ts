/** keepalived.conf from the disk to what the daemon runs on, with every problem that it has. */
import { globSync, readFileSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import { formatProblem } from '../base/caret.ts';
import { hasErrors, limited, type Problem } from '../base/problem.ts';
import { drain, type Steps } from '../base/steps.ts';
import { checkSteps } from '../keepalived/check.ts';
import type { KnownLines } from '../keepalived/known-lines.ts';
import type { Config } from '../keepalived/model.ts';
import { type Parsed, parseSteps } from '../keepalived/parser.ts';
import type { IncludedFile, IncludeReader } from '../keepalived/preprocess.ts';
import type { RouterConfig } from '../vrrp/config.ts';
import { routerConfig } from '../vrrp/resolve.ts';
import { type Accounts, findAccounts } from './accounts.ts';
import { unoffered, withoutActedOn } from './offered.ts';
import { accountsIn, type UsableScripts, usableScripts } from './usable-scripts.ts';
import { NO_VMACS, type Placement } from './vmac.ts';

export interface Loaded {
  /** Without the scripts that may not be run. */
  readonly config: Config;
  /** As it was read, with them. */
  readonly written: Config;
  readonly scripts: UsableScripts;
  readonly router: RouterConfig;
  /** None until it is known what devices there are. */
  readonly placement: Placement;
}

export interface LoadResult {
  /** Absent where there is an error among the problems. */
  readonly loaded?: Loaded;
  readonly problems: readonly Problem[];
  /** The problems as people read them, with the line and a caret under it; empty where there are none. */
  readonly report: string;
}

export interface LoadOptions {
  readonly file: string;
  readonly configId?: string | undefined;
  /** -u. */
  readonly umask?: number | undefined;
  /** Names of the router's interfaces. */
  readonly interfaces: ReadonlySet<string>;
  /**
   * `wait`: an instance on an interface that does not exist waits for it in FAULT, as VLANs, bonds and USB sticks
   * come late; so at start. `refuse`: it is an error; so on a reload and in a test, where it is a slip of the pen.
   */
  readonly missingInterface: 'wait' | 'refuse';
  /** What was read before: a line that is the same is the same object, and is not read again. */
  readonly known?: KnownLines;
  /** Who was found before: that holds where nobody answers now. */
  readonly accounts?: Accounts;
}

/** The parser's own bound is 32 MiB in characters; a file behind this is no configuration. */
const BYTES_MAX = 64 * 1024 * 1024;

/** How the steps are done: all at once, or with other things in between. */
type Work = <T>(steps: Steps<T>) => T | Promise<T>;

/** Who the scripts' users are others may know, who are waited for in between. */
export async function load(options: LoadOptions, work: Work = drain): Promise<LoadResult> {
  const texts = new Map<string, string>();
  const text = readText(options.file);
  if (text instanceof Error) return unreadable(options.file, text);
  texts.set(options.file, text);
  const include = (pattern: string, fromFile: string): readonly IncludedFile[] => {
    const files = included(pattern, fromFile);
    for (const { file, text: part } of files) texts.set(file, part);
    return files;
  };
  const read = await work(readSteps({ text, include, options }));
  const accounts = await findAccounts(accountsIn(read.parsed.config), options.accounts);
  return await work(resultSteps(read, { texts, accounts, options }));
}

interface Reading {
  readonly text: string;
  readonly include: IncludeReader;
  readonly options: LoadOptions;
}

interface Read {
  readonly parsed: Parsed;
  /** What the parser found, and what is wrong beyond it. */
  readonly syntax: readonly Problem[];
  readonly found: readonly Problem[];
}

function* readSteps(reading: Reading): Steps<Read> {
  const quickly = yield* readOnce(reading, reading.options.known);
  return quickly.parsed.isVague() ? yield* readOnce(reading, undefined) : quickly;
}

function* readOnce({ text, include, options }: Reading, known: KnownLines | undefined): Steps<Read> {
  const configId = options.configId ?? hostname().split('.')[0];
  const parsed = yield* parseSteps(text, options.file, { configId, engine: 'tandemd', include, known });
  // The parser leaves wrong values out: what the rest would say of the holes would only repeat it.
  const syntax = withoutActedOn(parsed);
  const found = hasErrors(syntax) ? [] : yield* checkSteps(parsed, { interfaces: options.interfaces });
  return { parsed, syntax, found };
}

interface Surroundings {
  readonly texts: ReadonlyMap<string, string>;
  readonly accounts: Accounts;
  readonly options: LoadOptions;
}

function* resultSteps({ parsed, syntax, found }: Read, { texts, accounts, options }: Surroundings): Steps<LoadResult> {
  const wait = options.missingInterface === 'wait';
  const checked = found.map(
    (problem): Problem =>
      wait && problem.code === 'conf-unknown-interface' ? { ...problem, severity: 'warning' } : problem,
  );
  const scripts = usableScripts(parsed.config, accounts, options.umask);
  const problems = [...syntax, ...limited([...checked, ...unoffered(parsed), ...scripts.problems])];
  const report = yield* reportOf(problems, texts);
  if (hasErrors(problems)) return { problems, report };
  yield;
  const { config } = scripts;
  const router = routerConfig(config);
  return { loaded: { config, written: parsed.config, scripts, router, placement: NO_VMACS }, problems, report };
}

function* reportOf(problems: readonly Problem[], texts: ReadonlyMap<string, string>): Steps<string> {
  const lines = new Map<string, readonly string[]>();
  const source = (file: string): readonly string[] | undefined => {
    const text = texts.get(file);
    if (!lines.has(file) && text !== undefined) lines.set(file, withoutPasswords(text).split('\n'));
    return lines.get(file);
  };
  const parts: string[] = [];
  for (const problem of problems) {
    parts.push(formatProblem(problem, source));
    yield;
  }
  return parts.join('\n');
}

/** A report goes into logs and to whoever asks the daemon why; carets stay under their words. */
const withoutPasswords = (text: string): string =>
  text.replace(
    /^([ \t]*auth_pass[ \t]+)(.*)$/gm,
    (_line, keyword: string, rest: string) => keyword + '*'.repeat(rest.length),
  );

function unreadable(file: string, error: Error): LoadResult {
  const problem: Problem = {
    code: 'conf-include',
    severity: 'error',
    message: `${file} cannot be read: ${error.message}`,
  };
  return { problems: [problem], report: formatProblem(problem, () => undefined) };
}

function readText(file: string): string | Error {
  try {
    const stat = statSync(file);
    // Whoever opens a pipe waits for its writer, and a device has no end.
    if (!stat.isFile()) return new Error('it is no regular file');
    const { size } = stat;
    if (size > BYTES_MAX) return new Error(`${size} bytes are no configuration`);
    return readFileSync(file, 'utf8');
  } catch (error) {
    return error as Error;
  }
}

/** keepalived reads `include` as seen from the file's own directory, and its files in glob(3)'s order. */
function included(pattern: string, fromFile: string): readonly IncludedFile[] {
  const directory = dirname(resolve(fromFile));
  return globSync(pattern, { cwd: directory })
    .sort()
    .map((name) => resolve(directory, name))
    .flatMap((file) => {
      const text = readText(file);
      return text instanceof Error ? [] : [{ file, text }];
    });
}

/** The interfaces of our own network namespace, those that are down too; nobody's permission is needed. */
export function interfaceNames(): ReadonlySet<string> {
  const lines = readFileSync('/proc/self/net/dev', 'utf8').split('\n').slice(2);
  return new Set(lines.map((line) => line.slice(0, line.indexOf(':')).trim()).filter((name) => name !== ''));
}
