/**
 * The daemon's estate on the real kernel, in the namespace that the test has entered: `lan` leads to `far` in a
 * namespace of its own, where the neighbours live.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Estate } from '../../src/daemon/estate.ts';
import type { Owner } from '../../src/daemon/owner.ts';
import type { Thing } from '../../src/daemon/things.ts';
import { View } from '../../src/daemon/view.ts';
import { PACKETS_MAX } from '../../src/lab/ping.ts';
import { waitFor } from '../../src/lab/process.ts';
import type { Address } from '../../src/linux/address.ts';
import type { Change, Failure } from '../../src/linux/kernel.ts';
import { LinuxKernel } from '../../src/linux/linux-kernel.ts';
import { ip } from './ip.ts';

const PEER = 'peer';
const PROBE = join(import.meta.dirname, '../../src/lab/probe.ts');

/** Both ends up, the far one with these addresses. */
export async function layCable(...far: readonly string[]): Promise<void> {
  ip('netns', 'add', PEER);
  ip('link', 'add', 'lan', 'type', 'veth', 'peer', 'name', 'far', 'netns', PEER);
  ip('link', 'set', 'lan', 'addrgenmode', 'none', 'up');
  inPeer('link', 'set', 'far', 'addrgenmode', 'none', 'up');
  for (const address of far) inPeer('address', 'add', address, 'dev', 'far', 'nodad');
  await waitFor(() => ip('link', 'show', 'dev', 'lan').includes('LOWER_UP'), { what: 'the cable', timeoutMs: 5_000 });
}

export const inPeer = (...argv: readonly string[]): string => ip('-n', PEER, ...argv);

/** The real kernel with somebody who looks on: called before each slice of changes, and may hold it up. */
export class WatchedKernel extends LinuxKernel {
  before: (changes: readonly Change[]) => Promise<void> | void = () => {};

  override async change(...[changes, options]: Parameters<LinuxKernel['change']>): Promise<readonly Failure[]> {
    await this.before(changes);
    return super.change(changes, options);
  }
}

export class RealEstate implements AsyncDisposable {
  readonly kernel: WatchedKernel;
  readonly estate: Estate;
  readonly log: string[];
  readonly lost: string[];
  readonly answering: { readonly owner: Owner; readonly address: Address }[];

  static async begin(owned: readonly Thing[] = []): Promise<RealEstate> {
    const kernel = new WatchedKernel();
    let all: RealEstate | undefined;
    const snapshot = await kernel.watch((events) => {
      for (const event of events) if (view.apply(event)) all?.estate.heard(event);
    });
    const view = new View(snapshot);
    all = new RealEstate(kernel, view);
    all.estate.begin(owned, { things: [], unresolved: [] }, snapshot);
    await all.estate.idle();
    return all;
  }

  private constructor(kernel: WatchedKernel, view: View) {
    this.kernel = kernel;
    this.log = [];
    this.lost = [];
    this.answering = [];
    this.estate = new Estate({
      kernel,
      log: (_priority, text) => this.log.push(text),
      link: (dev) => view.link(dev),
      lost: (_owner, text) => this.lost.push(text),
      answering: (owner, addresses) => {
        for (const address of addresses) this.answering.push({ owner, address });
      },
    });
  }

  /** Everything is as it is wanted, and the kernel's notices of it have been heard. */
  async settle(): Promise<void> {
    await this.estate.idle();
    await this.kernel.snapshot();
    await this.estate.idle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kernel.close();
  }
}

export interface Seen {
  readonly sent: number;
  readonly lost: number;
}

/** Pings from the far end, one every 5 ms, until `stop`. */
export class Pinger {
  readonly #process: ChildProcess;
  #replies = 0;
  #sent = 0;
  readonly #ended: Promise<void>;

  constructor(address: string) {
    const argv = ['netns', 'exec', PEER, process.execPath, PROBE, address, '5', '1000', `${PACKETS_MAX}`];
    this.#process = spawn('ip', argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface({ input: this.#process.stdout! });
    lines.on('line', (line) => {
      if (line.startsWith('reply')) this.#replies += 1;
      if (line.startsWith('end')) this.#sent = Number(line.split(' ')[1]);
    });
    this.#ended = new Promise((resolve) => lines.once('close', resolve));
  }

  /** When so many more have been answered. */
  async answered(more = 20): Promise<void> {
    const end = this.#replies + more;
    await waitFor(() => this.#replies >= end, { what: `${more} more replies`, timeoutMs: 10_000, everyMs: 5 });
  }

  async stop(): Promise<Seen> {
    this.#process.kill('SIGINT');
    await this.#ended;
    return { sent: this.#sent, lost: this.#sent - this.#replies };
  }
}
