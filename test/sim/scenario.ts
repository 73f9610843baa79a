/** A pair and its fate, drawn from one seed. */
import { ms, seconds } from '../../src/base/units.ts';
import type { InstanceConfig } from '../../src/vrrp/config.ts';
import { instanceConfig } from '../support/vrrp.ts';
import { check } from './invariants.ts';
import { boot, calm, crash, feed, isActive, newWorld, robVip, run, setNetwork, track, type World } from './pair.ts';
import { between, chance, pick, type Random, seeded } from './random.ts';

export interface Outcome {
  readonly simulatedSeconds: number;
  readonly steps: number;
  readonly takeovers: number;
}

/** Incidents of a run: enough that faults meet each other. */
const INCIDENTS = 40;

export function play(seed: number): Outcome {
  const random = seeded(seed);
  const configs = drawConfigs(random);
  const world = newWorld(random, configs);
  const interval = Math.max(configs[0].advertisementInterval, configs[1].advertisementInterval);
  let takeovers = 0;
  boot(world, 0);
  run(world, ms(between(random, 0, 5 * interval)), check);
  boot(world, 1);
  for (let i = 0; i < INCIDENTS; i += 1) {
    // Mostly long enough for all to settle, at times in the middle of things.
    const pause = chance(random, 0.3) ? between(random, 0, 4 * interval) : between(random, 20, 120) * interval;
    run(world, ms(world.now + pause), check);
    strike(world);
    check(world);
  }
  calm(world);
  run(world, ms(world.now + 30 * interval), check);
  for (const { instance } of world.nodes) takeovers += instance?.counters.becameActive ?? 0;
  return { simulatedSeconds: world.now / 1000, steps: world.steps, takeovers };
}

function drawConfigs(random: Random): [InstanceConfig, InstanceConfig] {
  const family = chance(random, 0.25) ? 6 : 4;
  const version = family === 4 && chance(random, 0.5) ? 2 : 3;
  const intervals = version === 2 ? [1, 1, 2, 5, 10] : [0.1, 0.5, 1, 1, 3, 10, 40];
  const interval = seconds(pick(random, intervals));
  const shared: Partial<InstanceConfig> = {
    family,
    version,
    advertisementInterval: interval,
    // Not 1: then nothing but the skew is left for jitter, and an owner's neighbour takes over out of the blue.
    downTimerAdverts: chance(random, 0.8) ? 3 : pick(random, [2, 5]),
    ...(version === 2 && chance(random, 0.3) && { password: Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]) }),
  };
  const draw = (name: string): InstanceConfig =>
    instanceConfig({
      ...shared,
      name,
      priority: pick(random, [1, 50, 100, 100, 150, 254]),
      preempt: chance(random, 0.75),
      preemptDelay: chance(random, 0.2) ? ms(between(random, 0, 10) * interval) : ms(0),
      lowerPriorityNoAdvert: chance(random, 0.1),
      higherPrioritySendAdvert: chance(random, 0.2),
      // v3 only: the other one learns it.
      advertisementInterval: version === 3 && chance(random, 0.2) ? seconds(pick(random, intervals)) : interval,
      trackers: [
        { kind: 'interface', name: 'lan', weight: 0, reverse: false },
        { kind: 'script', name: 'chk', weight: pick(random, [-60, 30]), reverse: false },
      ],
    });
  const pair: [InstanceConfig, InstanceConfig] = [draw('A'), draw('B')];
  if (chance(random, 0.1)) pair[0] = { ...pair[0], priority: 255, startState: 'Active' };
  return pair;
}

/** One thing goes wrong, or is mended. */
function strike(world: World): void {
  const { random } = world;
  const index = pick(random, [0, 1] as const);
  const node = world.nodes[index];
  const flip = (tracker: string): void => track(world, index, tracker, !(node.tracked.get(tracker) ?? false));
  const interval = node.config.advertisementInterval;
  switch (pick(random, ['power', 'power', 'lan', 'chk', 'cut', 'storm', 'calm', 'calm', 'calm', 'removed', 'stop'])) {
    case 'power':
      if (node.instance) crash(world, index);
      else boot(world, index);
      break;
    case 'stop':
      if (node.instance) feed(world, index, { kind: 'shutdown' });
      if (node.instance) crash(world, index);
      break;
    case 'lan':
      flip('interface lan');
      break;
    case 'chk':
      flip('script chk');
      break;
    case 'cut':
      setNetwork(
        world,
        { loss: 0, delayMin: ms(0), delayMax: ms(2) },
        pick(random, [
          [true, true],
          [true, false],
        ]),
      );
      break;
    case 'storm':
      setNetwork(world, { loss: random.next() ** 2, delayMin: ms(0), delayMax: ms(between(random, 0, 3) * interval) }, [
        false,
        false,
      ]);
      break;
    case 'removed':
      if (isActive(node)) robVip(world, index);
      break;
    default:
      calm(world);
  }
}
