/**
 * Two routers on kernels that are nothing but state, with the real daemon on each, one wire for every device that both
 * have, and one clock in the test's hand.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { parseIpPrefix } from '../../src/base/address.ts';
import { ms } from '../../src/base/units.ts';
import type { Loaded } from '../../src/daemon/load.ts';
import { KnownLines } from '../../src/keepalived/known-lines.ts';
import type { Config } from '../../src/keepalived/model.ts';
import { print } from '../../src/keepalived/printer.ts';
import { FakeKernel } from './fake-kernel.ts';
import { type FakeSession, loadText, startSession } from './fake-session.ts';

/** What a step of the clock is: a twentieth of the shortest interval that tests use. */
const STEP = ms(10);
/** Turns of Node's loop after which nothing is under way: longer than any chain of ours. */
const TURNS = 8;

export interface FakeRouter extends FakeSession {
  readonly kernel: FakeKernel;
  readonly known: KnownLines;
}

export interface RouterSetup {
  readonly config: Config;
  /** `DEV` to `ADDRESS/LENGTH`. */
  readonly devices: Readonly<Record<string, string>>;
}

export class FakePair implements AsyncDisposable {
  readonly routers: readonly [FakeRouter, FakeRouter];
  readonly #directory: string;
  #carried: [number, number] = [0, 0];

  private constructor(directory: string, routers: readonly [FakeRouter, FakeRouter]) {
    this.#directory = directory;
    this.routers = routers;
  }

  static async start(setups: readonly [RouterSetup, RouterSetup]): Promise<FakePair> {
    const directory = mkdtempSync(join(tmpdir(), 'tandemd-'));
    const [one, other] = await Promise.all(setups.map((setup, i) => startRouter(join(directory, `${i}.conf`), setup)));
    const pair = new FakePair(directory, [one!, other!]);
    await settle();
    return pair;
  }

  /** Time passes for both; what they send arrives in the same step. */
  async pass(milliseconds: number): Promise<void> {
    for (let gone = 0; gone < milliseconds; gone += STEP) {
      for (const { kernel } of this.routers) kernel.advance(STEP);
      await settle();
      for (const from of [0, 1] as const) this.#carry(from);
      await settle();
    }
  }

  /** SIGHUP with this file. */
  async reload(place: 0 | 1, config: Config): Promise<void> {
    const { session, known } = this.routers[place];
    await session.change(await loadedOf(join(this.#directory, `${place}.conf`), config, known));
    await settle();
  }

  state(place: 0 | 1, name: string): string | undefined {
    return this.routers[place].session.loop.router.instances[name]?.state;
  }

  /** How often a router has become MASTER for an instance. */
  becameMaster(place: 0 | 1, name: string): number {
    return this.routers[place].session.loop.router.instances[name]?.counters.becameActive ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { session } of this.routers) await session.end();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #carry(from: 0 | 1): void {
    const { sent } = this.routers[from].kernel;
    const to = this.routers[from === 0 ? 1 : 0].kernel;
    for (const { dev, bytes, destination } of sent.slice(this.#carried[from])) {
      if (destination?.family === 4) to.receive(dev, { family: 4, bytes });
    }
    this.#carried[from] = sent.length;
  }
}

async function startRouter(file: string, { config, devices }: RouterSetup): Promise<FakeRouter> {
  const kernel = new FakeKernel();
  for (const [dev, text] of Object.entries(devices)) {
    kernel.setLink(dev);
    const address = { dev, address: parseIpPrefix(text)!, scope: 0, flags: 0 };
    kernel.changeByOthers({ kind: 'address', verb: 'add', address });
  }
  const known = new KnownLines();
  return { kernel, known, ...(await startSession(kernel, await loadedOf(file, config, known))) };
}

const loadedOf = (file: string, config: Config, known: KnownLines): Promise<Loaded> =>
  loadText(file, print(config), ['p1p1', 'p3p1', 'p3p2', 'p4p1'], known);

async function settle(): Promise<void> {
  for (let i = 0; i < TURNS; i += 1) await turn();
}
