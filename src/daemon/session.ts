/**
 * One configuration at work: its instances in a loop, its sockets, its statics. A reload ends one session and begins
 * the next; the kernel's seam and the view of the devices outlive it.
 */
import { type Millis, ms } from '../base/units.ts';
import type { Kernel, KernelEvent, Snapshot } from '../linux/kernel.ts';
import { NEVER } from '../vrrp/state.ts';
import { History } from './history.ts';
import type { Loaded } from './load.ts';
import type { Log } from './log.ts';
import { type Clock, Loop } from './loop.ts';
import { type Hooks, Performer } from './perform.ts';
import { Sockets } from './sockets.ts';
import { type KnownScripts, Trackers } from './trackers.ts';
import type { View } from './view.ts';

export interface SessionOptions {
  readonly kernel: Kernel;
  readonly view: View;
  readonly loaded: Loaded;
  readonly log: Log;
  readonly hooks: Hooks;
  readonly keepOwned: boolean;
  /** What the session before a reload knew of its scripts. */
  readonly tracked?: KnownScripts;
}

/** A device that is being renamed or moved, or a machine out of memory for sockets: soon over, or not soon. */
const SOCKETS_RETRY_MS = 1_000;

export class Session {
  readonly loaded: Loaded;
  readonly loop: Loop;
  readonly history = new History();
  readonly #performer: Performer;
  readonly #sockets: Sockets;
  readonly #clock: KernelClock;
  readonly #view: View;
  readonly #trackers: () => Trackers;
  #tracking: Trackers | undefined;
  #retry: NodeJS.Timeout | undefined;

  constructor({ kernel, view, loaded, log, hooks, keepOwned, tracked }: SessionOptions) {
    this.loaded = loaded;
    this.#view = view;
    this.#sockets = new Sockets({
      kernel,
      config: loaded.router,
      log,
      received: (name, packet) => this.loop.packet(name, packet),
    });
    this.#performer = new Performer({
      kernel,
      loaded,
      view,
      sockets: this.#sockets,
      history: this.history,
      log,
      hooks,
      keepOwned,
      lost: (name, what) => this.loop.put(name, { kind: 'removed', what }),
    });
    this.#clock = new KernelClock(kernel, () => this.loop.expired());
    this.loop = new Loop(loaded.router, this.#clock, this.#performer);
    const { config, router, scripts } = loaded;
    this.#trackers = () =>
      new Trackers({
        config,
        router,
        programOf: (command) => scripts.programOf(command),
        log,
        ...(tracked && { before: tracked }),
        report: (kind, name, status) => this.loop.tracked(kind, name, status),
      });
  }

  /**
   * Resolves when left-overs are gone, statics in place and files and processes looked at, on which an instance may
   * depend; then it takes part.
   * @param snapshot what stands at this moment
   */
  async start(snapshot: Snapshot, delay: Millis): Promise<void> {
    this.#openSockets();
    this.#performer.begin(snapshot);
    this.#tracking = this.#trackers();
    await Promise.all([this.#performer.idle(), this.#tracking.known]);
    this.loop.start(delay);
  }

  /** The kernel's notices, after the view has taken them in. */
  heard(event: KernelEvent): void {
    this.#performer.heard(event);
    const own = 'own' in event && event.own;
    if (own) return;
    if (event.kind === 'link' || event.kind === 'link-gone' || event.kind === 'lost') this.#openSockets();
    this.loop.look();
  }

  #openSockets(): void {
    clearTimeout(this.#retry);
    if (this.#sockets.refresh(this.#view)) return;
    this.#retry = setTimeout(() => {
      this.#openSockets();
      this.loop.look();
    }, SOCKETS_RETRY_MS);
  }

  failed(name: string): readonly string[] {
    return this.#performer.failed(name);
  }

  /** Gives everything up, and waits until the kernel has let go of it. @returns what was known of the scripts */
  async end(): Promise<KnownScripts> {
    const tracked = this.#tracking?.close() ?? new Map();
    this.loop.stop();
    this.#performer.end();
    await this.#performer.idle();
    clearTimeout(this.#retry);
    this.#sockets.close();
    this.#clock.close();
    return tracked;
  }
}

/** The loop's clock: the kernel's, with one timer. */
class KernelClock implements Clock {
  readonly #kernel: Kernel;
  readonly #timer: ReturnType<Kernel['timer']>;
  #armed: Millis = NEVER;

  constructor(kernel: Kernel, expired: () => void) {
    this.#kernel = kernel;
    this.#timer = kernel.timer(() => {
      this.#armed = NEVER;
      expired();
    });
  }

  now(): Millis {
    return this.#kernel.now();
  }

  wake(at: Millis): void {
    if (at === this.#armed) return;
    this.#armed = at;
    this.#timer.arm(ms(at));
  }

  soon(turn: () => void): void {
    setImmediate(turn);
  }

  close(): void {
    this.#timer.close();
  }
}
