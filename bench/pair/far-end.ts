/** The prober, as the benchmarks speak to it. */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { waitFor } from '../../src/lab/process.ts';
import type { Order, ProberOptions, Sight } from '../far/orders.ts';
import { advertisedBy, type FileOptions, VRID } from './config.ts';
import { addressOf, farIndex, macOf, speakerOf } from './network.ts';

const FOLDER = join(import.meta.dirname, '../far');

export interface FarEndOptions extends Pick<FileOptions, 'family' | 'timing' | 'size'> {
  readonly vips: readonly string[];
  /** From the beginning of a round of questions to the next, at least. */
  readonly periodMs: number;
}

export class FarEnd implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #ended: Promise<void>;
  #last: Promise<unknown> = Promise.resolve();

  /** A neighbour that asks for these VIPs, and speaks as another router with such a file. */
  static async begin({ family, timing, size, vips, periodMs }: FarEndOptions): Promise<FarEnd> {
    const farEnd = new FarEnd();
    const options: ProberOptions = {
      device: farIndex(),
      mac: macOf('far'),
      routerMac: macOf('router'),
      address: addressOf('far', family),
      speaker: speakerOf('far', family),
      vips,
      periodMs,
      advert: { ...timing, vrid: VRID, addresses: advertisedBy({ family, size }) },
    };
    await farEnd.order({ kind: 'begin', options });
    return farEnd;
  }

  private constructor() {
    // Times that were never reached are NaN, which JSON does not know.
    this.#process = fork(join(FOLDER, 'prober.ts'), { serialization: 'advanced' });
    this.#ended = new Promise((done) => {
      this.#process.once('exit', () => done());
    });
  }

  /** One after another: the answers bear no name. */
  order(order: Order): Promise<Sight> {
    const sight = this.#last.then(() => this.#exchange(order));
    this.#last = sight.catch(() => {});
    return sight;
  }

  #exchange(order: Order): Promise<Sight> {
    return new Promise((resolve, reject) => {
      const ended = (): void => reject(new Error(`the prober ended over "${order.kind}"`));
      this.#process.once('exit', ended);
      this.#process.once('message', (sight: Sight) => {
        this.#process.removeListener('exit', ended);
        resolve(sight);
      });
      this.#process.send(order);
    });
  }

  look(): Promise<Sight> {
    return this.order({ kind: 'look' });
  }

  /** Looks until it is so. */
  async sees(what: string, isSo: (sight: Sight) => boolean, timeoutMs = 30_000): Promise<Sight> {
    const probe = async (): Promise<Sight | false> => {
      const sight = await this.look();
      return isSo(sight) && sight;
    };
    return waitFor(probe, { what, timeoutMs, everyMs: 25 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.connected) this.#process.disconnect();
    await this.#ended;
  }
}
