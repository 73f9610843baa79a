/**
 * A kernel that is nothing but state, prints itself as text and has its own clock. What counts as one address, route
 * or rule, and what goes along with the first address of a subnet, is as in the real one (test/linux/fake.test.ts).
 */
import { contains, formatIpPrefix, type Ip } from '../../src/base/address.ts';
import { type Millis, ms } from '../../src/base/units.ts';
import type { Address } from '../../src/linux/address.ts';
import { NoDevice } from '../../src/linux/devices.ts';
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
} from '../../src/linux/kernel.ts';
import { OWN_PROTOCOL } from '../../src/linux/kernel.ts';
import { type Link, OWN_ALIAS } from '../../src/linux/link.ts';
import { type Route, TABLE_LOCAL } from '../../src/linux/route.ts';
import type { Rule } from '../../src/linux/rule.ts';

/** Whose the routes are that come with addresses. */
const RTPROT_KERNEL = 2;

/** What a socket sent, or a frame that went out. */
export interface Sent {
  readonly dev: string;
  readonly at: Millis;
  readonly bytes: Uint8Array;
  /** Absent: a whole frame. */
  readonly destination?: Ip;
}

interface OpenSocket {
  readonly options: VrrpSocketOptions;
  readonly listener: (datagrams: readonly Datagram[]) => void;
}

export class FakeKernel implements Kernel {
  readonly sent: Sent[] = [];
  readonly rehearsed: Change[] = [];
  readonly settings = new Map<string, string>();
  firewall: readonly FirewallRule[] = [];
  #now = ms(0);
  #links: readonly Link[] = [];
  #addresses: readonly Address[] = [];
  #routes: readonly Route[] = [];
  #rules: readonly Rule[] = [];
  readonly #timers = new Map<Timer, { at: Millis; readonly due: () => void }>();
  readonly #sockets = new Set<OpenSocket>();
  readonly #promoting = new Set<string>();
  /** Addresses whose local route, which comes with them and is not listed, has been deleted. */
  readonly #silent = new Set<Address>();
  readonly #adjusted = new Map<string, string>();
  #listener: (events: readonly KernelEvent[]) => void = () => {};

  /** `ip addr`, `ip route` and `ip rule` in one, a line each. */
  toString(): string {
    const links = this.#links.flatMap((link) => [
      `${link.name}: ${link.up ? 'up' : 'down'}${link.running ? '' : ' no-carrier'}`,
      ...this.#addresses.filter(({ dev }) => dev === link.name).map((address) => `  ${describeAddress(address)}`),
    ]);
    return [...links, ...this.#routes.map(describeRoute), ...this.#rules.map(describeRule)].join('\n');
  }

  /** Whether a neighbour who asks for an IPv4 address by ARP gets an answer, and its packets are taken. */
  answers(dev: string, text: string): boolean {
    const address = this.#addresses.find((one) => one.dev === dev && one.address.text === text);
    if (address !== undefined && !this.#silent.has(address)) return true;
    const byRoute = ['all', dev].every((name) => (this.settings.get(`ipv4/conf/${name}/arp_ignore`) ?? '0') === '0');
    const isLocal = (route: Route): boolean =>
      route.type === 'local' && route.dev === dev && route.destination.text === text && route.destination.prefix === 32;
    return byRoute && this.#routes.some(isLocal);
  }

  /** Adds a device, or changes one. */
  setLink(name: string, change: Partial<Link> = {}): void {
    const known = this.#links.find((link) => link.name === name);
    const index = known?.index ?? this.#links.length + 1;
    const fresh = { index, name, up: true, running: true, mtu: 1500, mac: Uint8Array.of(2, 0, 0, 0, 0, index) };
    const link: Link = { ...(known ?? fresh), ...change };
    this.#links = [...this.#links.filter((other) => other !== known), link];
    this.#listener([{ kind: 'link', link }]);
  }

  removeLink(name: string): void {
    const link = this.#links.find((found) => found.name === name);
    if (!link) return;
    for (const address of this.#addresses.filter(({ dev }) => dev === name)) this.#loseAddress(address, false);
    this.#links = this.#links.filter((found) => found !== link);
    this.#listener([{ kind: 'link-gone', link }]);
  }

  /** What another program does. */
  changeByOthers(...changes: readonly Change[]): readonly Failure[] {
    return this.#apply(changes, false);
  }

  /** A packet arrives on a device. */
  receive(dev: string, datagram: Datagram): void {
    for (const { options, listener } of this.#sockets) {
      if (options.dev === dev && options.family === datagram.family) listener([datagram]);
    }
  }

  /** Time passes; timers expire in their order, at their points of the clock. */
  advance(by: Millis): void {
    const end = this.#now + by;
    for (;;) {
      const [timer, next] = [...this.#timers].sort(([, a], [, b]) => a.at - b.at)[0] ?? [];
      if (!timer || !next || next.at > end) break;
      this.#now = ms(Math.max(this.#now, next.at));
      this.#timers.delete(timer);
      next.due();
    }
    this.#now = ms(end);
  }

  now(): Millis {
    return this.#now;
  }

  timer(due: () => void): Timer {
    const timer: Timer = {
      arm: (at) => {
        this.#timers.delete(timer);
        if (Number.isFinite(at)) this.#timers.set(timer, { at, due });
      },
      close: () => void this.#timers.delete(timer),
    };
    return timer;
  }

  watch(listener: (events: readonly KernelEvent[]) => void): Promise<Snapshot> {
    this.#listener = listener;
    return this.snapshot();
  }

  snapshot(): Promise<Snapshot> {
    return Promise.resolve({
      links: this.#links,
      addresses: this.#addresses,
      routes: this.#routes,
      rules: this.#rules,
    });
  }

  change(changes: readonly Change[]): Promise<readonly Failure[]> {
    return Promise.resolve(this.#apply(changes, true));
  }

  sharedRoutes(routes: readonly Route[]): Promise<ReadonlySet<Route>> {
    const keys = new Set(this.#routes.filter(({ protocol }) => protocol !== OWN_PROTOCOL).map(routeKey));
    return Promise.resolve(new Set(routes.filter((route) => keys.has(routeKey(route)))));
  }

  expectMuch(): void {}

  rehearse(changes: readonly Change[]): void {
    this.rehearsed.push(...changes);
  }

  openVrrp(options: VrrpSocketOptions, listener: (datagrams: readonly Datagram[]) => void): VrrpSocket {
    this.#find(options.dev);
    const socket: OpenSocket = { options, listener };
    this.#sockets.add(socket);
    return {
      join: () => {},
      send: ({ bytes, destination }) => {
        const link = this.#links.find(({ name }) => name === options.dev);
        if (!link?.up) return link ? 'ENETDOWN' : 'ENODEV';
        this.sent.push({ dev: options.dev, at: this.#now, bytes, destination });
        return 'sent';
      },
      close: () => void this.#sockets.delete(socket),
    };
  }

  sendFrames(dev: string, frames: readonly Uint8Array[]): number {
    this.#find(dev);
    this.sent.push(...frames.map((bytes) => ({ dev, at: this.#now, bytes })));
    return frames.length;
  }

  setting(path: string): string | undefined {
    return this.settings.get(path);
  }

  promoteSecondaries(dev: string): void {
    this.#promoting.add(dev);
  }

  adjust(path: string, value: string): void {
    const before = this.settings.get(path);
    if (before === undefined || before === value) return;
    if (!this.#adjusted.has(path)) this.#adjusted.set(path, before);
    this.settings.set(path, value);
  }

  restore(path: string): void {
    const before = this.#adjusted.get(path);
    if (before !== undefined) this.settings.set(path, before);
    this.#adjusted.delete(path);
  }

  holdMacvlan({ name, lower, mac }: Macvlan, prepare: () => void): Link {
    const { index, running } = this.#find(lower);
    prepare();
    this.setLink(name, { type: 'macvlan', isPrivate: true, alias: OWN_ALIAS, lower: index, mac, up: true, running });
    return this.#find(name);
  }

  deleteLink(name: string): void {
    this.#find(name);
    this.removeLink(name);
  }

  setFirewall(rules: readonly FirewallRule[]): void {
    this.firewall = rules;
  }

  close(): Promise<void> {
    this.#listener = () => {};
    this.#timers.clear();
    this.#sockets.clear();
    this.#promoting.clear();
    return Promise.resolve();
  }

  #find(dev: string): Link {
    const link = this.#links.find(({ name }) => name === dev);
    if (!link) throw new NoDevice(dev);
    return link;
  }

  #apply(changes: readonly Change[], own: boolean): readonly Failure[] {
    return changes.flatMap((change, index) => {
      const refused = this.#applyOne(change, own);
      return refused ? [{ index, ...refused }] : [];
    });
  }

  #applyOne(change: Change, own: boolean): Omit<Failure, 'index'> | undefined {
    switch (change.kind) {
      case 'address':
        return this.#changeAddress(change.verb, change.address, own);
      case 'route':
        return this.#changeRoute(change.verb, change.route, own);
      case 'rule':
        return this.#changeRule(change.verb, change.rule, own);
    }
  }

  #changeAddress(verb: 'add' | 'replace' | 'delete', address: Address, own: boolean): Refusal | undefined {
    if (!this.#links.some(({ name }) => name === address.dev)) return ENODEV;
    const known = this.#addresses.find((other) => addressKey(other) === addressKey(address));
    if (verb === 'delete') {
      if (!known) return EADDRNOTAVAIL;
      const rest = this.#addresses.slice(this.#addresses.indexOf(known) + 1);
      const primary = !this.#addresses
        .slice(0, this.#addresses.indexOf(known))
        .some((other) => shareSubnet(other, known));
      this.#loseAddress(known, own);
      if (!primary || this.#promoting.has(address.dev)) return undefined;
      for (const other of rest) if (shareSubnet(other, known)) this.#loseAddress(other, false);
      return undefined;
    }
    if (known && verb === 'add') return EEXIST;
    this.#addresses = [...this.#addresses.filter((other) => other !== known), address];
    this.#listener([{ kind: 'address', address, own }]);
    return undefined;
  }

  /** Routes from it go along, and with the last IPv4 address of a device all its IPv4 routes; nobody is told. */
  #loseAddress(address: Address, own: boolean): void {
    this.#addresses = this.#addresses.filter((other) => other !== address);
    this.#silent.delete(address);
    this.#listener([{ kind: 'address-gone', address, own }]);
    const { text, family } = address.address;
    const isLast =
      family === 4 && !this.#addresses.some((other) => other.dev === address.dev && other.address.family === 4);
    const gone = (route: Route) =>
      (family === 4 && route.preferredSource?.text === text) ||
      (isLast && route.dev === address.dev && route.destination.family === 4);
    this.#routes = this.#routes.filter((route) => !gone(route));
  }

  #changeRoute(
    verb: 'add' | 'prepend' | 'append' | 'replace' | 'delete',
    route: Route,
    own: boolean,
  ): Refusal | undefined {
    for (const { dev } of [route, ...(route.hops ?? [])]) {
      if (dev !== undefined && !this.#links.some(({ name }) => name === dev)) return ENODEV;
    }
    if (route.protocol === RTPROT_KERNEL && route.table === TABLE_LOCAL) return this.#changeKernelRoute(verb, route);
    if (verb === 'delete') return this.#deleteRoute(route, own);
    const same = this.#routes.filter((other) => routeKey(other) === routeKey(route));
    const equal = same.find((other) => describeRoute(other) === describeRoute(route));
    // In place of itself, as long as it comes first: nothing happens.
    if (verb === 'replace' && equal && equal === same[0]) return undefined;
    if (equal || (verb === 'add' && same.length > 0)) return EEXIST;
    const at = same.length === 0 || verb === 'append' ? this.#routes.length : this.#routes.indexOf(same[0]!);
    this.#routes = this.#routes.toSpliced(at, verb === 'replace' && same.length > 0 ? 1 : 0, route);
    this.#listener([{ kind: 'route', route, own }]);
    return undefined;
  }

  /** The local route of an address: the only ones of the kernel's own that anybody may touch here. */
  #changeKernelRoute(verb: string, { dev, destination }: Route): Refusal | undefined {
    const address = this.#addresses.find((one) => one.dev === dev && one.address.text === destination.text);
    if (address === undefined) return verb === 'delete' ? ESRCH : EINVAL;
    if (this.#silent.has(address) === (verb === 'delete')) return verb === 'delete' ? ESRCH : EEXIST;
    if (verb === 'delete') this.#silent.add(address);
    else this.#silent.delete(address);
    return undefined;
  }

  /** Without a metric the one with the lowest goes. */
  #deleteRoute(route: Route, own: boolean): Refusal | undefined {
    const { metric, ...unranked } = route;
    const matches = ({ metric: other, ...rest }: Route): boolean =>
      (metric === undefined || metric === other) && describeRoute(rest) === describeRoute(unranked);
    const [found] = this.#routes.filter(matches).sort((a, b) => (a.metric ?? 0) - (b.metric ?? 0));
    if (!found) return ESRCH;
    this.#routes = this.#routes.filter((other) => other !== found);
    this.#listener([{ kind: 'route-gone', route: found, own }]);
    return undefined;
  }

  #changeRule(verb: 'add' | 'delete', rule: Rule, own: boolean): Refusal | undefined {
    const known = this.#rules.find((other) => describeRule(other) === describeRule(rule));
    if (verb === 'delete') {
      if (!known) return ENOENT;
      this.#rules = this.#rules.filter((other) => other !== known);
      this.#listener([{ kind: 'rule-gone', rule: known, own }]);
      return undefined;
    }
    if (known) return EEXIST;
    this.#rules = [...this.#rules, rule].sort((a, b) => (a.priority ?? 0) - (b.priority ?? 0));
    this.#listener([{ kind: 'rule', rule, own }]);
    return undefined;
  }
}

type Refusal = Omit<Failure, 'index'>;
const ENODEV: Refusal = { errno: 19, code: 'ENODEV' };
const EEXIST: Refusal = { errno: 17, code: 'EEXIST' };
const EINVAL: Refusal = { errno: 22, code: 'EINVAL' };
const ESRCH: Refusal = { errno: 3, code: 'ESRCH' };
const ENOENT: Refusal = { errno: 2, code: 'ENOENT' };
const EADDRNOTAVAIL: Refusal = { errno: 99, code: 'EADDRNOTAVAIL' };

const addressKey = ({ dev, address }: Address): string =>
  address.family === 4 ? `${dev} ${formatIpPrefix(address)}` : `${dev} ${address.text}`;

const shareSubnet = (a: Address, b: Address): boolean =>
  a.dev === b.dev && a.address.family === 4 && a.address.prefix === b.address.prefix && contains(a.address, b.address);

const routeKey = ({ table, destination, from, tos, metric }: Route): string =>
  `${table} ${formatIpPrefix(destination)} ${from ? formatIpPrefix(from) : ''} ${tos ?? 0} ${metric ?? 0}`;

function describeAddress({ address, peer, broadcast, label, scope, preferredSeconds }: Address): string {
  const words = [peer ? `${address.text} peer ${formatIpPrefix(peer)}` : formatIpPrefix(address)];
  if (broadcast) words.push(`brd ${broadcast.text}`);
  if (scope !== 0) words.push(`scope ${scope}`);
  if (label !== undefined) words.push(`label ${label}`);
  if (preferredSeconds !== undefined) words.push(`preferred ${preferredSeconds}`);
  return words.join(' ');
}

/** Fields in the order of the type's definition, whatever the order in which they were set. */
function describeRoute({ type, destination, table, protocol, scope, ...rest }: Route): string {
  return `route ${type} ${formatIpPrefix(destination)} table ${table} proto ${protocol} scope ${scope}${describe(rest)}`;
}

const describeRule = ({ priority, family, action, table, protocol, ...rest }: Rule): string =>
  `rule ${priority}: inet${family} ${action} ${table} proto ${protocol}${describe(rest)}`;

function describe(fields: object): string {
  const words = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => ` ${name} ${typeof value === 'object' ? JSON.stringify(value) : value}`);
  return words.join('');
}
