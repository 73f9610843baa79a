/**
 * What the core wants done. Advertisements go out at once; what is to be in the kernel is told to the estate at once,
 * which carries it out behind; those who must find it in place (scripts, FIFOs, mail) wait for it in one queue, so that
 * they hear of everything in its order. A failure is a line in the log and in the status, never an end.
 */
import { drain, type Steps } from '../base/steps.ts';
import { type Millis, ms } from '../base/units.ts';
import type { Config, Instance } from '../keepalived/model.ts';
import type { Address } from '../linux/address.ts';
import type { Kernel, KernelEvent, Snapshot } from '../linux/kernel.ts';
import { OWN_PROTOCOL } from '../linux/kernel.ts';
import { iproute2File, namesOf } from '../linux/names.ts';
import type { InstanceConfig } from '../vrrp/config.ts';
import { keepalivedState, transitionLine } from '../vrrp/names.ts';
import type { Action, Notification, Owned } from '../vrrp/state.ts';
import type { Effect, GroupState, Router, RouterStep } from '../vrrp/sync.ts';
import type { Surroundings as Watched } from '../vrrp/tracking.ts';
import { Announcer } from './announcer.ts';
import { costOf } from './backlog.ts';
import { INLINE_COST } from './carrier.ts';
import { Estate } from './estate.ts';
import type { History } from './history.ts';
import type { Loaded } from './load.ts';
import type { Log } from './log.ts';
import type { Hands } from './loop.ts';
import { rehearseEstate } from './rehearsal.ts';
import { Serial } from './serial.ts';
import type { Sockets } from './sockets.ts';
import {
  type Context,
  type KnownLines,
  ownedThings,
  staticThings,
  type Thing,
  type Things,
  trackingStatic,
} from './things.ts';
import type { View } from './view.ts';
import type { Vmacs } from './vmacs.ts';
import { type NamedEvent, type Surroundings, surroundingEvents, surroundingsOf } from './watching.ts';
import { noteLine, transitionDetail } from './words.ts';

/** Who wants to hear of transitions: scripts, FIFOs and mail. Called in order, when all before it is done. */
export interface Hooks {
  notify(instance: Instance, what: Notification, priority: number): void;
  notifyGroup(group: string, state: GroupState): void;
  priorityChanged(instance: Instance, state: 'MASTER' | 'BACKUP', priority: number): void;
}

/** A configuration as it is needed at work, with its lines worked out: thousands take longer than an advertisement can wait. */
export interface Outfit {
  readonly loaded: Loaded;
  readonly configs: ReadonlyMap<string, InstanceConfig>;
  readonly instances: ReadonlyMap<string, Instance>;
  /** Of any instance, by their text. */
  readonly vips: ReadonlySet<string>;
  readonly context: Context;
  /** What is worked out already, by `thingsKey`. */
  readonly things: Map<string, Things>;
  /** Where its addresses of IPv4 are. */
  readonly devices: ReadonlySet<string>;
  /** More than the main thread carries out itself. */
  readonly isLarge: boolean;
}

export interface PerformOptions {
  readonly kernel: Kernel;
  readonly loaded: Loaded;
  readonly view: View;
  readonly sockets: Sockets;
  readonly vmacs: Vmacs;
  readonly history: History;
  readonly log: Log;
  readonly hooks: Hooks;
  /** Something of an instance was taken away for good. */
  readonly lost: (name: string, what: string) => void;
  /** A transition of thousands of things begins. */
  readonly muchToDo: () => void;
  /** -V: everything stays in the kernel at the end. */
  readonly keepOwned: boolean;
}

const KINDS: readonly Owned[] = ['addresses', 'excluded', 'routes', 'rules'];

export class Performer implements Hands {
  readonly #options: PerformOptions;
  #outfit: Outfit;
  readonly #queue: Serial;
  readonly #estate: Estate;
  /** Lines that were worked out, in whichever configuration. */
  readonly #lines: KnownLines = new WeakMap();
  /** The configuration until a reload, until its things are settled. */
  #before: Outfit | undefined;
  readonly #announcer: Announcer;

  constructor(options: PerformOptions) {
    const { kernel, loaded, view, log, lost } = options;
    this.#options = options;
    this.#outfit = drain(this.outfit(loaded));
    this.#queue = new Serial((error) => log('error', `what was to be done failed: ${error.message}`));
    this.#announcer = new Announcer({ kernel, view, log, interval: () => this.#intervals() });
    this.#estate = new Estate({
      kernel,
      log,
      link: (dev) => view.link(dev),
      answering: (owner, addresses) => {
        if (owner !== undefined) this.#announcer.answering(owner, addresses);
      },
      lost: (owner, text) => {
        const { config } = this.#outfit.loaded;
        for (const name of owner === undefined ? trackingStatic(config, text) : [owner]) lost(name, text);
      },
    });
  }

  /** What a configuration needs to be at work; lines that were worked out before are not again. */
  *outfit(loaded: Loaded): Steps<Outfit> {
    const { config, router } = loaded;
    const { view } = this.#options;
    const context: Context = {
      config,
      placed: loaded.placement.lines,
      names: namesOf(iproute2File),
      protocol: OWN_PROTOCOL,
      tableOfVrf: (dev) => view.link(dev)?.table,
      known: this.#lines,
    };
    const things = new Map<string, Things>();
    for (const instance of config.vrrp_instance) {
      for (const what of KINDS) things.set(thingsKey(instance, what), yield* ownedThings(context, instance, what));
    }
    things.set(STATICS, yield* staticThings(context));
    const devices = new Set<string>();
    let cost = 0;
    for (const { things: each } of things.values()) {
      yield;
      cost += costOf(each);
      for (const dev of ipv4Devices(each)) devices.add(dev);
    }
    return {
      loaded,
      configs: new Map(router.instances.map((instance) => [instance.name, instance])),
      instances: new Map(config.vrrp_instance.map((instance) => [instance.name, instance])),
      vips: new Set(config.vrrp_instance.flatMap(vipsOf)),
      context,
      things,
      devices,
      isLarge: cost > INLINE_COST,
    };
  }

  /** What those want done who are in the next configuration no more; `settle` takes what they own. */
  farewell({ effects, router }: RouterStep): void {
    const isRemoval = (effect: Effect): boolean => effect.kind === 'instance' && effect.action.kind === 'remove';
    this.perform(
      effects.filter((effect) => !isRemoval(effect)),
      router,
    );
  }

  reconfigure(outfit: Outfit): void {
    this.#before = this.#outfit;
    this.#outfit = outfit;
    if (outfit.isLarge) this.#options.kernel.expectMuch();
  }

  /** After a reload: what stands becomes what the present configuration wants, and what is new is announced. */
  settle(router: Router): void {
    const { loaded, instances } = this.#outfit;
    const wishes = new Map<string | undefined, Things>([[undefined, this.#statics()]]);
    for (const name of this.#before?.instances.keys() ?? []) wishes.set(name, NOTHING);
    for (const [name, instance] of instances) {
      const isActive = router.instances[name]!.state === 'Active';
      wishes.set(name, isActive ? together(KINDS.map((what) => this.#things(instance, what))) : NOTHING);
    }
    this.#before = undefined;
    this.#promote(this.#outfit.devices);
    const changed = this.#estate.change(wishes);
    this.#queue.put(async () => {
      const came = await changed;
      for (const { name, announce } of loaded.router.instances) {
        const addresses = came.get(name) ?? [];
        const standing = (): readonly Address[] => addresses.filter((one) => this.#estate.isStanding(one));
        if (addresses.length > 0) this.#announce(name, standing, announce.repeat);
      }
    });
  }

  /** What a configuration wants watched of devices and addresses, as it is now. */
  watched(config: InstanceConfig, known: Watched, { vips }: Outfit): Watched {
    return surroundingsOf(config, known, this.#surroundings(), vips);
  }

  /** Takes left-overs of an earlier life away, then puts the file's statics in place. */
  begin(snapshot: Snapshot): void {
    const owned = [...this.#outfit.instances.values()].flatMap((instance) =>
      KINDS.flatMap((what) => this.#things(instance, what).things),
    );
    const statics = this.#statics();
    if (this.#outfit.isLarge) this.#options.kernel.expectMuch();
    this.#promote(ipv4Devices(statics.things));
    this.#estate.begin(owned, statics, snapshot);
  }

  /** Takes the statics away again. */
  end(): void {
    this.#estate.release(undefined, this.#statics().things);
  }

  /** A takeover and a release of what is owned, or of its begin, for nothing (rehearsal.ts). */
  async rehearse(): Promise<void> {
    const { kernel, view } = this.#options;
    // With few it is soon done, and the memory for its code is worth more.
    if (!this.#outfit.isLarge) return;
    const things = [...this.#outfit.instances.values()].flatMap((instance) =>
      KINDS.map((what): readonly [string, Things] => [instance.name, this.#things(instance, what)]),
    );
    await rehearseEstate(things, { kernel, link: (dev) => view.link(dev) });
  }

  /** When the kernel has all that is wanted, and everybody has been told but the neighbours. */
  async idle(): Promise<void> {
    await Promise.all([this.#queue.idle(), this.#estate.idle()]);
  }

  /** When the neighbours have been told, too. */
  async rest(): Promise<void> {
    await this.idle();
    await this.#announcer.idle();
  }

  heard(event: KernelEvent): void {
    this.#estate.heard(event);
  }

  failed(name: string): readonly string[] {
    return this.#estate.failed(name);
  }

  surroundings(router: Router): readonly NamedEvent[] {
    return surroundingEvents(this.#outfit.loaded.router, router, this.#surroundings(), this.#outfit.vips);
  }

  #surroundings(): Surroundings {
    const { view, sockets, vmacs } = this.#options;
    return {
      link: (name) => (sockets.isBroken(name) || !vmacs.isUsable(name) ? undefined : view.link(name)),
      addresses: (dev) => view.addresses(dev),
    };
  }

  perform(effects: readonly Effect[], router: Router): void {
    for (const effect of effects) {
      if (effect.kind === 'instance') this.#do(effect.name, effect.action, router);
      else this.#queue.put(() => this.#options.hooks.notifyGroup(effect.name, effect.notify));
    }
  }

  #do(name: string, action: Action, router: Router): void {
    const { log, sockets, history, hooks, keepOwned } = this.#options;
    const state = router.instances[name]!;
    const config = this.#outfit.configs.get(name)!;
    const instance = this.#outfit.instances.get(name)!;
    const fields = { TANDEM_INSTANCE: name };
    switch (action.kind) {
      case 'advertise':
        sockets.advertise(action.former ?? config, state.watched.source ?? config.source, action.priority, action.id);
        break;
      case 'install':
        this.#install(name, this.#things(instance, action.what));
        break;
      case 'remove': {
        const { things } = this.#things(instance, action.what);
        if (state.running || !keepOwned) this.#estate.release(name, things);
        break;
      }
      case 'announce':
        this.#announce(name, () => this.#estate.standing(name), action.repeat);
        break;
      case 'announce-elsewhere':
        this.#announce(name, () => this.#elsewhere(config), 1);
        break;
      case 'announce-source':
        this.#announce(name, () => this.#source(config, router), 1);
        break;
      case 'cancel-announcements':
        this.#announcer.cancel(name);
        break;
      case 'transition': {
        history.add(name, action);
        if (this.#outfit.isLarge) this.#options.muchToDo();
        const detail = transitionDetail(action.reason, state);
        if (detail !== undefined) log(detail.priority, `(${name}) ${detail.text}`, fields);
        const line = `(${name}) ${transitionLine(action.from, action.to, action.reason)}`;
        const more = { TANDEM_STATE: keepalivedState(state), TANDEM_REASON: action.reason };
        log('notice', line, { ...fields, ...more });
        break;
      }
      case 'notify': {
        const { priority } = state;
        const settled = this.#estate.settled(name);
        this.#queue.put(async () => {
          await settled;
          hooks.notify(instance, action.what, priority);
        });
        break;
      }
      case 'note': {
        const { note } = action;
        const { priority, text } = noteLine(note, state);
        log(priority, `(${name}) ${text}`, fields);
        if (note.about === 'priority') {
          const word = state.state === 'Active' ? 'MASTER' : 'BACKUP';
          this.#queue.put(() => hooks.priorityChanged(instance, word, note.priority));
        }
        break;
      }
    }
  }

  /** What names something that is not there may find it later. */
  #things(instance: Instance, what: Owned): Things {
    const known = this.#outfit.things.get(thingsKey(instance, what));
    return known?.unresolved.length === 0 ? known : drain(ownedThings(this.#outfit.context, instance, what));
  }

  #statics(): Things {
    const known = this.#outfit.things.get(STATICS);
    return known?.unresolved.length === 0 ? known : drain(staticThings(this.#outfit.context));
  }

  #install(owner: string, things: Things): void {
    this.#promote(ipv4Devices(things.things));
    this.#estate.want(owner, things);
  }

  #promote(devices: ReadonlySet<string>): void {
    const { kernel, log } = this.#options;
    for (const dev of devices) {
      try {
        kernel.promoteSecondaries(dev);
      } catch (error) {
        log('warning', `${(error as Error).message}: deleting one VIP of ${dev} may take others along`);
      }
    }
  }

  /** The first address of each device. */
  #elsewhere({ name, device, announce }: InstanceConfig): readonly Address[] {
    const vmacs = new Set(this.#outfit.loaded.placement.vmacs.map((vmac) => vmac.name));
    const first = new Map<string, Address>();
    for (const address of this.#estate.standing(name)) {
      if (address.dev === device || (!announce.elsewhere?.all && !vmacs.has(address.dev))) continue;
      if (!first.has(address.dev)) first.set(address.dev, address);
    }
    return [...first.values()];
  }

  #source({ name, interface: dev }: InstanceConfig, router: Router): readonly Address[] {
    const source = router.instances[name]!.watched.source;
    return this.#options.view.addresses(dev).filter(({ address }) => address.text === source?.text);
  }

  #announce(name: string, addresses: () => readonly Address[], rounds: number): void {
    this.#announcer.announce(name, { rounds, addresses, settled: this.#estate.settled(name) });
  }

  #intervals(): { readonly 4: Millis; readonly 6: Millis } {
    const { vrrp_garp_interval, vrrp_gna_interval } = this.#outfit.loaded.config.global_defs;
    return { 4: vrrp_garp_interval ?? ms(0), 6: vrrp_gna_interval ?? vrrp_garp_interval ?? ms(0) };
  }
}

/** Where addresses of IPv4 are. */
function ipv4Devices(things: readonly Thing[]): ReadonlySet<string> {
  const devices = new Set<string>();
  for (const { add } of things) if (isIpv4Address(add)) devices.add(add.address.dev);
  return devices;
}

const NOTHING: Things = { things: [], unresolved: [] };
const STATICS = 'statics';

const thingsKey = ({ name }: Instance, what: Owned): string => `${what} ${name}`;

const together = (all: readonly Things[]): Things => ({
  things: all.flatMap(({ things }) => things),
  unresolved: all.flatMap(({ unresolved }) => unresolved),
});

const isIpv4Address = (change: Thing['add']): change is Extract<Thing['add'], { kind: 'address' }> =>
  change.kind === 'address' && change.address.address.family === 4;

function vipsOf({
  virtual_ipaddress = [],
  virtual_ipaddress_excluded = [],
}: Config['vrrp_instance'][number]): string[] {
  return [...virtual_ipaddress, ...virtual_ipaddress_excluded].map(({ address }) => address.text);
}
