// needs: kernel ip
/** The fake is only worth something where it does as the kernel does: the same changes to both leave the same. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import type { IpPrefix } from '../../src/base/address.ts';
import { ms } from '../../src/base/units.ts';
import type { Address } from '../../src/linux/address.ts';
import { type Change, type KernelEvent, OWN_PROTOCOL, type Snapshot } from '../../src/linux/kernel.ts';
import { LinuxKernel } from '../../src/linux/linux-kernel.ts';
import type { Route } from '../../src/linux/route.ts';
import { FakeKernel } from '../support/fake-kernel.ts';
import { addVeth, ip } from '../support/ip.ts';
import { inOwnNetwork } from '../support/namespace.ts';

inOwnNetwork();

const real = new LinuxKernel();
before(async () => {
  await real.watch(() => {});
  addVeth('eth0', 'far0');
  // It knows the devices from here on.
  await real.snapshot();
});
after(() => real.close());

const v4 = (text: string, prefix: number): IpPrefix => ({ family: 4, text, prefix });

const addresses = fc
  .record({
    host: fc.integer({ min: 1, max: 4 }),
    net: fc.integer({ min: 0, max: 1 }),
    prefix: fc.constantFrom(24, 32),
  })
  .map(({ host, net, prefix }): Address => {
    return { dev: 'eth0', address: v4(`10.1.${net}.${host}`, prefix), scope: 0, flags: 0, protocol: OWN_PROTOCOL };
  });
const routes = fc
  .record({
    net: fc.integer({ min: 0, max: 2 }),
    metric: fc.constantFrom(undefined, 5),
    type: fc.constantFrom('blackhole', 'prohibit'),
  })
  .map(({ net, metric, type }): Route => {
    const route = { destination: v4(`10.5${net}.0.0`, 16), table: 254, protocol: OWN_PROTOCOL, scope: 0 };
    return { ...route, type: type as Route['type'], ...(metric !== undefined && { metric }) };
  });
const changes: fc.Arbitrary<Change> = fc.oneof(
  fc.record({
    kind: fc.constant('address' as const),
    verb: fc.constantFrom('add' as const, 'delete' as const),
    address: addresses,
  }),
  fc.record({
    kind: fc.constant('route' as const),
    verb: fc.constantFrom('add' as const, 'prepend' as const, 'append' as const, 'replace' as const, 'delete' as const),
    route: routes,
  }),
);

/** Found by seed -7091946: a route cannot take the place of another while it stands behind it. */
const REPLACED_BY_ONE_BEHIND: Change[] = [
  { verb: 'add' as const, type: 'prohibit' as const },
  { verb: 'append' as const, type: 'blackhole' as const },
  { verb: 'replace' as const, type: 'blackhole' as const },
].map(({ verb, type }) => {
  const route: Route = { type, destination: v4('10.50.0.0', 16), table: 254, protocol: OWN_PROTOCOL, scope: 0 };
  return { kind: 'route', verb, route };
});

/** Addresses in the kernel's own order are primaries before secondaries; the set is what is compared. */
function picture({ addresses: held, routes: installed }: Snapshot): unknown {
  const texts = held.filter(({ dev }) => dev === 'eth0').map(({ address }) => `${address.text}/${address.prefix}`);
  const lines = installed.map((route) => `${route.type} ${route.destination.text} ${route.metric ?? 0}`);
  return { addresses: texts.sort(), routes: lines.sort() };
}

describe('the fake kernel', () => {
  for (const promote of [false, true]) {
    test(`holds what the real one holds, and refuses what it refuses${promote ? ', secondaries promoted' : ''}`, async () => {
      ip('addr', 'flush', 'dev', 'eth0');
      if (promote) real.promoteSecondaries('eth0');
      await fc.assert(
        fc.asyncProperty(fc.array(changes, { maxLength: 12 }), async (list) => {
          const fake = new FakeKernel();
          fake.setLink('eth0');
          if (promote) fake.promoteSecondaries('eth0');
          const refusedByFake = await fake.change(list);
          const refused = await real.change(list);
          const [ours, theirs] = [await fake.snapshot(), await real.snapshot()];
          ip('addr', 'flush', 'dev', 'eth0');
          ip('route', 'flush', 'proto', String(OWN_PROTOCOL));
          assert.deepEqual(
            refused.map(({ index, code }) => `${index} ${code}`),
            refusedByFake.map(({ index, code }) => `${index} ${code}`),
          );
          assert.deepEqual(picture(theirs), picture(ours));
        }),
        { numRuns: 100, examples: [[REPLACED_BY_ONE_BEHIND]] },
      );
    });
  }

  test('prints itself, tells what happens, and has a clock of its own', async () => {
    const fake = new FakeKernel();
    const seen: KernelEvent[] = [];
    await fake.watch((events) => seen.push(...events));
    fake.setLink('eth0');
    const address = { dev: 'eth0', address: v4('10.1.0.1', 24), label: 'eth0:7', scope: 0, flags: 0 };
    const route: Route = { type: 'blackhole', destination: v4('10.50.0.0', 16), table: 254, protocol: 112, scope: 0 };
    await fake.change([
      { kind: 'address', verb: 'add', address },
      { kind: 'route', verb: 'add', route },
    ]);
    fake.setLink('eth0', { running: false });
    assert.equal(
      String(fake),
      'eth0: up no-carrier\n  10.1.0.1/24 label eth0:7\nroute blackhole 10.50.0.0/16 table 254 proto 112 scope 0',
    );
    fake.changeByOthers({ kind: 'address', verb: 'delete', address });
    fake.removeLink('eth0');
    assert.deepEqual(
      seen.map((event) => ('own' in event && event.own ? `${event.kind} own` : event.kind)),
      ['link', 'address own', 'route own', 'link', 'address-gone', 'link-gone'],
    );
    const expired: number[] = [];
    const timer = fake.timer(() => expired.push(fake.now()));
    timer.arm(ms(100));
    timer.arm(ms(50));
    fake.advance(ms(200));
    assert.deepEqual([expired, fake.now()], [[50], 200]);
  });
});
