/** tandemd, the executable, or keepalived, in one of the routers; and what it costs. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { waitFor } from '../../src/lab/process.ts';
import type { Router } from './network.ts';

export type Engine = 'tandemd' | 'keepalived';
export const ENGINES: readonly Engine[] = ['tandemd', 'keepalived'];

const TANDEMD = resolve(import.meta.dirname, '../../dist/tandemd');
/** utime and stime of proc(5) are counted in it: USER_HZ. */
const TICK_MS = 10;

export class Daemon implements AsyncDisposable {
  readonly #directory = mkdtempSync(join(tmpdir(), 'bench-'));
  readonly #process: ChildProcess;
  readonly #ended: Promise<void>;
  #log = '';

  /** Ready when it is BACKUP. */
  static async start(engine: Engine, router: Router, text: string, more: NodeJS.ProcessEnv = {}): Promise<Daemon> {
    const daemon = new Daemon(engine, router, text, more);
    try {
      await waitFor(() => daemon.states().includes('BACKUP'), {
        what: `${engine} to be BACKUP`,
        timeoutMs: 20_000,
        everyMs: 10,
      });
      return daemon;
    } catch (cause) {
      await daemon[Symbol.asyncDispose]();
      throw new Error(`${engine} did not start:\n${daemon.#log.slice(-1000)}`, { cause });
    }
  }

  private constructor(engine: Engine, router: Router, text: string, more: NodeJS.ProcessEnv) {
    this.write(text);
    const file = (name: string): string => join(this.#directory, name);
    const program = engine === 'tandemd' ? [TANDEMD] : ['keepalived', '--vrrp'];
    const files = ['-f', file('conf'), '-p', file('pid'), '-r', file('vrrp.pid')];
    const argv = ['netns', 'exec', router, ...program, '-n', '-l', ...files];
    const env = { ...process.env, ...more, TANDEMD_SOCKET: file('sock') };
    this.#process = spawn('ip', argv, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#process.stdout!, this.#process.stderr!]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        this.#log += chunk;
      });
    }
    this.#ended = new Promise((done) => {
      this.#process.once('close', () => done());
    });
  }

  write(text: string): void {
    writeFileSync(join(this.#directory, 'conf'), text);
  }

  get pid(): number {
    return this.#process.pid!;
  }

  /** What `tandemd ctl` says; of tandemd alone. */
  ask(what: string): string {
    const env = { ...process.env, TANDEMD_SOCKET: join(this.#directory, 'sock') };
    return execFileSync(TANDEMD, ['ctl', what, '--json'], { encoding: 'utf8', env });
  }

  get log(): string {
    return this.#log;
  }

  /** All that it has been in, in order. */
  states(): readonly string[] {
    return [...this.#log.matchAll(/Entering (\w+) STATE/g)].map((match) => match[1]!);
  }

  /** CPU time of all its processes and their threads, those that have ended too, in ms, as a multiple of 10. */
  cpuMs(): number {
    return this.processes().reduce((sum, pid) => sum + cpuTicks(pid) * TICK_MS, 0);
  }

  /** MiB. */
  residentMiB(): number {
    return this.processes().reduce((sum, pid) => sum + residentKiB(pid) / 1024, 0);
  }

  /** It has nothing left to do: of the last 300 ms it worked no more than 20. */
  async rests(): Promise<void> {
    let [before, at] = [this.cpuMs(), performance.now()];
    await waitFor(
      () => {
        if (performance.now() - at < 300) return false;
        const after = this.cpuMs();
        const isResting = after - before <= 2 * TICK_MS;
        [before, at] = [after, performance.now()];
        return isResting;
      },
      { what: 'the daemon to rest', timeoutMs: 60_000 },
    );
  }

  /** Killed with whatever it started: nothing is given up. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      // The parent first: it would start another child.
      for (const pid of this.processes()) process.kill(pid, 'SIGKILL');
    }
    await this.#ended;
    rmSync(this.#directory, { recursive: true });
  }

  /** It and its children, the parent first. */
  processes(): readonly number[] {
    const children = readFileSync(`/proc/${this.pid}/task/${this.pid}/children`, 'utf8').split(' ');
    return [this.pid, ...children.filter((each) => each !== '').map(Number)];
  }
}

/** proc(5): the name, in brackets, may contain anything. */
function cpuTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

const residentKiB = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);
