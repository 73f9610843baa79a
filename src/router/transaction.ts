/**
 * A change on one router, step by step, each step one command. Order of use: `stage`, then `commit` once for every
 * generation, `proveReload` after each one that signalled, `restore` to go back, `finish` at the end.
 *
 * Files are staged beside their targets as numbered generations; generation 0 is what was live when staging began.
 * Nothing live changes before `commit`, and a commit asked again answers the same.
 */
import { assert } from '../base/assert.ts';
import type { Engine } from '../base/engine.ts';
import { type Millis, ms } from '../base/units.ts';
import { type ExecOptions, type Remote, RemoteError } from './remote.ts';
import { readReport } from './report.ts';
import { newMark } from './sections.ts';
import { sha256Of } from './sha256.ts';
import {
  type CommitScript,
  cleanScript,
  commitScript,
  type StagedFile,
  stagedPath,
  stageScript,
  testScript,
} from './transaction.sh.ts';

export interface NewFile {
  /** Absolute. */
  readonly path: string;
  readonly mode: number;
  readonly content: Uint8Array;
}

export interface Generation {
  /** 1 and up. */
  readonly number: number;
  readonly files: readonly NewFile[];
  /** What the daemon's test reads in the place of the configuration, where it cannot read that itself. */
  readonly testCopy?: Uint8Array;
  /** Who tests it; absent: whoever tests the others. */
  readonly test?: TestCommand;
}

/** How the configuration test is asked for: by the daemon that will read the file, as it was started. */
export interface TestCommand {
  /** Of the running process where there is one: an upgrade may have replaced what lies on disk. */
  readonly pid?: number;
  readonly binary: string;
  /** What the binary runs, where it is an interpreter. */
  readonly script?: string;
  readonly engine: Engine;
  readonly configId?: string;
}

/** A line of the daemon's own test. */
export interface TestFinding {
  readonly generation: number;
  /** The target's path, where the line names a file; an included file's own. */
  readonly file?: string;
  readonly line?: number;
  readonly text: string;
}

export type Staged =
  | { readonly kind: 'ready'; readonly warnings: readonly TestFinding[] }
  | { readonly kind: 'problems'; readonly findings: readonly TestFinding[] }
  /** The files cannot be put there as things stand; a sentence. */
  | { readonly kind: 'no-place'; readonly reason: string };

export interface Process {
  readonly pid: number;
  readonly startTime: string;
}

/** What a generation's file is once it is in place; no hash: the generation has no such file. */
export interface PlacedFile {
  readonly path: string;
  readonly sha256?: string;
}

export interface CommitOrder {
  readonly generation: number;
  /** Everything that the generation puts in place, or takes away. */
  readonly files: readonly PlacedFile[];
  /** Refuse unless all of this still holds; a live file may carry any of the hashes, '' for one that does not exist. */
  readonly seen: {
    readonly bootId: string;
    readonly daemon?: Process;
    readonly files: readonly { readonly path: string; readonly sha256: readonly string[] }[];
  };
  /** Let the daemon know: by its unit, or by SIGHUP to exactly this process. */
  readonly reload?: Process & { readonly unit?: string };
  /** Wait for a moment of the router's clock (seconds since 1970); later than `late` after it, change nothing. */
  readonly armed?: { readonly at: number; readonly late: Millis };
}

/** Seconds since 1970 on the router's clock: the signal was sent after the first and before the second. */
export interface Signalled {
  readonly earliest: number;
  readonly latest: number;
}

export type Committed =
  /** `writes`: renames made; 0 where everything lay in place already. */
  | { readonly kind: 'done'; readonly writes: number; readonly signalled?: Signalled }
  /** The router is not what the plan saw: nothing was changed. */
  | { readonly kind: 'stale'; readonly reason: string }
  /** The moment had passed: nothing was changed. */
  | { readonly kind: 'missed' }
  /** The files are in place, and the process that was to be signalled is not there any more. */
  | { readonly kind: 'gone' }
  | { readonly kind: 'failed'; readonly reason: string; readonly placed: boolean };

/** 30 MB over a slow line (1 Mbit/s is 4 minutes); the connection's keepalives end a dead one sooner. */
const stageTimeout = ms(300_000);
const testTimeout = ms(60_000);
const commitTimeout = ms(30_000);
/** A single argument of a command may have 128 KiB on Linux. */
const scriptLengthMax = 120_000;

/** Uploads every generation, keeps what is live as generation 0, and has the daemon test each configuration. */
export async function stage(
  remote: Remote,
  config: string,
  generations: readonly Generation[],
  test: TestCommand,
): Promise<Staged> {
  const staged = generations.flatMap((generation) => [
    ...generation.files.map((file) => ({ file, number: generation.number })),
    ...copyOf(generation, config),
  ]);
  const contents = staged.map(({ file }) => file.content);
  const files = staged.map(({ file, number }) => toStaged(file, number));
  const upload = Buffer.concat(contents);
  const mark = newMark();
  const script = stageScript({ mark, size: upload.length, sha256: sha256Of(upload), files, config });
  assert(script.length < scriptLengthMax, 'a transaction has some hundred files at most');
  const argv = ['sh', '-c', script];
  const answers = await ask(remote, mark, { argv, stdin: upload, timeout: stageTimeout, what: 'staging files' });
  const [word, ...rest] = answers.at(-1) ?? [];
  const noPlace = placeProblem(word, rest);
  if (noPlace !== undefined) return { kind: 'no-place', reason: noPlace };
  if (word !== 'staged')
    throw new RemoteError('cut', remote.router, `staging files: the upload came ${word} (${rest})`);
  const testOf = (number: number) => generations.find((each) => each.number === number)?.test ?? test;
  return testAll(remote, config, files, testOf);
}

function placeProblem(word: string | undefined, rest: readonly string[]): string | undefined {
  switch (word) {
    case 'no-space': {
      const [free, needed, ...path] = rest;
      return `there is no room for the new files in ${path.join(' ')}: ${needed} KiB are needed and ${free} KiB free`;
    }
    case 'full':
      return `there is no room for ${rest.join(' ')}`;
    case 'unwritable':
      return `${rest.join(' ')} cannot be written: the file system may be mounted read-only`;
    case 'link':
      return `${rest.join(' ')} is a symbolic link, which a change would replace: put the file itself there, or start keepalived with -f and the path that the link shows`;
    default:
      return undefined;
  }
}

async function testAll(
  remote: Remote,
  config: string,
  files: readonly StagedFile[],
  testOf: (generation: number) => TestCommand,
): Promise<Staged> {
  const findings: TestFinding[] = [];
  let refused = false;
  const configs = files.filter((file) => file.path === config);
  for (const { generation } of configs.filter((file) => file.generation < COPIES)) {
    const copy = configs.find((file) => file.generation === generation + COPIES);
    const staged = stagedPath(config, copy?.generation ?? generation);
    const result = await testGeneration(remote, { config, generation, staged }, testOf(generation));
    findings.push(...result.findings);
    refused ||= result.refused;
  }
  return refused ? { kind: 'problems', findings } : { kind: 'ready', warnings: findings };
}

/** Test copies are staged under numbers from here on: no change has that many generations. */
const COPIES = 1000;

function copyOf({ number, testCopy }: Generation, config: string) {
  if (testCopy === undefined) return [];
  return [{ file: { path: config, mode: 0o600, content: testCopy }, number: number + COPIES }];
}

interface Tested {
  readonly config: string;
  readonly generation: number;
  /** What the test reads. */
  readonly staged: string;
}

async function testGeneration(remote: Remote, tested: Tested, test: TestCommand) {
  const mark = newMark();
  const binary = test.pid === undefined ? test.binary : `/proc/${test.pid}/exe`;
  const identity = test.configId === undefined ? [] : ['-i', test.configId];
  const program = test.script === undefined ? [binary] : [binary, test.script];
  const script = testScript(mark, [...program, '-t', '-f', tested.staged, ...identity]);
  const what = 'testing the staged configuration';
  const result = await remote.exec(['sh', '-s'], { stdin: script, timeout: testTimeout, what });
  const [head = '', ...said] = result.stdout.split('\n');
  const status = new RegExp(`^${mark} tested (\\d+)$`).exec(head)?.[1];
  if (status === undefined) throw new Error(`${remote.router}: ${what} failed: ${result.stderr.trim().slice(-300)}`);
  const judge = test.engine === 'tandemd' ? judgeReport : judgeTest;
  return judge(Number(status), said.join('\n'), tested);
}

/** tandemd's exit status is 0 for a file that it would load; what it warns of is then only told. */
export function judgeReport(
  status: number,
  output: string,
  { generation, config, staged }: Tested,
): { readonly refused: boolean; readonly findings: readonly TestFinding[] } {
  const problems = readReport(output, { path: staged, target: config });
  const findings = problems.map(({ text }): TestFinding => ({ generation, text }));
  if (status === 0 || findings.length > 0) return { refused: status !== 0, findings };
  const said = output.trim().slice(0, 300) || 'it does not say why';
  return { refused: true, findings: [{ generation, text: `tandemd's own test ended with status ${status}: ${said}` }] };
}

/**
 * keepalived's exit status is 0 for a good file; with scripts and without enable_script_security it is 5 or 6 and
 * says only that, which is no error (its issue 2457). An empty file passes its test and would release every VIP.
 */
export function judgeTest(
  status: number,
  output: string,
  { generation, config, staged }: Tested,
): { readonly refused: boolean; readonly findings: readonly TestFinding[] } {
  const lines = [...new Set(output.split('\n').map((line) => line.trim()))].filter((line) => line !== '');
  const findings = lines.map((line): TestFinding => {
    const match = /^\((?:(\S+): )?Line (\d+)\) (.*)$/.exec(line);
    if (match === null) return { generation, text: line };
    const file = match[1] === undefined || match[1] === staged ? config : match[1];
    return { generation, file, line: Number(match[2]), text: match[3]! };
  });
  if (status === 0) return { refused: false, findings };
  const security = lines.length > 0 && lines.every((line) => line.startsWith('SECURITY VIOLATION'));
  if ((status === 5 || status === 6) && security) return { refused: false, findings };
  if (status === 143 || status === 137 || status === 124) {
    const text = `the daemon's own test did not come to an end (status ${status}); with script_user some versions of keepalived kill themselves in it`;
    return { refused: true, findings: [...findings, { generation, text }] };
  }
  const nothing = {
    generation,
    text: `the daemon's own test refuses the file with status ${status} and does not say why`,
  };
  return { refused: true, findings: findings.length === 0 ? [nothing] : findings };
}

/** Puts a generation in place, and lets the daemon know where asked: one command, guards first. */
export function commit(remote: Remote, order: CommitOrder): Promise<Committed> {
  const { seen, reload, armed } = order;
  const daemon = reload ?? seen.daemon;
  return runCommit(
    remote,
    {
      ...toPlace(order),
      bootId: seen.bootId,
      ...(daemon === undefined ? {} : { daemon: { ...daemon, guarded: seen.daemon !== undefined } }),
      expected: seen.files,
      signal: signalOf(reload),
      ...(armed === undefined ? {} : { at: armed.at, late: armed.late / 1000 }),
    },
    armed === undefined ? ms(0) : armed.late,
  );
}

/**
 * Generation 0 again, whatever is live now: no guard stands in the way of going back. The signal goes only to the
 * process that is named.
 */
export function restore(
  remote: Remote,
  files: readonly PlacedFile[],
  reload: CommitOrder['reload'],
  armed?: CommitOrder['armed'],
): Promise<Committed> {
  const script = {
    ...toPlace({ generation: 0, files }),
    ...(reload === undefined ? {} : { daemon: { ...reload, guarded: false } }),
    expected: [],
    signal: signalOf(reload),
    ...(armed === undefined ? {} : { at: armed.at, late: armed.late / 1000 }),
  };
  return runCommit(remote, script, armed?.late ?? ms(0));
}

/** Takes away what staging left. The configuration that ran before stays beside the new one. */
export async function finish(remote: Remote, config: string, paths: readonly string[]): Promise<void> {
  const mark = newMark();
  const script = cleanScript(mark, [config, ...paths], config);
  await ask(remote, mark, {
    argv: ['sh', '-s'],
    stdin: script,
    timeout: commitTimeout,
    what: 'taking staged files away',
  });
}

const toPlace = ({ generation, files }: Pick<CommitOrder, 'generation' | 'files'>) => ({
  files: files.flatMap(({ path, sha256 }) => (sha256 === undefined ? [] : [{ path, generation, sha256 }])),
  removed: files.flatMap(({ path, sha256 }) => (sha256 === undefined ? [path] : [])),
});

const signalOf = (reload: CommitOrder['reload']): NonNullable<CommitScript['signal']> =>
  reload === undefined ? 'none' : reload.unit === undefined ? 'hup' : { unit: reload.unit };

async function runCommit(remote: Remote, script: Omit<CommitScript, 'mark'>, waiting: Millis): Promise<Committed> {
  const mark = newMark();
  const stdin = `main() {\n${commitScript({ mark, ...script })}}\nmain </dev/null\n`;
  const what = script.signal === 'none' ? 'putting files in place' : 'putting files in place and reloading';
  const wait = script.at === undefined ? 0 : armedMax + waiting;
  const answers = await ask(remote, mark, {
    argv: ['sh', '-s'],
    stdin,
    timeout: ms(Math.ceil(commitTimeout + wait)),
    what,
  });
  return readCommit(answers);
}

/** A moment further ahead than this is a mistake: nobody arms a pair for longer. */
const armedMax = ms(30_000);

function readCommit(answers: readonly (readonly string[])[]): Committed {
  const [word, ...rest] = answers.at(-1) ?? [];
  const of = (key: string) => answers.find((answer) => answer[0] === key);
  const placed = of('placed');
  switch (word) {
    case 'stale':
      return { kind: 'stale', reason: staleReason(rest) };
    case 'missed':
      return { kind: 'missed' };
    case 'done': {
      const signalled = of('signalled');
      return {
        kind: 'done',
        writes: Number(placed?.[1] ?? 0),
        ...(signalled === undefined ? {} : { signalled: readSignalled(signalled) }),
      };
    }
    case 'gone':
      return { kind: 'gone' };
    case 'unsignalled':
      return { kind: 'failed', reason: `the daemon was not told to reload: ${rest.join(' ').trim()}`, placed: true };
    default:
      return { kind: 'failed', reason: [word, ...rest].join(' '), placed: placed !== undefined };
  }
}

/** `signalled BEFORE AFTER`; busybox's date knows whole seconds only. */
function readSignalled([, before = '', after = '']: readonly string[]): Signalled {
  const coarse = /\.\d/.test(after) ? 0 : 1;
  return { earliest: Number.parseFloat(before), latest: Number.parseFloat(after) + coarse };
}

function staleReason([what, path]: readonly string[]): string {
  if (what === 'rebooted') return 'the router booted again since';
  if (what === 'daemon') return 'the daemon that was seen does not run any more';
  return what === 'staged' ? `the staged file ${path} is gone or was changed` : `${path} was changed since`;
}

export interface Asked extends ExecOptions {
  readonly argv: readonly string[];
}

/** The marked lines of a script's output, split at blanks. Throws where there is none: then it is not known how far it came. */
export async function ask(remote: Remote, mark: string, { argv, ...options }: Asked): Promise<string[][]> {
  const { what } = options;
  const result = await remote.exec(argv, options);
  const lines = result.stdout.split('\n').filter((line) => line.startsWith(`${mark} `));
  if (lines.length === 0) {
    const said = result.stderr.trim().slice(-300);
    throw new Error(
      `${remote.router}: ${what} ended without an answer (status ${result.code ?? result.signal}): ${said}`,
    );
  }
  return lines.map((line) => line.slice(mark.length + 1).split(' '));
}

const toStaged = (file: NewFile, generation: number): StagedFile => ({
  path: file.path,
  generation,
  mode: file.mode,
  size: file.content.length,
  sha256: sha256Of(file.content),
});
