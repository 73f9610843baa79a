/** Routers that run no VRRP yet: brought up one after the other, or left exactly as they were found. */
// needs: kernel keepalived ssh nft systemd
import assert from 'node:assert/strict';
import { after, afterEach, before, describe } from 'node:test';
import { A, B, LivePair, pairImpossible, testsOnPair } from './live-pair.ts';

const VIPS = ['192.168.1.1/24', '192.168.1.2/24'];

const skip = await pairImpossible();
describe('bring-up', { skip, timeout: 280_000 }, () => {
  let pair: LivePair;
  const test = testsOnPair(() => pair);
  before(async () => {
    pair = await LivePair.up();
  });
  after(() => pair?.[Symbol.asyncDispose]());
  afterEach(async () => {
    for (const router of [A, B]) await pair.sh(router, 'nft delete table inet vrrp 2>/dev/null || true');
  });

  /** Files and processes, and what systemd would do with the unit now and at boot. */
  async function asFound() {
    const units = await Promise.all([A, B].map((router) => pair.sh(router, UNIT)));
    return { ...(await pair.snapshots()), units };
  }

  test('it needs --allow bring-up: exit 8 without', async () => {
    const was = await asFound();
    const { code, output } = await pair.tandem('apply', '--yes');
    assert.match(output, /not changed: it needs --allow bring-up/);
    assert.equal(code, 8);
    assert.deepEqual(await asFound(), was);
  });

  test('a VIP that a file of the router itself configures is refused with the name of that file: exit 8', async () => {
    await pair.sh(A, 'mkdir -p /etc/network');
    await pair.lab.must(A, ['sh', '-c', 'cat >/etc/network/interfaces'], {
      stdin: 'auto p3p1\niface p3p1 inet static\n  address 192.168.1.11/24\n  up ip addr add 192.168.1.2/24 dev p3p1\n',
    });
    const was = await asFound();
    const { code, output } = await pair.tandem('apply', '--yes', '--allow', 'bring-up');
    await pair.sh(A, 'rm -r /etc/network');
    assert.match(
      output,
      /VIP 192\.168\.1\.2 is an address of rtr-core01 itself, configured by \/etc\/network\/interfaces/,
    );
    assert.equal(code, 8, output);
    assert.deepEqual(await asFound(), was);
  });

  test('a firewall that drops protocol 112: the second daemon is stopped again, and all is as it was found', async () => {
    const was = await asFound();
    await pair.sh(B, DROP_VRRP);
    const { code, output } = await pair.tandem('apply', '--yes', '--allow', 'bring-up');
    assert.match(output, /protocol 112/);
    assert.equal(code, 4, output);
    const is = await asFound();
    assert.deepEqual(is, was);
    assert.deepEqual([...(await pair.vips(A)), ...(await pair.vips(B))], []);
  });

  test('two stopped routers: one is MASTER first, then the other hears it, and both start at boot', async () => {
    await pair.bringUp();
    assert.deepEqual(await pair.vips(A), VIPS);
    assert.deepEqual(await pair.vips(B), []);
    const [startA, startB] = await Promise.all([A, B].map((router) => pair.sh(router, STARTED)));
    assert.ok(Number(startA) < Number(startB), 'one after the other');
    for (const router of [A, B])
      assert.equal((await pair.sh(router, 'systemctl is-enabled keepalived')).trim(), 'enabled');
    assert.match(await pair.apply(), /nothing to do/);
  });

  test('one runs and the other does not: only the other is started, the first is not signalled', async () => {
    await pair.sh(B, 'systemctl stop keepalived; rm -f /etc/keepalived/*');
    const was = await pair.snapshot(A);
    assert.match(await pair.apply('--allow', 'bring-up'), /0 predicted, 0 observed/);
    assert.deepEqual(await pair.snapshot(A), was);
    assert.match(await pair.sh(B, 'systemctl is-active keepalived'), /^active/);
    assert.deepEqual(await pair.vips(B), []);
  });

  test('one runs and the other cannot hear it: the other is stopped again, the first keeps its VIPs', async () => {
    await pair.sh(B, 'systemctl stop keepalived; rm -f /etc/keepalived/*');
    await pair.sh(B, DROP_VRRP);
    const was = await asFound();
    const { code, output } = await pair.tandem('apply', '--yes', '--allow', 'bring-up');
    assert.match(output, /protocol 112/);
    assert.equal(code, 4, output);
    assert.deepEqual(await asFound(), was);
  });
});

const UNIT = 'systemctl is-enabled keepalived; systemctl is-active keepalived; true';
const STARTED = 'systemctl show -P ActiveEnterTimestampMonotonic keepalived';
const DROP_VRRP =
  "nft add table inet vrrp; nft add chain inet vrrp in '{ type filter hook input priority 0; }'; nft add rule inet vrrp in ip protocol 112 drop";
