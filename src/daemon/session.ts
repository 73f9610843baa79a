/**
 * The configuration at work: its instances in a loop, its sockets, its statics. A reload changes it as it runs: what is
 * the same in both configurations is not touched.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { type Millis, ms } from '../base/units.ts';
import type { Change } from '../change/change.ts';
import { diff } from '../change/diff.ts';
import type { Kernel, KernelEvent, Snapshot } from '../linux/kernel.ts';
import type { InstanceConfig } from '../vrrp/config.ts';
import { NEVER } from '../vrrp/state.ts';
import { type Status, type Surroundings, trackerKey } from '../vrrp/tracking.ts';
import { Firewall, refusals } from './firewall.ts';
import { History } from './history.ts';
import { keptInstances } from './identity.ts';
import type { Loaded } from './load.ts';
import type { Log } from './log.ts';
import { type Clock, Loop } from './loop.ts';
import { clearUp } from './memory.ts';
import { type Hooks, Performer } from './perform.ts';
import { withoutLastLines } from './rehearsal.ts';
import { inSlices } from './slices.ts';
import { Sockets } from './sockets.ts';
import { type KnownScripts, Trackers, tracksAlike } from './trackers.ts';
import type { View } from './view.ts';
import { placed } from './vmac.ts';
import { Vmacs } from './vmacs.ts';

export interface SessionOptions {
  readonly kernel: Kernel;
  readonly view: View;
  readonly loaded: Loaded;
  readonly log: Log;
  readonly hooks: Hooks;
  readonly keepOwned: boolean;
}

/** A device that is being renamed or moved, or a machine out of memory for sockets: soon over, or not soon. */
const SOCKETS_RETRY_MS = 1_000;
/** With 0.1 s between advertisements each fourth look finds them far enough apart; after that the runtime sees to it. */
const CLEAR_UP_AGAIN_MS = 25;
const CLEAR_UP_TRIES = 20;
/** keepalived.conf of ours: how long the former speech goes on where the file does not say (docs/tandemd.md). */
const GRACE: Millis = ms(120_000);

export class Session {
  readonly loop: Loop;
  readonly history = new History();
  readonly #options: SessionOptions;
  readonly #performer: Performer;
  readonly #sockets: Sockets;
  readonly #firewall: Firewall;
  readonly #vmacs: Vmacs;
  readonly #clock: KernelClock;
  #loaded: Loaded;
  #tracking: Tracking | undefined;
  #retry: NodeJS.Timeout | undefined;
  /** Transitions and reloads so far: only after the last of them is there time to clear up. */
  #works = 0;

  constructor(options: SessionOptions) {
    const { kernel, view, log, hooks, keepOwned } = options;
    const loaded = placed(options.loaded, view.links());
    this.#options = options;
    this.#loaded = loaded;
    this.#firewall = new Firewall(kernel, log);
    this.#vmacs = new Vmacs({ kernel, view, log, firewall: this.#firewall });
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
      vmacs: this.#vmacs,
      history: this.history,
      log,
      hooks,
      keepOwned,
      lost: (name, what) => this.loop.put(name, { kind: 'removed', what }),
      muchToDo: () => void this.#clearUp(),
    });
    this.#clock = new KernelClock(kernel, () => this.loop.expired());
    this.loop = new Loop(loaded.router, this.#clock, this.#performer);
  }

  get loaded(): Loaded {
    return this.#loaded;
  }

  /**
   * Resolves when left-overs are gone, statics in place and files and processes looked at, on which an instance may
   * depend; then it takes part.
   * @param snapshot what stands at this moment
   */
  async start(snapshot: Snapshot, delay: Millis): Promise<void> {
    this.#vmacs.want(this.#loaded.placement.vmacs);
    this.#vmacs.tidy();
    this.#refuse(this.#loaded);
    this.#openSockets();
    this.#performer.begin(snapshot);
    this.#tracking = this.#track(this.#loaded);
    this.#tracking.live();
    await Promise.all([this.#performer.idle(), this.#tracking.trackers.known]);
    this.loop.start(delay);
  }

  /**
   * A new configuration for what runs. Nothing is changed until all that takes time has been worked out; then
   * everything is, between two turns of the loop, but for what the kernel takes its time with.
   * @returns what differs, when the kernel has it too
   */
  async change(next: Loaded): Promise<readonly Change[]> {
    const before = this.#loaded;
    const loaded = placed(next, this.#options.view.links());
    const changes = diff(before.config, loaded.config);
    const kept = keptInstances(before.config, loaded.config);
    const tracking = tracksAlike(before, loaded) ? undefined : this.#track(loaded, this.#tracking?.trackers.scripts);
    const [outfit] = await Promise.all([inSlices(this.#performer.outfit(loaded)), tracking?.trackers.known]);

    const watched = (config: InstanceConfig, known: Surroundings | undefined): Surroundings => {
      const old = before.router.instances.find(({ name }) => name === kept.get(config.name));
      const { source, ...rest } = known ?? { statuses: {}, sourcePresent: false };
      // A source that only the old file named is nobody's any more.
      const keptSource = old?.source && !config.source ? undefined : source;
      const statuses = { ...rest.statuses, ...(tracking ?? this.#tracking)?.statuses };
      const all = { sourcePresent: rest.sourcePresent, statuses, ...(keptSource && { source: keptSource }) };
      return this.#performer.watched(config, all, outfit);
    };
    this.#vmacs.want(loaded.placement.vmacs);
    this.#refuse(loaded);
    const grace = loaded.config.global_defs.tandem_grace ?? GRACE;
    const step = this.loop.reconfigure(loaded.router, { kept, watched, grace });
    this.#performer.farewell(step.farewell);
    this.history.rename(kept);
    this.#sockets.reconfigure(loaded.router);
    this.#performer.reconfigure(outfit);
    this.#loaded = loaded;
    if (tracking) {
      void this.#tracking?.trackers.close();
      this.#tracking = tracking;
      tracking.live();
    }
    this.#openSockets();
    this.#performer.perform(step.effects, step.router);
    this.#performer.settle(step.router);
    this.loop.look();
    await this.#performer.idle();
    this.#vmacs.tidy();
    void this.#clearUp();
    return changes;
  }

  /** What a reload with a line more and a takeover would work out, for nothing (rehearsal.ts). */
  async rehearse(next: Loaded): Promise<void> {
    const loaded = placed(next, this.#options.view.links());
    const shorter = withoutLastLines(loaded.config);
    diff(shorter, loaded.config);
    keptInstances(shorter, loaded.config);
    tracksAlike(this.#loaded, loaded);
    await inSlices(this.#performer.outfit(loaded));
    await this.#performer.rehearse();
    void this.#clearUp();
  }

  /** Of what has been done, when it is done, between two advertisements. */
  async #clearUp(): Promise<void> {
    this.#works += 1;
    const work = this.#works;
    for (let tries = 0; tries < CLEAR_UP_TRIES; tries += 1) {
      await pause(CLEAR_UP_AGAIN_MS);
      await this.#performer.rest();
      if (work !== this.#works || clearUp(this.loop.room())) return;
    }
  }

  /** The kernel's notices, after the view has taken them in. */
  heard(event: KernelEvent): void {
    this.#performer.heard(event);
    const own = 'own' in event && event.own;
    if (own) return;
    if (event.kind === 'link' || event.kind === 'link-gone' || event.kind === 'lost') this.#openSockets();
    if (event.kind === 'address' || event.kind === 'address-gone') this.#vmacs.refresh();
    this.loop.look();
  }

  #openSockets(): void {
    clearTimeout(this.#retry);
    const vmacs = this.#vmacs.refresh();
    if (this.#sockets.refresh(this.#options.view) && vmacs) return;
    this.#retry = setTimeout(() => {
      this.#openSockets();
      this.loop.look();
    }, SOCKETS_RETRY_MS);
  }

  failed(name: string): readonly string[] {
    return this.#performer.failed(name);
  }

  /** Gives everything up, and waits until the kernel has let go of it. */
  async end(): Promise<void> {
    const scripts = this.#tracking?.trackers.close();
    this.loop.stop();
    this.#performer.end();
    await this.#performer.idle();
    clearTimeout(this.#retry);
    this.#sockets.close();
    if (!this.#options.keepOwned) {
      this.#vmacs.want([]);
      this.#vmacs.tidy();
      this.#firewall.set('refuse', []);
    }
    this.#clock.close();
    // A script that will not end would outlive us.
    await scripts;
  }

  #refuse({ config, placement }: Loaded): void {
    this.#firewall.set('refuse', refusals(config, placement));
  }

  #track(loaded: Loaded, before?: KnownScripts): Tracking {
    const { config, router, scripts } = loaded;
    const statuses: Record<string, Status> = {};
    let alive = false;
    const trackers = new Trackers({
      config,
      router,
      programOf: (command) => scripts.programOf(command),
      log: this.#options.log,
      ...(before && { before }),
      report: (kind, name, status) => {
        statuses[trackerKey({ kind, name })] = status;
        if (alive) this.loop.tracked(kind, name, status);
      },
    });
    const live = (): void => {
      alive = true;
    };
    return { trackers, statuses, live };
  }
}

/** Those who ask scripts, files and processes, and what they have found so far. */
interface Tracking {
  readonly trackers: Trackers;
  readonly statuses: Readonly<Record<string, Status>>;
  /** From here on what is found goes to the loop. */
  live(): void;
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
