// needs: kernel ip
/** Changes and notices of the real kernel, with iproute2 as the witness. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { IpPrefix } from '../../src/base/address.ts';
import { ms } from '../../src/base/units.ts';
import type { Address } from '../../src/linux/address.ts';
import { type Change, type Failure, type KernelEvent, OWN_PROTOCOL, type Snapshot } from '../../src/linux/kernel.ts';
import type { Link } from '../../src/linux/link.ts';
import { LinuxKernel } from '../../src/linux/linux-kernel.ts';
import { type Route, SCOPE, TABLE_LOCAL, TABLE_MAIN } from '../../src/linux/route.ts';
import type { Rule } from '../../src/linux/rule.ts';
import { addVeth, ip, ipJson } from '../support/ip.ts';
import { inOwnNetwork } from '../support/namespace.ts';
import { waitUntil } from '../support/wait.ts';

inOwnNetwork();

const v4 = (text: string, prefix = 32): IpPrefix => ({ family: 4, text, prefix });
const v6 = (text: string, prefix = 128): IpPrefix => ({ family: 6, text, prefix });
const address = (prefix: IpPrefix, more: Partial<Address> = {}): Address => ({
  dev: 'eth0',
  address: prefix,
  scope: 0,
  flags: 0,
  protocol: OWN_PROTOCOL,
  ...more,
});
const route = (destination: IpPrefix, more: Partial<Route> = {}): Route => ({
  type: 'unicast',
  destination,
  table: TABLE_MAIN,
  protocol: OWN_PROTOCOL,
  scope: 0,
  dev: 'eth0',
  ...more,
});
const rule = (from: IpPrefix, more: Partial<Rule> = {}): Rule => ({
  family: from.family,
  from,
  action: 'table',
  table: 1000,
  priority: 100,
  protocol: OWN_PROTOCOL,
  ...more,
});
const host = (index: number, base = '10.7'): IpPrefix => v4(`${base}.${index >> 8}.${index & 255}`);

const kernel = new LinuxKernel();
const events: KernelEvent[] = [];
let start: Snapshot;

before(async () => {
  start = await kernel.watch((found) => events.push(...found));
  addVeth('eth0', 'far0');
  await waitUntil(() => lastLink()?.running === true);
});
after(() => kernel.close());

const lastLink = (): Link | undefined =>
  events.flatMap((event) => (event.kind === 'link' && event.link.name === 'eth0' ? [event.link] : [])).at(-1);
const addressesOf = (kind: 'address' | 'address-gone') =>
  events
    .flatMap((event) => (event.kind === kind ? [{ text: event.address.address.text, own: event.own }] : []))
    .filter(({ text }) => text.startsWith('10.3.'));

/** Every change done; the failures as a text where one is not. */
async function done(changes: readonly Change[], options?: { readonly bulk?: boolean }): Promise<void> {
  assert.deepEqual(await kernel.change(changes, options), []);
}

const add = (value: Address): Change => ({ kind: 'address', verb: 'add', address: value });
const remove = (value: Address): Change => ({ kind: 'address', verb: 'delete', address: value });
const addRoute = (value: Route): Change => ({ kind: 'route', verb: 'add', route: value });
const removeRoute = (value: Route): Change => ({ kind: 'route', verb: 'delete', route: value });

describe('the seam', () => {
  test('tells devices and addresses as they stand when it is asked first', () => {
    assert.deepEqual(start.links.map(({ name }) => name).sort(), ['lo']);
  });

  test('knows a device as soon as it is told', () => {
    const link = lastLink();
    const [shown] = ipJson('link', 'show', 'dev', 'eth0');
    assert.equal(Buffer.from(link!.mac!).toString('hex'), String(shown!.address).replaceAll(':', ''));
    assert.deepEqual([link!.mtu, link!.type, link!.up], [1500, 'veth', true]);
  });
});

describe('addresses', () => {
  test('have label, broadcast, scope and protocol as given', async () => {
    const value = address(v4('10.1.0.1', 24), { broadcast: v4('10.1.0.255'), label: 'eth0:7', scope: SCOPE.LINK });
    await done([add(value)]);
    const [shown] = ipJson('addr', 'show', 'dev', 'eth0', 'label', 'eth0:7')[0]!.addr_info as Record<string, unknown>[];
    const { local, prefixlen, broadcast, scope, label } = shown!;
    assert.deepEqual(
      { local, prefixlen, broadcast, scope, label },
      { local: '10.1.0.1', prefixlen: 24, broadcast: '10.1.0.255', scope: 'link', label: 'eth0:7' },
    );
    const read = (await kernel.snapshot()).addresses.find((found) => found.label === 'eth0:7');
    assert.equal(read?.protocol, OWN_PROTOCOL);
    await done([remove(value)]);
  });

  test('of IPv6 may be deprecated at once, without duplicate address detection', async () => {
    const value = address(v6('2001:db8::7'), { flags: 0x02, preferredSeconds: 0 });
    await done([add(value)]);
    const text = ip('-6', 'addr', 'show', 'dev', 'eth0', 'to', '2001:db8::7');
    assert.match(text, /2001:db8::7\/128 scope global nodad deprecated/);
    await done([remove(value)]);
  });

  test('that the kernel refuses are named, each with its reason, and the others are there', async () => {
    const one = address(v4('10.1.1.1', 24));
    const failures = await kernel.change([
      add(one),
      add(one),
      add(address(v4('10.1.1.2', 24), { dev: 'nowhere0' })),
      remove(address(v4('10.1.1.3', 24))),
      add(address(v4('10.1.1.4', 24))),
    ]);
    const told = failures.map(({ index, code }: Failure) => [index, code]);
    assert.deepEqual(told, [
      [1, 'EEXIST'],
      [2, 'ENODEV'],
      [3, 'EADDRNOTAVAIL'],
    ]);
    assert.equal(failures[0]!.message, 'ipv4: Address already assigned');
    assert.match(ip('addr', 'show', 'dev', 'eth0'), /10\.1\.1\.4\/24/);
    // The first of a subnet takes the others along.
    await done([remove(address(v4('10.1.1.4', 24))), remove(one)]);
  });

  test('of one subnet outlive its first one where secondaries are promoted, and the setting is put back', async () => {
    const path = 'ipv4/conf/eth0/promote_secondaries';
    assert.equal(kernel.setting(path), '0');
    const short = new LinuxKernel();
    short.promoteSecondaries('eth0');
    assert.equal(kernel.setting(path), '1');
    const both = [address(v4('10.1.2.1', 24)), address(v4('10.1.2.2', 24))] as const;
    await done(both.map(add));
    await done([remove(both[0])]);
    assert.match(ip('addr', 'show', 'dev', 'eth0'), /10\.1\.2\.2\/24/);
    await short.close();
    assert.equal(kernel.setting(path), '0');
    await done([remove(both[1])]);
  });
});

describe('routes and rules', () => {
  const gateway = address(v4('10.2.0.1', 24));
  before(() => done([add(gateway)]));
  after(() => done([remove(gateway)]));

  test('come back from the kernel as they were given', async () => {
    const routes: readonly Route[] = [
      route(v4('10.50.0.0', 16), { gateway: v4('10.2.0.9'), preferredSource: v4('10.2.0.1'), metric: 5, table: 1000 }),
      route(v4('10.51.0.0', 16), { gateway: v4('192.0.2.1'), onlink: true, metrics: { mtu: 1400 }, locked: ['mtu'] }),
      route(v4('10.2.0.77'), { type: 'local', table: TABLE_LOCAL, scope: SCOPE.HOST }),
      route(v6('2001:db8:5::', 48), { metric: 77, preference: 1 }),
      route(v6('2001:db8:6::', 48), { from: v6('2001:db8::', 64), metric: 1024 }),
    ];
    const { dev: _, ...hopless } = route(v4('10.52.0.0', 16));
    const hops = [
      { gateway: v4('10.2.0.9'), dev: 'eth0', weight: 2 },
      { gateway: v4('10.2.0.8'), dev: 'eth0', weight: 1 },
    ];
    const all = [...routes, { ...hopless, hops }, { ...hopless, type: 'blackhole' as const, tos: 4 }];
    const rules = [
      rule(v4('10.60.0.0', 16)),
      rule(v4('10.61.0.0', 16), { not: true, action: 'blackhole', table: 0, priority: 101 }),
      rule(v6('2001:db8::', 64), { iif: 'eth0', mark: 1, mask: 255, priority: 102 }),
    ];
    await done([...all.map(addRoute), ...rules.map((value): Change => ({ kind: 'rule', verb: 'add', rule: value }))]);
    const found = await kernel.snapshot();
    const sorted = (values: readonly unknown[]) => values.map((value) => JSON.stringify(plain(value))).sort();
    assert.deepEqual(sorted(found.routes), sorted(all));
    const mine = found.rules.map(({ suppressPrefixLength, suppressGroup, ...others }) => others);
    assert.deepEqual(sorted(mine), sorted(rules));
    await done([
      ...all.map(removeRoute),
      ...rules.map((value): Change => ({ kind: 'rule', verb: 'delete', rule: value })),
    ]);
    const { routes: routesLeft, rules: rulesLeft } = await kernel.snapshot();
    assert.deepEqual([routesLeft, rulesLeft], [[], []]);
  });

  test('are replaced in place, put before or behind others, and refused when they are there', async () => {
    const one = route(v4('10.53.0.0', 16), { gateway: v4('10.2.0.9') });
    const two = route(v4('10.53.0.0', 16), { gateway: v4('10.2.0.8') });
    const gateways = () => ipJson('route', 'show', '10.53.0.0/16').map((shown) => shown.gateway);
    await done([addRoute(one)]);
    assert.equal((await kernel.change([addRoute(two)]))[0]?.code, 'EEXIST');
    await done([{ kind: 'route', verb: 'replace', route: two }]);
    assert.deepEqual(gateways(), ['10.2.0.8']);
    await done([{ kind: 'route', verb: 'append', route: one }]);
    assert.deepEqual(gateways(), ['10.2.0.8', '10.2.0.9']);
    await done([removeRoute(one), { kind: 'route', verb: 'prepend', route: one }]);
    assert.deepEqual(gateways(), ['10.2.0.9', '10.2.0.8']);
    await done([removeRoute(one), removeRoute(two)]);
  });

  test('of IPv6 that share their key with others are known', async () => {
    const near = address(v6('2001:db8:20::1', 64), { flags: 0x02 });
    const gateway = v6('2001:db8:20::9');
    const ours = [
      route(v6('2001:db8:21::', 48)),
      route(v6('2001:db8:22::', 48)),
      route(v6('2001:db8:23::', 48), { metric: 7 }),
      route(v6('2001:db8:24::', 48), { gateway }),
      route(v6('2001:db8:25::', 48), { gateway }),
    ];
    await done([add(near), ...ours.map(addRoute)]);
    const others = ['2001:db8:21::/48 dev far0', '2001:db8:23::/48 dev far0', '2001:db8:24::/48 via 2001:db8:20::8'];
    for (const other of others) ip('-6', 'route', 'append', ...other.split(' '));
    assert.deepEqual([...(await kernel.sharedRoutes(ours))], [ours[0], ours[3]]);
    for (const other of others) ip('-6', 'route', 'del', ...other.split(' '));
    await done([...ours.map(removeRoute), remove(near)]);
  });
});

describe('many changes', () => {
  for (const bulk of [false, true]) {
    test(`are all done, ${bulk ? 'in the worker' : 'on this thread'}, and what is refused is named by its place`, async () => {
      const routes = Array.from({ length: 1000 }, (_, index) => route(host(index, '10.8')));
      const addresses = Array.from({ length: 1000 }, (_, index) => address(host(index)));
      const changes = [...routes.map(addRoute), ...addresses.map(add)];
      await done(changes, { bulk });
      const again = await kernel.change([...changes, addRoute(route(host(5000, '10.8')))], { bulk });
      assert.deepEqual(
        again.map(({ index, code }) => `${index} ${code}`),
        changes.map((_, index) => `${index} EEXIST`),
      );
      assert.equal(ip('-4', 'addr', 'show', 'dev', 'eth0').match(/inet 10\.7\./g)?.length, 1000);
      assert.equal(ip('route', 'show', 'proto', String(OWN_PROTOCOL)).match(/^10\.8\./gm)?.length, 1001);
      // The last address of a device takes its routes along.
      const last = removeRoute(route(host(5000, '10.8')));
      await done([...routes.map(removeRoute), last, ...addresses.map(remove)], { bulk });
      assert.deepEqual((await kernel.snapshot()).routes, []);
    });
  }

  test('are done in the order of the calls, few behind many', async () => {
    const first = address(v4('10.9.0.1', 24));
    const many = Array.from({ length: 300 }, (_, index) =>
      addRoute(route(host(index, '10.10'), { gateway: v4('10.9.0.9') })),
    );
    const results = await Promise.all([
      kernel.change([add(first)]),
      kernel.change(many),
      kernel.change([remove(first)]),
    ]);
    assert.deepEqual(results, [[], [], []]);
  });
});

describe('notices', () => {
  test('tell what others do, and what is our own doing', async () => {
    events.length = 0;
    ip('addr', 'add', '10.3.0.1/24', 'dev', 'eth0');
    await done([add(address(v4('10.3.1.1', 24)))]);
    await waitUntil(() => addressesOf('address').length >= 2);
    assert.deepEqual(addressesOf('address'), [
      { text: '10.3.0.1', own: false },
      { text: '10.3.1.1', own: true },
    ]);
    events.length = 0;
    ip('addr', 'flush', 'dev', 'eth0');
    await waitUntil(() => addressesOf('address-gone').length >= 2);
    assert.ok(addressesOf('address-gone').every(({ own }) => !own));
  });

  test('of what goes say whether we asked for it, and what went along was not asked for; of our routes nothing', async () => {
    const first = address(v4('10.3.0.1', 24));
    const second = address(v4('10.3.0.2', 24));
    const six = address(v6('2001:db8:3::1', 64), { flags: 0x02 });
    const others = [route(v6('2001:db8:4::', 48)), route(v4('10.57.0.0', 16))];
    const rules = [rule(v4('10.62.0.0', 16)), rule(v6('2001:db8::', 64))];
    const asked = [
      ...others.map(addRoute),
      ...rules.map((value): Change => ({ kind: 'rule', verb: 'add', rule: value })),
    ];
    await done([add(first), add(second), add(six), ...asked]);
    events.length = 0;
    await done([...asked.map((change): Change => ({ ...change, verb: 'delete' })), remove(six), remove(first)]);
    const gone = () =>
      events.flatMap((event) => {
        if (event.kind === 'address-gone') return [`${event.address.address.text} ${event.own}`];
        if (event.kind === 'route-gone') return [`${event.route.destination.text} ${event.own}`];
        return event.kind === 'rule-gone' ? [`${event.rule.from!.text} ${event.own}`] : [];
      });
    await waitUntil(() => gone().length === 5);
    assert.deepEqual(gone().sort(), [
      '10.3.0.1 true',
      '10.3.0.2 false',
      '10.62.0.0 true',
      '2001:db8:3::1 true',
      '2001:db8:: true',
    ]);
    events.length = 0;
    // Refused: nothing is to come of it, and the next one to go is somebody else's doing.
    assert.equal((await kernel.change([remove(six)]))[0]?.code, 'EADDRNOTAVAIL');
    await done([add(six)]);
    ip('addr', 'del', '2001:db8:3::1/64', 'dev', 'eth0');
    await waitUntil(() => gone().length === 1);
    assert.deepEqual(gone(), ['2001:db8:3::1 false']);
  });

  test('tell of routes only ours', async () => {
    events.length = 0;
    await done([add(address(v4('10.4.0.1', 24)))]);
    ip('route', 'add', '10.54.0.0/16', 'via', '10.4.0.9');
    ip('route', 'add', '10.55.0.0/16', 'via', '10.4.0.9', 'proto', String(OWN_PROTOCOL));
    ip('route', 'del', '10.55.0.0/16');
    await waitUntil(() => events.some((event) => event.kind === 'route-gone'));
    const routes = events.flatMap((event) =>
      'route' in event ? [`${event.kind} ${event.route.destination.text}`] : [],
    );
    assert.deepEqual(routes, ['route 10.55.0.0', 'route-gone 10.55.0.0']);
    await done([remove(address(v4('10.4.0.1', 24)))]);
  });
});

describe('timers', () => {
  test('expire at their point of the clock, once, and not when they are put off or stopped', async () => {
    const expired: number[] = [];
    const timer = kernel.timer(() => expired.push(kernel.now()));
    const begun = kernel.now();
    timer.arm(ms(begun + 5));
    timer.arm(ms(begun + 30));
    await waitUntil(() => expired.length === 1);
    assert.ok(expired[0]! >= begun + 30, `${expired[0]! - begun} ms`);
    timer.arm(ms(begun));
    await waitUntil(() => expired.length === 2);
    timer.arm(ms(kernel.now() + 5));
    timer.arm(ms(Number.POSITIVE_INFINITY));
    const other = kernel.timer(() => expired.push(-1));
    other.arm(ms(kernel.now() + 20));
    await waitUntil(() => expired.at(-1) === -1);
    assert.equal(expired.length, 3);
    timer.close();
    other.close();
  });
});

/** Equality of the values that matter: an Ip that came with a prefix equals one without; order of fields does not count. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).map(([key, found]) => [key, IP_FIELDS.has(key) ? found.text : plain(found)]);
  return Object.fromEntries(fields.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)));
}
const IP_FIELDS = new Set(['gateway', 'broadcast', 'preferredSource']);
