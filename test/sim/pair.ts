/**
 * Two routers on one simulated network and one clock: real cores, real bytes, no I/O. The network loses, delays,
 * reorders and cuts; routers crash, boot, lose a tracked interface or a VIP. After every step `check` of
 * invariants.ts looks at the whole world.
 */
import { type Millis, ms } from '../../src/base/units.ts';
import { advertisementBytes } from '../../src/vrrp/advertise.ts';
import type { InstanceConfig } from '../../src/vrrp/config.ts';
import { step } from '../../src/vrrp/machine.ts';
import type { Packet } from '../../src/vrrp/receive.ts';
import { type Action, type Event, type Instance, initialInstance, NEVER, nextDeadline } from '../../src/vrrp/state.ts';
import { ip } from '../support/vrrp.ts';
import { between, chance, type Random } from './random.ts';

export interface Node {
  readonly config: InstanceConfig;
  readonly source: Packet['source'];
  /** Absent while it is crashed. */
  instance: Instance | undefined;
  /** What its kernel holds: it follows the actions, not the state. */
  readonly owned: Set<string>;
  /** What it knows of its trackers: they survive a crash, for they are the world's. */
  readonly tracked: Map<string, boolean>;
  /** Since when it has been up, without fault and left alone; NEVER while it is not. */
  eligibleSince: Millis;
  readonly wire: Map<number, Uint8Array>;
}

export interface Network {
  /** Of a packet, to be lost. */
  loss: number;
  delayMin: Millis;
  delayMax: Millis;
  /** Whether what node 0, or 1, sends is swallowed. */
  readonly cut: [boolean, boolean];
}

export interface World {
  now: Millis;
  readonly random: Random;
  readonly nodes: readonly [Node, Node];
  readonly network: Network;
  /** In the order of arrival. */
  inFlight: { readonly at: Millis; readonly to: 0 | 1; readonly packet: Packet }[];
  /** Since when nothing has been lost, late or cut; NEVER while something may be. */
  wholeSince: Millis;
  /** Since when two have been Active, or none; NEVER while exactly one is. */
  twoActiveSince: Millis;
  noneActiveSince: Millis;
  /** When the last packet that was under way as the last Active router ceased arrives. */
  lastArrival: Millis;
  /** When a router last became Active or ceased to be. */
  lastTransition: Millis;
  steps: number;
}

/** A healthy network of today: well below any interval. */
const CALM_DELAY = ms(2);

export function newWorld(random: Random, configs: readonly [InstanceConfig, InstanceConfig]): World {
  const node = (config: InstanceConfig, last: number): Node => ({
    config,
    source: ip(config.family === 4 ? `10.0.0.${last}` : `fe80::${last}`),
    instance: undefined,
    owned: new Set(),
    tracked: new Map([['interface lan', true]]),
    eligibleSince: NEVER,
    wire: new Map(),
  });
  return {
    now: ms(0),
    random,
    nodes: [node(configs[0], 1), node(configs[1], 2)],
    network: { loss: 0, delayMin: ms(0), delayMax: CALM_DELAY, cut: [false, false] },
    inFlight: [],
    wholeSince: ms(0),
    twoActiveSince: NEVER,
    noneActiveSince: ms(0),
    lastArrival: ms(0),
    lastTransition: ms(0),
    steps: 0,
  };
}

export const isActive = (node: Node): boolean => node.instance?.state === 'Active';

/** Lets the world run until a time, and calls `check` after every single step. */
export function run(world: World, until: Millis, check: (world: World) => void): void {
  for (;;) {
    const arrival = world.inFlight[0]?.at ?? NEVER;
    const due = world.nodes.map(({ instance }) => (instance ? nextDeadline(instance) : NEVER)) as [Millis, Millis];
    const next = Math.min(arrival, due[0], due[1]);
    if (next > until) break;
    world.now = ms(Math.max(world.now, next));
    // A daemon reads its socket before it looks at its timers.
    if (arrival <= next) {
      const { to, packet } = world.inFlight.shift()!;
      if (world.nodes[to].instance) feed(world, to, { kind: 'packet', packet });
    } else feed(world, due[0] <= next ? 0 : 1, { kind: 'timer' });
    check(world);
  }
  world.now = until;
}

export function boot(world: World, index: 0 | 1): void {
  const node = world.nodes[index];
  node.instance = initialInstance(node.config);
  for (const [tracker, status] of node.tracked) feed(world, index, { kind: 'tracked', tracker, status });
  feed(world, index, { kind: 'source', source: node.source });
  feed(world, index, { kind: 'startup' });
}

/** Power off: nothing is said, and its kernel is gone with all it held. */
export function crash(world: World, index: 0 | 1): void {
  const node = world.nodes[index];
  node.instance = undefined;
  node.owned.clear();
  settle(world);
}

export function track(world: World, index: 0 | 1, tracker: string, status: boolean): void {
  const node = world.nodes[index];
  node.tracked.set(tracker, status);
  if (!node.instance) return;
  feed(world, index, { kind: 'tracked', tracker, status });
  if (Number.isFinite(node.eligibleSince)) node.eligibleSince = world.now;
}

/** Someone else takes a VIP away: it steps back of its own will, and is left alone only from then on. */
export function robVip(world: World, index: 0 | 1): void {
  feed(world, index, { kind: 'removed', what: 'VIP' });
  world.nodes[index].eligibleSince = world.now;
}

/** From now on the network is like this. It is whole only when it is calm and all that was late has arrived. */
export function setNetwork(world: World, network: Omit<Network, 'cut'>, cut: readonly [boolean, boolean]): void {
  Object.assign(world.network, network);
  [world.network.cut[0], world.network.cut[1]] = cut;
  const calm = network.loss === 0 && network.delayMax <= CALM_DELAY && !cut[0] && !cut[1];
  world.wholeSince = calm ? ms(Math.max(world.now, world.inFlight.at(-1)?.at ?? 0)) : NEVER;
}

export const calm = (world: World): void =>
  setNetwork(world, { loss: 0, delayMin: ms(0), delayMax: CALM_DELAY }, [false, false]);

export function feed(world: World, index: 0 | 1, event: Event): void {
  const node = world.nodes[index];
  const taken = step(node.config, node.instance!, event, world.now);
  node.instance = taken.instance;
  for (const action of taken.actions) perform(world, index, action);
  world.steps += 1;
  settle(world);
}

function perform(world: World, index: 0 | 1, action: Action): void {
  const { owned } = world.nodes[index];
  if (action.kind === 'install') owned.add(action.what);
  else if (action.kind === 'remove') owned.delete(action.what);
  else if (action.kind === 'transition') world.lastTransition = world.now;
  else if (action.kind === 'advertise') send(world, index, action.priority);
}

function send(world: World, index: 0 | 1, priority: number): void {
  const { network, random, now } = world;
  const { config, source, wire } = world.nodes[index];
  if (network.cut[index] || chance(random, network.loss)) return;
  const destination = config.multicastGroup;
  const payload = wire.get(priority) ?? advertisementBytes(config, priority, source, destination);
  wire.set(priority, payload);
  const at = ms(now + between(random, network.delayMin, network.delayMax));
  const place = world.inFlight.findLastIndex((other) => other.at <= at) + 1;
  world.inFlight.splice(place, 0, { at, to: index === 0 ? 1 : 0, packet: { source, destination, ttl: 255, payload } });
}

/** Keeps the dates by which the invariants judge. */
function settle(world: World): void {
  const { now, nodes } = world;
  for (const node of nodes) {
    const eligible = node.instance !== undefined && node.instance.state !== 'Initialize';
    if (!eligible) node.eligibleSince = NEVER;
    else if (node.eligibleSince === NEVER) node.eligibleSince = now;
  }
  const active = (isActive(nodes[0]) ? 1 : 0) + (isActive(nodes[1]) ? 1 : 0);
  if (active !== 2) world.twoActiveSince = NEVER;
  else if (world.twoActiveSince === NEVER) world.twoActiveSince = now;
  if (active !== 0) world.noneActiveSince = NEVER;
  else if (world.noneActiveSince === NEVER) {
    world.noneActiveSince = now;
    world.lastArrival = world.inFlight.at(-1)?.at ?? now;
  }
}
