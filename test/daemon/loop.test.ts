import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Millis, ms } from '../../src/base/units.ts';
import { type Clock, type Hands, Loop } from '../../src/daemon/loop.ts';
import type { NamedEvent } from '../../src/daemon/watching.ts';
import { advertisementBytes } from '../../src/vrrp/advertise.ts';
import type { Packet } from '../../src/vrrp/receive.ts';
import { NEVER } from '../../src/vrrp/state.ts';
import { instanceConfig, ip } from '../support/vrrp.ts';

const config = instanceConfig({ name: 'V', priority: 100 });
const peer = instanceConfig({ name: 'V', priority: 200 });

/** Time and turns under the test's hand; the router has its interface and address from the start. */
class World implements Clock, Hands {
  time = 0;
  wakeAt: Millis = NEVER;
  turns: (() => void)[] = [];
  readonly done: string[] = [];
  events: readonly NamedEvent[] = [
    { name: 'V', event: { kind: 'source', source: ip('10.0.0.1') } },
    { name: 'V', event: { kind: 'tracked', tracker: 'interface lan', status: true } },
  ];
  readonly loop = new Loop({ instances: [config], syncGroups: [] }, this, this);

  now = (): Millis => ms(this.time);
  wake(at: Millis): void {
    this.wakeAt = at;
  }
  soon(turn: () => void): void {
    this.turns.push(turn);
  }
  perform(effects: Parameters<Hands['perform']>[0]): void {
    for (const effect of effects) {
      if (effect.kind !== 'instance') continue;
      const { action } = effect;
      this.done.push(action.kind === 'transition' ? `-> ${action.to}` : action.kind);
    }
  }
  surroundings(): readonly NamedEvent[] {
    const { events } = this;
    this.events = [];
    return events;
  }

  /** Lets everything that waits have its turn. */
  run(): void {
    while (this.turns.length > 0) for (const turn of this.turns.splice(0)) turn();
  }

  start(delay = 0): void {
    this.loop.start(ms(delay));
    this.run();
  }

  get state(): string {
    return this.loop.router.instances.V!.state;
  }
}

function advert(): Packet {
  const [source, destination] = [ip('10.0.0.2'), ip('224.0.0.18')];
  return { source, destination, ttl: 255, payload: advertisementBytes(peer, 200, source, destination) };
}

describe('the loop', () => {
  test('starts with what is known of devices, so that no fault is entered first, and sleeps until the down timer', () => {
    const world = new World();
    world.start();
    assert.equal(world.state, 'Backup');
    assert.deepEqual(world.done, ['-> Backup', 'notify']);
    assert.equal(Math.round(world.wakeAt), 3609);
  });

  test('takes part only after the startup delay', () => {
    const world = new World();
    world.start(2000);
    assert.equal(world.state, 'Initialize');
    assert.equal(world.wakeAt, 2000);
    world.time = 2000;
    world.loop.expired();
    world.run();
    assert.equal(world.state, 'Backup');
  });

  test('works off packets that wait before a timer that is due: a stall alone is no takeover', () => {
    const world = new World();
    world.start();
    world.time = 5000;
    world.loop.expired();
    world.loop.packet('V', advert());
    world.run();
    assert.deepEqual(world.done, ['-> Backup', 'notify']);
    assert.ok(world.wakeAt > 8000);
  });

  test('an advertisement that is due goes out in the turn of its timer', () => {
    const world = new World();
    world.start();
    world.time = 4000;
    world.loop.expired();
    world.run();
    world.done.length = 0;
    world.time = 5000;
    world.loop.expired();
    assert.deepEqual(world.done, ['advertise']);
  });

  test('takes one turn however much asks for it', () => {
    const world = new World();
    world.start();
    world.time = 4000;
    world.loop.look();
    world.loop.look();
    assert.equal(world.turns.length, 1);
    world.run();
    assert.equal(world.state, 'Active');
  });

  test('a packet that was read together with its timer, and handed over behind it, still comes first', () => {
    const world = new World();
    world.start();
    world.time = 5000;
    world.loop.expired();
    world.soon(() => world.loop.packet('V', advert()));
    world.run();
    assert.deepEqual(world.done, ['-> Backup', 'notify']);
  });

  test('becomes Active when its timer is due and nothing has come', () => {
    const world = new World();
    world.start();
    world.time = 4000;
    world.loop.expired();
    world.run();
    assert.equal(world.state, 'Active');
    assert.equal(world.wakeAt, 5000);
  });

  test('drops and counts what a flood brings beyond a limit, in one turn', () => {
    const world = new World();
    world.start();
    for (let i = 0; i < 5000; i += 1) world.loop.packet('V', advert());
    world.run();
    assert.equal(world.loop.lost, 5000 - 4096);
    assert.equal(world.loop.router.instances.V!.counters.received, 4096);
    world.loop.packet('V', advert());
    world.run();
    assert.equal(world.loop.router.instances.V!.counters.received, 4097);
  });

  test('an event for an instance that is not there means nothing', () => {
    const world = new World();
    world.start();
    world.loop.put('gone', { kind: 'removed', what: 'x' });
    world.run();
    assert.equal(world.state, 'Backup');
  });

  test('stopped, it says farewell, arms nothing and does nothing more', () => {
    const world = new World();
    world.start();
    world.time = 4000;
    world.loop.expired();
    world.run();
    world.done.length = 0;
    world.loop.stop();
    assert.deepEqual(world.done.slice(0, 2), ['-> Initialize', 'advertise']);
    assert.equal(world.wakeAt, NEVER);
    world.loop.packet('V', advert());
    assert.equal(world.turns.length, 0);
  });

  test("a tracker's result reaches those who track it, and nobody else", () => {
    const tracking = instanceConfig({
      name: 'V',
      trackers: [{ kind: 'script', name: 'check', weight: -20, reverse: false }],
    });
    const world = new World();
    const loop = new Loop({ instances: [tracking], syncGroups: [] }, world, world);
    loop.start(ms(0));
    world.run();
    loop.tracked('script', 'check', false);
    loop.tracked('script', 'another', false);
    world.run();
    assert.equal(loop.router.instances.V!.priority, 80);
    assert.deepEqual(Object.keys(loop.router.instances.V!.watched.statuses), ['interface lan', 'script check']);
  });
});
