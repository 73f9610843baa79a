/**
 * The same file, carried out by keepalived and by tandemd, one after the other: what `ip -d` then shows is equal, the
 * order of primary and secondary addresses included, but for the protocol numbers that tell whose it is. So it is with
 * few VIPs, which are simply added, and with many, which local routes have stood in for.
 */
// needs: kernel keepalived ip
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { waitFor } from '../../src/lab/process.ts';
import { addVeth, ip } from '../support/ip.ts';
import { inOwnNetwork } from '../support/namespace.ts';
import { type Shown, shown } from '../support/shown.ts';
import { Place } from '../support/tandemd.ts';

inOwnNetwork();

const place = new Place();
after(() => place[Symbol.dispose]());

/** Three subnets of 100 with labels, 300 single addresses: more than are added without local routes. */
const MANY = [
  ...Array.from({ length: 300 }, (_, i) => `10.1.${i % 3}.${1 + Math.floor(i / 3)}/24 label eth0:${i % 7}`),
  ...Array.from({ length: 300 }, (_, i) => `10.2.${i >> 8}.${i & 255}`),
  '10.3.0.1/24 brd + scope link',
  '192.0.9.100/24',
];
const MANY_ROUTES = Array.from({ length: 300 }, (_, i) => `10.60.${i >> 8}.${i & 255}/32 via 10.1.0.200 dev eth0`);
const FEW = ['10.1.0.1/24', '10.1.0.2/24 label eth0:7', '10.1.1.1/24 brd 10.1.1.255', '10.1.4.1', '192.0.9.100/24'];
const ROUTES = [
  ...['10.50.0.0/16 via 10.1.0.200 dev eth0', '10.51.0.0/16 dev eth0', 'blackhole 10.53.0.0/16 no_track'],
  '10.55.0.0/16 via 10.1.0.200 dev eth0 src 10.1.0.1 metric 5',
  '10.56.0.0/16 via 10.1.0.200 dev eth0 table 1000 src 10.1.1.1',
  '2001:db8:5::/48 via 2001:db8::9 dev eth0',
];
const EXCLUDED = ['10.9.0.1/24 dev eth1', '2001:db8::1/64', '2001:db8::2', '2001:db8:1::2/64 noprefixroute'];
const RULES = [
  'from 10.1.0.0/24 table 100 preference 1000',
  'from 10.9.0.0/16 table 11 preference 1001',
  'iif eth1 table 14 preference 1002 inet6',
];

const block = (name: string, lines: readonly string[]): string => `  ${name} {\n    ${lines.join('\n    ')}\n  }\n`;
const conf = (vips: readonly string[], routes: readonly string[]): string => `static_routes {
  10.70.0.0/16 via 192.0.9.9 dev eth0
}
vrrp_instance V {
  interface eth0
  virtual_router_id 5
  version 3
  advert_int 0.1
  priority 150
${[
  block('virtual_ipaddress', vips.slice(0, 200)),
  block('virtual_ipaddress_excluded', [...vips.slice(200), ...EXCLUDED]),
  block('virtual_routes', routes),
  block('virtual_rules', RULES),
].join('')}}
`;

describe('the state that the file asks for', { timeout: 120_000 }, () => {
  let empty: Shown;
  before(async () => {
    addVeth('eth0', 'far0');
    addVeth('eth1', 'far1');
    ip('addr', 'add', '192.0.9.1/24', 'dev', 'eth0');
    const devices = ['eth0', 'far0', 'eth1', 'far1'];
    await waitFor(
      () => devices.every((dev) => ip('-6', 'route', 'show', 'table', 'all').includes(`ff00::/8 dev ${dev} `)),
      { what: "the kernel's own routes of the devices", timeoutMs: 10_000 },
    );
    empty = shown();
  });

  for (const [what, text] of [
    ['few VIPs', conf(FEW, ROUTES)],
    ['many VIPs and routes', conf(MANY, [...ROUTES, ...MANY_ROUTES])],
  ] as const) {
    test(`is the same with both daemons, and gone with them: ${what}`, async () => {
      place.write(text);
      const daemon = spawn('keepalived', ['-n', '-l', '-P', ...place.arguments], { stdio: 'ignore' });
      // The last thing that it adds.
      await until(() => ip('-6', 'rule').includes('iif eth1'), 'keepalived to be MASTER');
      const theirs = shown();
      daemon.kill('SIGTERM');
      await once(daemon, 'exit');
      await until(() => shown().addresses.length === empty.addresses.length, 'keepalived to let go');
      assert.deepEqual(shown(), empty, 'keepalived has taken away what it brought');

      await using ours = place.start(text);
      await ours.says(/Entering MASTER STATE/);
      await until(() => shown().addresses.length === theirs.addresses.length, 'every address');
      await until(() => ip('route', 'show', 'table', 'local', 'proto', '112') === '', 'the local routes to be gone');
      const { addresses, routes, rules } = shown();
      assert.deepEqual(addresses, theirs.addresses);
      assert.deepEqual(routes, theirs.routes);
      assert.deepEqual(rules, theirs.rules);
      ours.signal('SIGTERM');
      assert.equal(await ours.ended, 0, ours.log);
      assert.deepEqual(shown(), empty, 'tandemd has taken away what it brought');
    });
  }
});

const until = (met: () => boolean, what: string): Promise<unknown> =>
  waitFor(met, { what, timeoutMs: 30_000, everyMs: 50 });
