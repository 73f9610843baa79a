import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ms } from '../../src/base/units.ts';
import { advertisementBytes } from '../../src/vrrp/advertise.ts';
import { step } from '../../src/vrrp/machine.ts';
import { type Event, type Instance, initialInstance } from '../../src/vrrp/state.ts';
import { instanceConfig, ip } from '../support/vrrp.ts';

const config = instanceConfig();
const destination = config.multicastGroup;

const after = (events: readonly Event[]): Instance =>
  events.reduce((instance, event) => step(config, instance, event, ms(0)).instance, initialInstance(config));

const known: readonly Event[] = [
  { kind: 'tracked', tracker: 'interface lan', status: true },
  { kind: 'source', source: ip('10.0.0.1') },
];
const backup = after([...known, { kind: 'startup' }]);
const states: Readonly<Record<string, Instance>> = {
  Initialize: after(known),
  Fault: after([{ kind: 'startup' }]),
  Backup: backup,
  Active: step(config, backup, { kind: 'timer' }, ms(4000)).instance,
};

const good = advertisementBytes(config, 200, ip('10.0.0.2'), destination);
const payload = fc.oneof(
  fc.uint8Array({ maxLength: 64 }),
  // One byte away from an advertisement that would count.
  fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 })).map(([at, bits]) => {
    const bytes = good.slice();
    bytes[at]! ^= bits;
    return bytes;
  }),
);

for (const [state, before] of Object.entries(states)) {
  test(`${state}: garbage on protocol 112 is counted, at most told of once, and changes nothing else`, () => {
    fc.assert(
      fc.property(payload, fc.integer({ min: 0, max: 255 }), (bytes, ttl) => {
        const event: Event = { kind: 'packet', packet: { source: ip('10.0.0.2'), destination, ttl, payload: bytes } };
        const first = step(config, before, event, ms(4001));
        assert.equal(first.instance.counters.received, before.counters.received, 'none of it is an advertisement');
        assert.ok(first.actions.every((action) => action.kind === 'note'));
        const { counters, told } = before;
        assert.deepEqual({ ...first.instance, counters, told }, before);
        assert.deepEqual(step(config, first.instance, event, ms(4002)).actions, []);
      }),
      { numRuns: 1000 },
    );
  });
}
