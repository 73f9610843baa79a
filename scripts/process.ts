/** Runs a program in a process group of its own, with its output collected, its time measured and a limit on both. */
import { spawn } from 'node:child_process';

export interface Ended {
  /** undefined where a signal ended it. */
  readonly code: number | undefined;
  readonly output: string;
  readonly elapsedMs: number;
  readonly timedOut: boolean;
  /** Processes of its group were still there after it had ended (they are ended then). */
  readonly leftBehind: boolean;
}

export interface RunOptions {
  readonly timeoutMs: number;
  /** Beside what we have ourselves; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** A failing property prints its counterexample; more than this is a test that runs wild. */
const OUTPUT_CHARACTERS_MAX = 2_000_000;
/** How long what a program has started may take to go after it: a daemon that was told to end needs a moment. */
const GROUP_GONE_MS_MAX = 3_000;

const running = new Set<number>();

/** Never rejects for what the program does; only when it cannot be started at all. */
export async function runProgram(argv: readonly [string, ...string[]], options: RunOptions): Promise<Ended> {
  const started = performance.now();
  const [program, ...rest] = argv;
  const child = spawn(program, rest, {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  });
  let output = '';
  const collect = (chunk: string) => {
    if (output.length < OUTPUT_CHARACTERS_MAX) output += chunk;
  };
  child.stdout.setEncoding('utf8').on('data', collect);
  child.stderr.setEncoding('utf8').on('data', collect);
  const group = await new Promise<number>((resolve, reject) => {
    child.once('spawn', () => resolve(child.pid!));
    child.once('error', (cause) => reject(new Error(`${program} cannot be started`, { cause })));
  });
  running.add(group);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    signalGroup(group, 'SIGKILL');
  }, options.timeoutMs);
  // 'exit', not 'close': a process that was left behind may hold the pipes open for ever.
  const code = await new Promise<number | undefined>((resolve) => {
    child.once('exit', (exitCode) => resolve(exitCode ?? undefined));
  });
  clearTimeout(timer);
  const leftBehind = !timedOut && !(await groupGone(group));
  signalGroup(group, 'SIGKILL');
  running.delete(group);
  await new Promise((resolve) => setImmediate(resolve));
  child.stdout.destroy();
  child.stderr.destroy();
  return { code, output, elapsedMs: performance.now() - started, timedOut, leftBehind };
}

/** Ends everything that runs: for Ctrl-C, which does not reach groups of their own. */
export function endAll(): void {
  for (const group of running) signalGroup(group, 'SIGKILL');
}

async function groupGone(group: number): Promise<boolean> {
  const deadline = performance.now() + GROUP_GONE_MS_MAX;
  while (signalGroup(group, 0)) {
    if (performance.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return true;
}

/** Whether there was anybody to signal. */
function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-group, signal);
    return true;
  } catch {
    return false;
  }
}
