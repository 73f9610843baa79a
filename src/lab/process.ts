/** Running the programs that a lab is made of: whole output, a time limit, and what failed in the error. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface RunResult {
  readonly code: number | undefined;
  readonly signal?: string;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly stdin?: string | Uint8Array;
  readonly timeoutMs?: number;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

/** Nothing that a lab runs for its own sake takes longer, even on a stalled machine. */
const TIMEOUT_MS_DEFAULT = 60_000;
/** Output is kept in memory: more than this is a runaway command. */
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

/** Runs to its end; a code that is not 0 is a result, not an error. A time-out or a missing program throws. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const [program, ...args] = argv;
  if (program === undefined) throw new Error('an empty command');
  const { env, cwd } = options;
  const child = spawn(program, args, { stdio: 'pipe', ...(env && { env }), ...(cwd !== undefined && { cwd }) });
  const stdout = collect(child.stdout, () => child.kill('SIGKILL'));
  const stderr = collect(child.stderr, () => child.kill('SIGKILL'));
  // A command may end without reading its input: that is its choice.
  child.stdin.on('error', () => {});
  child.stdin.end(options.stdin ?? '');
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS_DEFAULT;
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill('SIGKILL');
  }, timeoutMs);
  try {
    return await new Promise<RunResult>((resolve, reject) => {
      child.once('error', (cause) => reject(new Error(`cannot run ${program}`, { cause })));
      child.once('close', (code, signal) => {
        if (late) reject(new Error(`${argv.join(' ')} did not end within ${timeoutMs} ms`));
        else {
          const ended = { code: code ?? undefined, stdout: stdout.text(), stderr: stderr.text() };
          resolve(signal === null ? ended : { ...ended, signal });
        }
      });
    });
  } finally {
    clearTimeout(timer);
  }
}

/** Like `run`, for commands that must succeed; gives the standard output. */
export async function must(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const result = await run(argv, options);
  if (result.code !== 0) {
    throw new Error(`${argv.join(' ')} failed (${result.signal ?? result.code}): ${result.stderr.trim()}`);
  }
  return result.stdout;
}

function collect(stream: NodeJS.ReadableStream, tooMuch: () => void): { text(): string } {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > OUTPUT_BYTES_MAX) tooMuch();
    else chunks.push(chunk);
  });
  return { text: () => Buffer.concat(chunks).toString('utf8') };
}

export interface WaitOptions {
  /** What is waited for, for the error. */
  readonly what: string;
  readonly timeoutMs: number;
  /** Default 20 ms. */
  readonly everyMs?: number;
}

/** Waits until the probe gives something other than undefined or false. */
export async function waitFor<T>(
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  { what, timeoutMs, everyMs = 20 }: WaitOptions,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

/** Signals what `nsenter` runs: it only waits for its child and passes no signal on. */
export function signalInside(nsenter: ChildProcess, signal: NodeJS.Signals): void {
  const { pid } = nsenter;
  if (pid === undefined || nsenter.exitCode !== null) return;
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
      .split(' ')
      .filter((each) => each !== '');
    for (const child of children) process.kill(Number(child), signal);
  } catch (cause) {
    // It ended in this moment.
    if (!['ENOENT', 'ESRCH'].includes((cause as NodeJS.ErrnoException).code ?? '')) throw cause;
  }
}
