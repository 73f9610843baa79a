/** What must hold in a pair after every step, whatever has happened to it. */
import assert from 'node:assert/strict';
import { activeDownInterval } from '../../src/keepalived/timing.ts';
import { nextDeadline } from '../../src/vrrp/state.ts';
import { isActive, type Node, type World } from './pair.ts';

const OWNED = ['addresses', 'excluded', 'routes', 'rules'];
/** Sums of fractions of a second: one rounding may differ. */
const ROUNDING_MS = 1e-6;

export function check(world: World): void {
  for (const node of world.nodes) checkNode(world, node);
  checkOneActive(world);
  checkTakeover(world);
  checkRest(world);
}

/** What belongs to the virtual router is held if and only if Active; every state waits for the right thing. */
function checkNode({ now }: World, { instance, owned, config }: Node): void {
  if (!instance) return;
  const active = instance.state === 'Active';
  if (owned.size !== (active ? OWNED.length : 0)) {
    assert.fail(`${config.name} at ${now}: ${instance.state}, and it holds ${[...owned].join(', ') || 'nothing'}`);
  }
  const deadline = nextDeadline(instance);
  if (Number.isFinite(deadline) !== (instance.state !== 'Initialize')) {
    assert.fail(`${config.name} at ${now}: ${instance.state} with its next deadline at ${deadline}`);
  }
  if (active !== Number.isFinite(instance.deadlines.advertisement)) {
    assert.fail(
      `${config.name} at ${now}: ${instance.state}, advertisement due at ${instance.deadlines.advertisement}`,
    );
  }
}

/**
 * Once the network has been whole for a down timer at most one is Active, but for the time that an advertisement
 * and its answer need: the protocol's own window, for whoever takes over tells so only by advertising.
 */
function checkOneActive(world: World): void {
  if (!Number.isFinite(world.twoActiveSince) || !Number.isFinite(world.wholeSince)) return;
  const settled = world.wholeSince + Math.max(...world.nodes.map(longestDownTimer));
  const quiet = world.nodes.some(({ config }) => config.lowerPriorityNoAdvert);
  const answer = 2 * world.network.delayMax + (quiet ? longestInterval(world) : 0);
  const end = Math.max(world.twoActiveSince, settled) + answer + ROUNDING_MS;
  if (world.now > end) {
    assert.fail(`at ${world.now}: both Active since ${world.twoActiveSince}, network whole since ${world.wholeSince}`);
  }
}

/** A router that could take over has done so 3 x interval + skew after the last advertisement can have arrived. */
function checkTakeover(world: World): void {
  if (!Number.isFinite(world.noneActiveSince)) return;
  for (const node of world.nodes) {
    if (!Number.isFinite(node.eligibleSince)) continue;
    const { config, instance } = node;
    const bound = activeDownInterval({
      version: config.version,
      priority: instance!.priority,
      advertInt: instance!.activeInterval,
      downTimerAdverts: config.downTimerAdverts,
    });
    const from = Math.max(world.noneActiveSince, node.eligibleSince, world.lastArrival);
    if (world.now > from + bound + ROUNDING_MS) {
      assert.fail(`${config.name} at ${world.now}: nobody Active since ${world.noneActiveSince}, bound ${bound}`);
    }
  }
}

/**
 * Left alone, a pair comes to rest: two down timers and the delay after all has been calm nothing moves any more,
 * and with preemption the better router is the Active one.
 */
function checkRest(world: World): void {
  const [one, two] = world.nodes;
  const calmSince = Math.max(world.wholeSince, one.eligibleSince, two.eligibleSince);
  if (!Number.isFinite(calmSince) || !one.instance || !two.instance) return;
  const down = Math.max(longestDownTimer(one), longestDownTimer(two));
  const delay = Math.max(one.config.preemptDelay, two.config.preemptDelay);
  const rest = calmSince + 2 * down + delay + longestInterval(world);
  if (world.lastTransition > rest) {
    assert.fail(`at ${world.lastTransition}: a transition out of the blue, calm since ${calmSince}`);
  }
  if (one.instance.priority === two.instance.priority || world.now <= rest) return;
  const better = one.instance.priority > two.instance.priority ? one : two;
  if (better.config.preempt && !isActive(better)) {
    assert.fail(`${better.config.name} at ${world.now}: not Active, though better and calm since ${calmSince}`);
  }
}

const longestInterval = ({ nodes }: World): number =>
  Math.max(...nodes.map((node) => node.config.advertisementInterval));

/** With the longest skew and the longer of the two intervals that it may have in mind. */
function longestDownTimer({ config, instance }: Node): number {
  const advertInt =
    instance && instance.activeInterval > config.advertisementInterval
      ? instance.activeInterval
      : config.advertisementInterval;
  return activeDownInterval({
    version: config.version,
    priority: 1,
    advertInt,
    downTimerAdverts: config.downTimerAdverts,
  });
}
