/**
 * Telling the neighbours where addresses live now: gratuitous ARP and unsolicited NA, without a jam. Each address is
 * announced as soon as it answers, the rounds after the first follow when all do.
 */
import { type Deferred, deferred } from '../base/deferred.ts';
import { type Millis, ms } from '../base/units.ts';
import type { Address } from '../linux/address.ts';
import type { Kernel } from '../linux/kernel.ts';
import { announcementFrame } from '../vrrp/frames.ts';
import type { Log } from './log.ts';
import type { View } from './view.ts';

/** So many frames take about half a millisecond; what else is due comes in between. */
const FRAMES_AT_ONCE = 64;
/** A device's queue that is full is tried again after so long, so often: then its neighbours learn by themselves. */
const RETRY_MS = 5;
const RETRIES_MAX = 200;

export interface AnnouncerOptions {
  readonly kernel: Kernel;
  readonly view: View;
  readonly log: Log;
  /** vrrp_garp_interval and vrrp_gna_interval: between two frames of a device; 0: none. */
  readonly interval: () => { readonly 4: Millis; readonly 6: Millis };
}

export interface Series {
  readonly rounds: number;
  /** What answers at the moment, in its order. */
  readonly addresses: () => readonly Address[];
  /** When no more will come to answer than do. */
  readonly settled: Promise<void>;
}

/** What is sent of a device in one series: its rounds say the same, and a frame leaves a KiB to be cleared away. */
interface Voice {
  readonly mac: Uint8Array;
  readonly router: boolean;
  readonly frames: Map<Address, Uint8Array>;
}

interface Sending {
  /** By device. */
  readonly voices: Map<string, Voice>;
  readonly wanted: () => boolean;
  /** Between two frames of a device; 0: none. */
  readonly interval: Millis;
}

/** Those of one virtual router, one series after another. */
interface Queue {
  tail: Promise<void>;
  /** A series that was asked for before this number is not wanted any more. */
  cancelled: number;
  /** Addresses that have come to answer since the series under way last looked; undefined: there is none. */
  fresh: Address[] | undefined;
  more: Deferred<void>;
}

export class Announcer {
  readonly #options: AnnouncerOptions;
  readonly #queues = new Map<string, Queue>();

  constructor(options: AnnouncerOptions) {
    this.#options = options;
  }

  announce(name: string, series: Series): void {
    const queue = this.#queue(name);
    const number = queue.cancelled;
    const wanted = (): boolean => queue.cancelled === number;
    queue.tail = queue.tail.then(() => this.#carryOut(queue, series, wanted));
  }

  /** These answer from now on: a series that is under way takes them in. */
  answering(name: string, addresses: readonly Address[]): void {
    const queue = this.#queues.get(name);
    queue?.fresh?.push(...addresses);
    queue?.more.resolve();
  }

  /** What was asked for is not wanted any more. */
  cancel(name: string): void {
    const queue = this.#queue(name);
    queue.cancelled += 1;
    queue.more.resolve();
  }

  async idle(): Promise<void> {
    await Promise.all([...this.#queues.values()].map(({ tail }) => tail));
  }

  #queue(name: string): Queue {
    const known = this.#queues.get(name);
    if (known) return known;
    const queue: Queue = { tail: Promise.resolve(), cancelled: 0, fresh: undefined, more: deferred() };
    this.#queues.set(name, queue);
    return queue;
  }

  async #carryOut(queue: Queue, { rounds, addresses, settled }: Series, wanted: () => boolean): Promise<void> {
    if (!wanted()) return;
    queue.fresh = [...addresses()];
    const voices = new Map<string, Voice>();
    let complete = false;
    void settled.then(() => {
      complete = true;
      queue.more.resolve();
    });
    while (wanted()) {
      const fresh = queue.fresh.splice(0);
      if (fresh.length > 0) await this.#send(fresh, { voices, wanted });
      else if (complete) break;
      else {
        queue.more = deferred();
        await queue.more.promise;
      }
    }
    queue.fresh = undefined;
    for (let round = 1; round < rounds && wanted(); round += 1) await this.#send(addresses(), { voices, wanted });
  }

  async #send(addresses: readonly Address[], sending: Omit<Sending, 'interval'>): Promise<void> {
    const byDevice = new Map<string, Address[]>();
    for (const address of addresses) {
      const there = byDevice.get(address.dev);
      if (there) there.push(address);
      else byDevice.set(address.dev, [address]);
    }
    const intervals = this.#options.interval();
    for (const [dev, there] of byDevice) {
      const interval = Math.max(
        ...[4 as const, 6 as const].map((family) => (has(there, family) ? intervals[family] : 0)),
      );
      try {
        await this.#sendOut(dev, there, { ...sending, interval: ms(interval) });
      } catch (error) {
        this.#options.log('warning', `addresses on ${dev} cannot be announced: ${(error as Error).message}`);
      }
    }
  }

  async #sendOut(dev: string, there: readonly Address[], { voices, wanted, interval }: Sending): Promise<void> {
    const { kernel } = this.#options;
    const voice = this.#voiceOf(dev, there, voices);
    let retries = 0;
    for (let at = 0; voice && at < there.length && wanted(); ) {
      const batch = there.slice(at, at + (interval > 0 ? 1 : FRAMES_AT_ONCE));
      const frames = batch.map((address) => frameOf(address, voice));
      const sent = kernel.sendFrames(dev, frames);
      at += sent;
      if (sent < batch.length && ++retries > RETRIES_MAX) throw new Error('its queue stays full');
      await pause(sent < batch.length ? ms(RETRY_MS) : interval);
    }
  }

  /** None goes out of a device without a hardware address: it has no neighbours that would care. */
  #voiceOf(dev: string, there: readonly Address[], voices: Map<string, Voice>): Voice | undefined {
    const { kernel, view } = this.#options;
    const mac = view.link(dev)?.mac;
    if (mac === undefined) return undefined;
    const router = has(there, 6) && kernel.setting(`ipv6/conf/${dev}/forwarding`) === '1';
    const before = voices.get(dev);
    if (before?.mac === mac && before.router === router) return before;
    const voice = { mac, router, frames: new Map() };
    voices.set(dev, voice);
    return voice;
  }
}

function frameOf(address: Address, { mac, router, frames }: Voice): Uint8Array {
  const known = frames.get(address);
  if (known) return known;
  const frame = announcementFrame({ address: address.address, mac, router });
  frames.set(address, frame);
  return frame;
}

const has = (addresses: readonly Address[], family: 4 | 6): boolean =>
  addresses.some(({ address }) => address.family === family);

const pause = (time: Millis): Promise<void> =>
  new Promise((resolve) => (time > 0 ? setTimeout(resolve, time) : setImmediate(resolve)));
