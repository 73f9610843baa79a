/**
 * The only place with time. What happens (packets, devices, trackers, signals) is put into the loop; it goes through
 * the VRRP core, one event after another, and what the core wants done goes to `Hands` in the same order. Then the loop
 * sleeps until the earliest deadline.
 *
 * - Nothing is worked off inside a callback of the kernel's: it only puts in, and a turn of the loop follows.
 * - Packets come before timers: after a stall, what waited in the socket must count before the down timer does.
 * - An event for an instance that is gone meanwhile means nothing.
 */
import { type Millis, ms } from '../base/units.ts';
import type { RouterConfig } from '../vrrp/config.ts';
import type { Packet } from '../vrrp/receive.ts';
import { type Event, NEVER, nextDeadline } from '../vrrp/state.ts';
import {
  type Effect,
  initialRouter,
  type Reconfiguration,
  type ReconfiguredStep,
  type Router,
  type RouterStep,
  reconfigureRouter,
  startRouter,
  stepRouter,
} from '../vrrp/sync.ts';
import type { Status } from '../vrrp/tracking.ts';
import { trackerKey } from '../vrrp/tracking.ts';
import type { NamedEvent } from './watching.ts';

/** The clock of the deadlines: it never goes back, and does not follow the wall clock. */
export interface Clock {
  now(): Millis;
  /** Calls `expired` at that point, once; NEVER: not at all. A later call takes an earlier one back. */
  wake(at: Millis): void;
  /** Runs `turn` soon, outside of whatever callback this is called in. */
  soon(turn: () => void): void;
}

export interface Hands {
  /** Does what the core wants, in order; failures are its own to report, it never throws. */
  perform(effects: readonly Effect[], router: Router): void;
  /** What devices and addresses mean now, as differences to what the instances know. */
  surroundings(router: Router): readonly NamedEvent[];
}

/**
 * More packets in one turn than this are dropped and counted: a flood on protocol 112 must not keep timers waiting,
 * and 255 virtual routers at 10 ms intervals give 26 a millisecond at most.
 */
const PACKETS_MAX = 4_096;
/** A timer that is due again at once, this often in one turn, is a fault of ours; the next turn goes on. */
const ROUNDS_MAX = 8;

export class Loop {
  #config: RouterConfig;
  readonly #clock: Clock;
  readonly #hands: Hands;
  #names: ReadonlySet<string>;
  #router: Router;
  #events: NamedEvent[] = [];
  #packets = 0;
  #lost = 0;
  #looking = false;
  #scheduled = false;
  /** When the instances start (vrrp_startup_delay); undefined: they have. */
  #startAt: Millis | undefined;
  #started = false;
  #stopped = false;

  constructor(config: RouterConfig, clock: Clock, hands: Hands) {
    this.#config = config;
    this.#clock = clock;
    this.#hands = hands;
    this.#names = namesOf(config);
    this.#router = initialRouter(config);
  }

  get router(): Router {
    return this.#router;
  }

  /** Packets that a flood made it drop. */
  get lost(): number {
    return this.#lost;
  }

  /** @param delay before any instance takes part; until then they are INIT */
  start(delay: Millis): void {
    this.#startAt = ms(this.#clock.now() + delay);
    this.look();
  }

  /**
   * A new configuration from here on. What it makes of the instances is to be done by the caller, the farewell under
   * the old configuration: between the two it is changed everywhere else.
   */
  reconfigure(after: RouterConfig, change: Pick<Reconfiguration, 'kept' | 'watched' | 'grace'>): ReconfiguredStep {
    // What has come already counts under the old one.
    this.#work();
    const reconfiguration = { ...change, before: this.#config, after, started: this.#started };
    const step = reconfigureRouter(this.#router, reconfiguration, this.#clock.now());
    this.#config = after;
    this.#names = namesOf(after);
    this.#router = step.router;
    this.#schedule();
    return step;
  }

  /** Gives up everything in good order, at once; what `Hands` has queued may still be under way. */
  stop(): void {
    if (this.#stopped) return;
    this.#work();
    this.#stopped = true;
    this.#clock.wake(NEVER);
    for (const { name } of this.#config.instances) this.#feed(name, { kind: 'shutdown' });
  }

  packet(name: string, packet: Packet): void {
    if (this.#packets >= PACKETS_MAX) {
      this.#lost += 1;
      return;
    }
    this.#packets += 1;
    this.put(name, { kind: 'packet', packet });
  }

  put(name: string, event: Event): void {
    this.#events.push({ name, event });
    this.#schedule();
  }

  /** A script's, file's or process's result, for every instance that tracks it. */
  tracked(kind: 'script' | 'file' | 'process', name: string, status: Status): void {
    const tracker = trackerKey({ kind, name });
    for (const instance of this.#config.instances) {
      if (!instance.trackers.some((one) => trackerKey(one) === tracker)) continue;
      this.put(instance.name, { kind: 'tracked', tracker, status });
    }
  }

  /** How long nothing is due. */
  room(): Millis {
    return ms(this.#nextDeadline() - this.#clock.now());
  }

  /** Something about devices or addresses has changed. */
  look(): void {
    this.#looking = true;
    this.#schedule();
  }

  /**
   * To be called by the clock as soon as it is due. An advertisement waits for nothing; whoever is about to take over
   * first hears what has come, as after a stall of the machine: what was read together with the timer comes a turn later.
   */
  expired(): void {
    const now = this.#clock.now();
    const states = Object.values(this.#router.instances);
    if (states.some((state) => state.state !== 'Active' && nextDeadline(state) <= now)) {
      this.#clock.soon(() => this.#schedule());
    } else this.#turn();
  }

  #schedule(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    this.#clock.soon(() => {
      this.#scheduled = false;
      this.#turn();
    });
  }

  #turn(): void {
    if (this.#stopped) return;
    this.#work();
    this.#clock.wake(this.#nextDeadline());
  }

  #work(): void {
    if (this.#looking) {
      this.#looking = false;
      for (const { name, event } of this.#hands.surroundings(this.#router)) this.#feed(name, event);
    }
    const events = this.#events;
    this.#events = [];
    this.#packets = 0;
    for (const { name, event } of events) this.#feed(name, event);
    this.#startWhenDue();
    this.#expire();
  }

  #startWhenDue(): void {
    if (this.#startAt === undefined || this.#startAt > this.#clock.now()) return;
    this.#startAt = undefined;
    this.#started = true;
    this.#take(startRouter(this.#config, this.#router, this.#clock.now()));
  }

  #expire(): void {
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      const now = this.#clock.now();
      const due = this.#config.instances.filter(({ name }) => nextDeadline(this.#router.instances[name]!) <= now);
      if (due.length === 0) return;
      for (const { name } of due) this.#feed(name, { kind: 'timer' });
    }
    this.#schedule();
  }

  #feed(name: string, event: Event): void {
    if (!this.#names.has(name)) return;
    this.#take(stepRouter(this.#config, this.#router, name, event, this.#clock.now()));
  }

  #take({ router, effects }: RouterStep): void {
    this.#router = router;
    if (effects.length > 0) this.#hands.perform(effects, router);
  }

  #nextDeadline(): Millis {
    const deadlines = Object.values(this.#router.instances).map(nextDeadline);
    return ms(Math.min(this.#startAt ?? NEVER, ...deadlines));
  }
}

const namesOf = ({ instances }: RouterConfig): ReadonlySet<string> => new Set(instances.map(({ name }) => name));
