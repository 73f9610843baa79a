import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ms } from '../../src/base/units.ts';
import { advertisementBytes } from '../../src/vrrp/advertise.ts';
import type { InstanceConfig, RouterConfig } from '../../src/vrrp/config.ts';
import { type Event, nextDeadline } from '../../src/vrrp/state.ts';
import {
  type Effect,
  initialRouter,
  type Router,
  type RouterStep,
  startRouter,
  stepRouter,
} from '../../src/vrrp/sync.ts';
import { instanceConfig, ip } from '../support/vrrp.ts';

const member = (name: string, vrid: number, overrides: Partial<InstanceConfig> = {}): InstanceConfig =>
  instanceConfig({ name, vrid, syncGroup: 'G', ...overrides });

const config: RouterConfig = {
  instances: [
    member('A', 51),
    member('B', 52, { trackers: [{ kind: 'interface', name: 'wan', weight: 0, reverse: false }] }),
    member('C', 53, { startState: 'Active', trackers: [{ kind: 'script', name: 'chk', weight: 0, reverse: false }] }),
    instanceConfig({ name: 'alone', vrid: 54 }),
  ],
  syncGroups: [{ name: 'G', members: ['A', 'B', 'C'] }],
};

const name = fc.constantFrom('A', 'B', 'C', 'alone');
const happening = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('wait' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('advert' as const), name, priority: fc.constantFrom(0, 50, 100, 200) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('removed' as const), name }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('tracked' as const),
      tracker: fc.constantFrom('interface lan', 'interface wan', 'script chk'),
      status: fc.boolean(),
    }),
  },
);

test('a sync group is Active as a whole or not at all, whatever happens to it, and holds what is Active', () => {
  let runsWithActive = 0;
  fc.assert(
    fc.property(fc.array(happening, { minLength: 20, maxLength: 60, size: 'max' }), (happenings) => {
      let router = initialRouter(config);
      let now = ms(0);
      const owned = new Map<string, Set<string>>(config.instances.map((instance) => [instance.name, new Set()]));
      const take = (step: RouterStep): void => {
        router = step.router;
        for (const effect of step.effects) perform(owned, effect);
      };
      const each = (event: Event): void => {
        for (const instance of config.instances) take(stepRouter(config, router, instance.name, event, now));
      };
      each({ kind: 'source', source: ip('10.0.0.1') });
      for (const tracker of ['interface lan', 'interface wan', 'script chk'])
        each({ kind: 'tracked', tracker, status: true });
      take(startRouter(config, router, now));
      for (const happens of happenings) {
        if (happens.kind === 'wait') {
          const due = earliest(router);
          if (due === undefined) continue;
          now = nextDeadline(router.instances[due]!);
          take(stepRouter(config, router, due, { kind: 'timer' }, now));
        } else if (happens.kind === 'advert') {
          take(stepRouter(config, router, happens.name, advert(happens.name, happens.priority), now));
        } else if (happens.kind === 'removed') {
          take(stepRouter(config, router, happens.name, { kind: 'removed', what: 'VIP' }, now));
        } else {
          // Every instance hears of it in turn: the group is judged when all have.
          each(happens);
        }
        judge(router, owned);
      }
      if (router.instances.A!.counters.becameActive > 0) runsWithActive += 1;
    }),
    { numRuns: 300 },
  );
  assert.ok(runsWithActive > 100, `the group was Active in ${runsWithActive} runs only`);
});

function judge(router: Router, owned: ReadonlyMap<string, ReadonlySet<string>>): void {
  for (const [name, { state }] of Object.entries(router.instances)) {
    assert.equal(owned.get(name)!.size, state === 'Active' ? 4 : 0, `${name} is ${state}`);
  }
  const states = ['A', 'B', 'C'].map((member) => router.instances[member]!.state);
  const active = states.filter((state) => state === 'Active').length;
  assert.ok(active === 0 || active === states.length, states.join(', '));
  const faulty = ['A', 'B', 'C'].some((member) => router.instances[member]!.faults.length > 0);
  if (faulty) assert.equal(active, 0);
  const told = router.groups.G;
  if (active > 0) assert.equal(told, 'MASTER');
  else assert.notEqual(told, 'MASTER');
}

function perform(owned: ReadonlyMap<string, Set<string>>, effect: Effect): void {
  if (effect.kind !== 'instance') return;
  if (effect.action.kind === 'install') owned.get(effect.name)!.add(effect.action.what);
  if (effect.action.kind === 'remove') owned.get(effect.name)!.delete(effect.action.what);
}

function earliest(router: Router): string | undefined {
  const due = Object.entries(router.instances).filter(([, instance]) => Number.isFinite(nextDeadline(instance)));
  due.sort(([, a], [, b]) => nextDeadline(a) - nextDeadline(b));
  return due[0]?.[0];
}

function advert(name: string, priority: number): Event {
  const instance = config.instances.find((candidate) => candidate.name === name)!;
  const [source, destination] = [ip('10.0.0.2'), instance.multicastGroup];
  const payload = advertisementBytes(instance, priority, source, destination);
  return { kind: 'packet', packet: { source, destination, ttl: 255, payload } };
}
