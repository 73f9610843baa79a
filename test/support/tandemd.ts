/** A tandemd of its own for a test, in the namespace that the test has entered. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type CountersReply, replySchema, type StatusReply } from '../../src/control/messages.ts';
import { waitFor } from '../../src/lab/process.ts';

export const TANDEMD = resolve(import.meta.dirname, '../../src/tandemd.ts');

export interface DaemonOptions {
  /** Further options. */
  readonly more?: readonly string[];
  /** A program with its arguments that starts what follows. */
  readonly under?: readonly string[];
}

/** The folder of a test file's daemons: their configuration, pid files and control socket. */
export class Place implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'tandemd-'));

  file(name: string): string {
    return join(this.directory, name);
  }

  get arguments(): readonly string[] {
    return ['-f', this.file('conf'), '-p', this.file('pid'), '-r', this.file('vrrp.pid')];
  }

  get environment(): NodeJS.ProcessEnv {
    return { ...process.env, TANDEMD_SOCKET: this.file('sock') };
  }

  write(text: string): void {
    writeFileSync(this.file('conf'), text);
  }

  start(text: string, options: DaemonOptions = {}): Daemon {
    this.write(text);
    return new Daemon(this, options);
  }

  status(): StatusReply {
    const reply = this.#ask('status');
    if (reply.kind !== 'status') throw new Error(`the reply is ${reply.kind}`);
    return reply;
  }

  counters(): CountersReply['instances'][number] {
    const reply = this.#ask('counters');
    if (reply.kind !== 'counters') throw new Error(`the reply is ${reply.kind}`);
    return reply.instances[0]!;
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  #ask(what: string) {
    const argv = [TANDEMD, 'ctl', what, '--json'];
    const text = execFileSync(process.execPath, argv, { encoding: 'utf8', env: this.environment });
    return replySchema.parse(JSON.parse(text));
  }
}

/** It is killed at the end, and gives nothing up. */
export class Daemon implements AsyncDisposable {
  log = '';
  readonly process: ChildProcess;
  readonly ended: Promise<number | string>;

  constructor(place: Place, { more = [], under = [] }: DaemonOptions) {
    const [program, ...argv] = [
      ...under,
      ...[process.execPath, TANDEMD, '-n', '-l', '-D'],
      ...place.arguments,
      ...more,
    ] as [string, ...string[]];
    this.process = spawn(program, argv, { env: place.environment, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.process.stdout!, this.process.stderr!]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        this.log += chunk;
      });
    }
    this.ended = new Promise((done) => {
      this.process.once('exit', (code, signal) => done(code ?? signal ?? ''));
    });
  }

  async says(pattern: RegExp, times = 1): Promise<void> {
    const all = new RegExp(pattern.source, 'g');
    const said = () => [...this.log.matchAll(all)].length >= times;
    try {
      await waitFor(said, { what: `${pattern} ${times} times`, timeoutMs: 20_000, everyMs: 10 });
    } catch (cause) {
      throw new Error(`it said\n${this.log}`, { cause });
    }
  }

  signal(name: NodeJS.Signals): void {
    this.process.kill(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal('SIGKILL');
    await this.ended;
  }
}
