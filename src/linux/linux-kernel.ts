/** The real kernel behind the seam: sockets, netlink on this thread for little and in a worker for much, timers. */
import { setTimeout as pause } from 'node:timers/promises';
import { formatIpPrefix } from '../base/address.ts';
import { assert } from '../base/assert.ts';
import type { Millis } from '../base/units.ts';
import { type Address, RTM_ADDRESS, readAddress } from './address.ts';
import { BulkSender } from './bulk.ts';
import { costOf, writeBatches } from './changes.ts';
import { type Devices, devicesOf } from './devices.ts';
import { readLists, sharedRoutes } from './dump.ts';
import { OwnTables } from './firewall.ts';
import { FrameSender } from './frame-sender.ts';
import type {
  Change,
  Datagram,
  Failure,
  FirewallRule,
  Kernel,
  KernelEvent,
  Macvlan,
  Snapshot,
  Timer,
  VrrpSocket,
  VrrpSocketOptions,
} from './kernel.ts';
import { OWN_PROTOCOL } from './kernel.ts';
import { type Link, linkDumpHeader, RTM_LINK, readLink } from './link.ts';
import { deleteLink, holdMacvlan } from './macvlan.ts';
import { type Monitor, openMonitor } from './monitor.ts';
import type { Message } from './netlink.ts';
import { NetlinkClient, RECEIVE_BUFFER, type Refusal } from './netlink-client.ts';
import { type Route, RTM_ROUTE, readRoute } from './route.ts';
import { RTM_RULE, readRule } from './rule.ts';
import { ChangedSettings, readSetting } from './settings.ts';
import { monotonicNow, openDeadline } from './timer.ts';
import { openVrrpSocket } from './vrrp-socket.ts';

/** What this thread does itself: 16 addresses, or 256 routes, take about a millisecond. */
const INLINE_COST_MAX = 256;
/** Batches that go to the worker in one message: a message costs both threads more than a batch of routes. */
const BATCHES_AT_ONCE = 2;
/** Messages under way to the worker: one being carried out, the next one waiting for it. */
const BULK_AHEAD = 2;
/** Dumps after which notices that are still being lost are put up with; the next loss begins anew. */
const RESYNC_TRIES = 3;
/** Descriptors come back when somebody's connections end. */
const RESYNC_RETRY_MS = 1_000;

export class LinuxKernel implements Kernel {
  readonly #client = new NetlinkClient();
  readonly #frames = new FrameSender();
  readonly #settings = new ChangedSettings();
  readonly #tables = new OwnTables();
  readonly #ownPorts = new Set<number>([this.#client.port]);
  readonly #receiveBuffer: number;
  #links: ReadonlyMap<number, Link>;
  #devices: Devices;
  #bulk: BulkSender | undefined;
  #changing: Promise<unknown> = Promise.resolve();
  #busy = 0;
  #monitor: Monitor | undefined;
  /** While a dump is being read: what was noticed meanwhile. */
  #held: Message[] | undefined;
  /** Addresses that we have asked the kernel to delete, by how many notices are to come. */
  readonly #leaving = new Map<string, number>();
  #lost = false;
  #closed = false;
  #listener: (events: readonly KernelEvent[]) => void = () => {};

  /** `receiveBuffer`: for notices, in bytes. */
  constructor(options: { readonly receiveBuffer?: number } = {}) {
    this.#receiveBuffer = options.receiveBuffer ?? RECEIVE_BUFFER;
    this.#links = this.#readLinks();
    this.#devices = devicesOf(this.#links.values());
  }

  now(): Millis {
    return monotonicNow();
  }

  timer(due: () => void): Timer {
    return openDeadline(due);
  }

  async watch(listener: (events: readonly KernelEvent[]) => void): Promise<Snapshot> {
    this.#listener = listener;
    this.#monitor = openMonitor({
      protocol: OWN_PROTOCOL,
      ports: this.#ownPorts,
      receiveBuffer: this.#receiveBuffer,
      onMessages: (messages) => this.#notice(messages),
      onLost: () => void this.#resync(),
    });
    const snapshot = await this.#readAll();
    setImmediate(() => this.#release());
    return snapshot;
  }

  async snapshot(): Promise<Snapshot> {
    // Its own: others are asked things while its dumps are under way.
    const client = new NetlinkClient();
    try {
      return await this.#readSnapshot(client);
    } finally {
      client.close();
    }
  }

  change(changes: readonly Change[], options: { readonly bulk?: boolean } = {}): Promise<readonly Failure[]> {
    assert(!this.#closed, 'a kernel that is closed changes nothing');
    const bulk = options.bulk ?? costOf(changes) > INLINE_COST_MAX;
    if (!bulk && this.#busy === 0) return this.#inOrder(() => this.#changeHere(changes));
    const before = this.#changing;
    return this.#inOrder(async () => {
      await before;
      return bulk ? this.#changeInWorker(changes) : this.#changeHere(changes);
    });
  }

  sharedRoutes(routes: readonly Route[]): Promise<ReadonlySet<Route>> {
    return sharedRoutes(routes, () => this.#devices);
  }

  rehearse(changes: readonly Change[]): void {
    for (const _ of writeBatches(changes, this.#devices, () => {}));
  }

  expectMuch(): void {
    if (!this.#closed) this.#worker();
  }

  openVrrp(options: VrrpSocketOptions, listener: (datagrams: readonly Datagram[]) => void): VrrpSocket {
    return openVrrpSocket({ ...options, index: this.#devices.indexOf(options.dev) }, listener);
  }

  sendFrames(dev: string, frames: readonly Uint8Array[]): number {
    return this.#frames.send(this.#devices.indexOf(dev), frames);
  }

  setting(path: string): string | undefined {
    return readSetting(path);
  }

  promoteSecondaries(dev: string): void {
    this.#settings.set(`ipv4/conf/${dev}/promote_secondaries`, '1');
  }

  adjust(path: string, value: string): void {
    this.#settings.set(path, value);
  }

  restore(path: string): void {
    this.#settings.restore(path);
  }

  holdMacvlan(macvlan: Macvlan, prepare: () => void): Link {
    const links = (): Iterable<Link> => {
      this.#setLinks(this.#readLinks());
      return this.#links.values();
    };
    return holdMacvlan({ client: this.#client, links }, macvlan, prepare);
  }

  deleteLink(name: string): void {
    deleteLink(this.#client, this.#devices.indexOf(name));
  }

  setFirewall(rules: readonly FirewallRule[]): void {
    this.#tables.set(rules, (dev) => this.#devices.indexOf(dev));
  }

  async close({ keepSettings = false }: { readonly keepSettings?: boolean } = {}): Promise<void> {
    this.#closed = true;
    this.#monitor?.close();
    await this.#changing.catch(() => {});
    if (!keepSettings) this.#settings.restore();
    this.#frames.close();
    this.#tables.close();
    this.#client.close();
    await this.#bulk?.close();
  }

  /** Runs at once, and lets later calls wait for it. */
  async #inOrder<T>(run: () => T | Promise<T>): Promise<T> {
    this.#busy += 1;
    const done = (async () => run())();
    this.#changing = done.catch(() => {});
    try {
      return await done;
    } finally {
      this.#busy -= 1;
    }
  }

  #changeHere(changes: readonly Change[]): readonly Failure[] {
    const failures: Failure[] = [];
    for (const { batch, indexes } of writeBatches(changes, this.#devices, (failure) => failures.push(failure))) {
      this.#expect(changes, indexes, 1);
      failures.push(...this.#refusals(this.#client.send(batch), changes, indexes));
    }
    return failures.sort(byIndex);
  }

  async #changeInWorker(changes: readonly Change[]): Promise<readonly Failure[]> {
    const bulk = this.#worker();
    const port = await bulk.port;
    if (!this.#ownPorts.has(port)) this.#monitor?.passOver(this.#ownPorts.add(port));
    const failures: Failure[] = [];
    const underWay: Promise<void>[] = [];
    const written = writeBatches(changes, this.#devices, (failure) => failures.push(failure));
    for (const group of inGroups(written, BATCHES_AT_ONCE)) {
      for (const { indexes } of group) this.#expect(changes, indexes, 1);
      const sent = bulk.send(group.map(({ batch }) => batch)).then((refusals) => {
        for (const [i, refused] of refusals.entries()) {
          failures.push(...this.#refusals(refused, changes, group[i]!.indexes));
        }
      });
      underWay.push(sent);
      if (underWay.length >= BULK_AHEAD) await underWay.shift();
    }
    await Promise.all(underWay);
    return failures.sort(byIndex);
  }

  /** One that has failed is followed by another one. */
  #worker(): BulkSender {
    if (this.#bulk === undefined || this.#bulk.failed) this.#bulk = new BulkSender();
    return this.#bulk;
  }

  /** A batch's own numbers become those of the whole list. */
  #refusals(refused: readonly Refusal[], changes: readonly Change[], indexes: readonly number[]): readonly Failure[] {
    const failures = refused.map((refusal) => ({ ...refusal, index: indexes[refusal.index]! }));
    const gone = failures.map(({ index }) => index);
    this.#expect(changes, gone, -1);
    return failures;
  }

  /** Notices of IPv6 addresses do not name their cause, and those of IPv4 name it for secondaries taken along, too. */
  #expect(changes: readonly Change[], indexes: readonly number[], by: 1 | -1): void {
    if (!this.#monitor) return;
    for (const index of indexes) {
      const change = changes[index]!;
      if (change.kind === 'address' && change.verb === 'delete') this.#count(keyOf(change.address), by);
    }
  }

  #count(key: string, by: 1 | -1): void {
    const left = (this.#leaving.get(key) ?? 0) + by;
    if (left > 0) this.#leaving.set(key, left);
    else this.#leaving.delete(key);
  }

  async #readSnapshot(client: NetlinkClient): Promise<Snapshot> {
    this.#setLinks(this.#readLinks());
    const lists = await readLists(client, () => this.#devices);
    return { links: [...this.#links.values()], ...lists };
  }

  /** At once: devices are few. */
  #readLinks(): ReadonlyMap<number, Link> {
    const links = new Map<number, Link>();
    for (const messages of this.#client.dump(RTM_LINK.GET, linkDumpHeader)) {
      for (const message of messages) {
        const link = readLink(message);
        if (link) links.set(link.index, link);
      }
    }
    return links;
  }

  #setLinks(links: ReadonlyMap<number, Link>): void {
    this.#links = links;
    this.#devices = devicesOf(links.values());
  }

  #notice(messages: readonly Message[]): void {
    if (this.#held) this.#held.push(...messages);
    else this.#tell(messages);
  }

  async #resync(): Promise<void> {
    this.#lost = true;
    // Whoever is reading a dump already reads it again.
    if (this.#held || this.#closed) return;
    const snapshot = await this.#readInTheEnd();
    if (this.#closed || !snapshot) return;
    this.#listener([{ kind: 'lost', snapshot }]);
    this.#release();
  }

  /** A machine that has no descriptor or memory for it is asked again: until then nothing is told, and VRRP goes on. */
  async #readInTheEnd(): Promise<Snapshot | undefined> {
    while (!this.#closed) {
      try {
        return await this.#readAll();
      } catch {
        await pause(RESYNC_RETRY_MS);
      }
    }
    return undefined;
  }

  /** What stands, with nothing lost while it was read, unless notices come faster than they can be read at all. */
  async #readAll(): Promise<Snapshot> {
    for (let tries = 1; ; tries += 1) {
      this.#lost = false;
      this.#held = [];
      this.#leaving.clear();
      const snapshot = await this.snapshot();
      if (!this.#lost || tries === RESYNC_TRIES) return snapshot;
    }
  }

  #release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    this.#tell(held);
  }

  #tell(messages: readonly Message[]): void {
    const events = messages.flatMap((message) => this.#eventOf(message) ?? []);
    if (events.length > 0) this.#listener(events);
  }

  #eventOf(message: Message): KernelEvent | undefined {
    const own = this.#ownPorts.has(message.port);
    switch (message.type) {
      case RTM_LINK.NEW:
      case RTM_LINK.DEL: {
        const link = readLink(message);
        if (!link) return undefined;
        const gone = message.type === RTM_LINK.DEL;
        const links = new Map(this.#links);
        if (gone) links.delete(link.index);
        else links.set(link.index, link);
        this.#setLinks(links);
        return { kind: gone ? 'link-gone' : 'link', link };
      }
      case RTM_ADDRESS.NEW:
      case RTM_ADDRESS.DEL: {
        const address = readAddress(message, this.#devices);
        if (!address) return undefined;
        if (message.type === RTM_ADDRESS.NEW) return { kind: 'address', address, own };
        const asked = this.#leaving.has(keyOf(address));
        this.#count(keyOf(address), -1);
        return { kind: 'address-gone', address, own: asked };
      }
      case RTM_ROUTE.NEW:
      case RTM_ROUTE.DEL: {
        const route = readRoute(message, this.#devices);
        return route && { kind: message.type === RTM_ROUTE.DEL ? 'route-gone' : 'route', route, own };
      }
      case RTM_RULE.NEW:
      case RTM_RULE.DEL: {
        const rule = readRule(message);
        if (rule?.protocol !== OWN_PROTOCOL) return undefined;
        return { kind: message.type === RTM_RULE.DEL ? 'rule-gone' : 'rule', rule, own };
      }
      default:
        return undefined;
    }
  }
}

function* inGroups<T>(values: Iterable<T>, size: number): Generator<readonly T[]> {
  let group: T[] = [];
  for (const value of values) {
    group.push(value);
    if (group.length < size) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

const byIndex = (a: Failure, b: Failure): number => a.index - b.index;

const keyOf = ({ dev, address }: Address): string => `${dev} ${formatIpPrefix(address)}`;
