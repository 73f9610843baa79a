/** What the demo plays on: a lab, a copy of the configuration as it was published, this very program, and a list of what held. */
import { spawn } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deferred } from '../../base/deferred.ts';
import type { Engine } from '../../base/engine.ts';
import { Lab } from '../../lab/lab.ts';
import type { Io } from '../io.ts';
import { A, B, VIPS } from './cast.ts';
import { transcript } from './transcript.ts';

export interface Held {
  readonly what: string;
  readonly held: boolean;
}

export class Stage implements AsyncDisposable {
  readonly io: Io;
  readonly engine: Engine;
  readonly lab: Lab;
  readonly fleet: string;
  readonly held: Held[] = [];
  readonly #began = performance.now();
  /** What the last command printed. */
  #shown: readonly string[] = [];

  private constructor(io: Io, engine: Engine, lab: Lab, fleet: string) {
    this.io = io;
    this.engine = engine;
    this.lab = lab;
    this.fleet = fleet;
  }

  static async open(io: Io, engine: Engine): Promise<Stage> {
    const lab = await Lab.up({});
    const fleet = join(lab.directory, 'fleet');
    // Not the tree's own pairs/: those are the user's to change.
    cpSync(join(io.packageRoot, 'examples/seed-as-published'), fleet, { recursive: true });
    cpSync(join(io.packageRoot, 'router-scripts'), join(fleet, 'router-scripts'), { recursive: true });
    return new Stage(io, engine, lab, fleet);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab.down();
  }

  act(title: string): void {
    const at = ((performance.now() - this.#began) / 1000).toFixed(0).padStart(3);
    this.io.out.result(`\n${this.io.out.paint('bold', `== ${title}`)}  ${this.io.out.paint('dim', `(${at} s)`)}`);
  }

  say(line: string): void {
    this.io.out.result(line);
  }

  /** Notes whether something held: what was really seen, not what was meant to happen. */
  check(what: string, held: boolean): void {
    this.held.push({ what, held });
    this.say(`   ${held ? this.io.out.paint('good', 'held ') : this.io.out.paint('error', 'FAILED')} ${what}`);
  }

  /** Runs this program on the demo's fleet and shows what it prints. */
  tandem(...args: readonly string[]): Promise<{ code: number | null; output: string }> {
    this.say(this.io.out.paint('dim', `$ tandem ${args.join(' ')}`));
    const program = process.argv[1]!;
    const { promise, resolve, reject } = deferred<{ code: number | null; output: string }>();
    const command = [process.execPath, program, '-C', this.fleet, '-F', this.lab.sshConfig, ...args];
    // Where the demo is ended there are no routers any more that an interrupted apply could put back.
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...command], {
      stdio: ['ignore', 'pipe', 'pipe'],
      // The demo's own password: in the environment of this one process, as `${env:CORE_VRRP}` asks.
      env: { ...process.env, CORE_VRRP: 'demo-pw' },
    });
    const { stream, end } = transcript(this.#shown, (line) => this.say(`  ${line}`));
    for (const pipe of [child.stdout, child.stderr]) pipe.setEncoding('utf8').on('data', stream());
    child.once('error', reject);
    child.once('close', (code) => {
      this.#shown = end();
      resolve({ code, output: this.#shown.join('\n') });
    });
    return promise;
  }

  /** Changes the pair's file as a person would with an editor, and shows the new lines. */
  edit(from: string, to: string): void {
    const file = join(this.fleet, 'pairs/core.yaml');
    const text = readFileSync(file, 'utf8');
    if (!text.includes(from)) throw new Error(`the example has no "${from}" any more`);
    const edited = text.replace(from, () => to);
    writeFileSync(file, edited);
    const before = new Set(text.split('\n'));
    for (const line of edited.split('\n')) if (!before.has(line)) this.say(`   ${line.trim()}`);
  }

  async stopDaemon(router: string): Promise<void> {
    if (this.engine === 'keepalived') await this.lab.stopKeepalived(router);
    // Its end is not waited for: by then it has given up everything, and tries to get rid of its mail.
    else await this.lab.must(router, ['sh', '-c', 'kill -TERM "$(cat /run/keepalived.pid)"']);
  }

  /** The router whose power was cut is switched on again, and takes its VIPs back: it has the higher priority. */
  async backAgain(): Promise<void> {
    this.say(`   the power of ${A} comes back`);
    await this.lab.reboot(A);
    const settled = await this.until('one master and one backup again', 30_000, async () => {
      const [onA, onB] = [await this.vips(A), await this.vips(B)];
      return onA.length === VIPS && onB.length === 0;
    });
    this.check(`${A} is back and serves all ${VIPS} VIPs again`, settled);
  }

  /** The VIPs that a router holds, of those that the pair serves. */
  async vips(router: string): Promise<string[]> {
    if (!this.lab.isRunning(router)) return [];
    const json = await this.lab.must(router, ['ip', '-j', '-4', 'addr']);
    const links = JSON.parse(json) as { addr_info: { local: string; label?: string }[] }[];
    return links.flatMap((link) => link.addr_info.filter((a) => a.label?.includes(':')).map((a) => a.local));
  }

  async until(what: string, timeoutMs: number, condition: () => Promise<boolean>): Promise<boolean> {
    const end = performance.now() + timeoutMs;
    while (performance.now() < end) {
      if (await condition()) return true;
      await this.rest(200);
    }
    this.say(`   gave up waiting for ${what} after ${timeoutMs / 1000} s`);
    return false;
  }

  rest(milliseconds: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, milliseconds));
  }
}
