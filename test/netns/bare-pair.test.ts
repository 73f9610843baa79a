/**
 * A pair whose LAN legs have no address but the VIPs: the first VIP of a subnet is the kernel's primary address, and
 * deleting it takes the others along unless promote_secondaries is 1. Held against real pings every 10 ms.
 */
// needs: kernel keepalived ssh
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { A, B, CONFIG, LivePair, pairImpossible, testsOnPair } from './live-pair.ts';

const FIRST = '192.168.1.1/24 dev p3p1';
const OTHERS = ['192.168.1.2/24 dev p3p1', '192.168.1.3/24 dev p3p1'];
const ALL = ['192.168.1.1/24', '192.168.1.2/24', '192.168.1.3/24'];
/** A removal must be loaded by both within half a down timer, 1.1 s here. */
const timers = ['version: 3', 'advert_int: 600ms'];

interface Edit {
  readonly what: string;
  readonly vips: readonly string[];
  readonly holds: readonly string[];
  readonly allow: string;
}

/** Each from `FIRST` with `OTHERS`, where the first one of the list is the primary address. */
const EDITS: readonly Edit[] = [
  {
    what: 're-labelling',
    vips: ['192.168.1.1/24 dev p3p1 label p3p1:7', ...OTHERS],
    holds: ALL,
    allow: '',
  },
  {
    what: 're-prefixing',
    vips: ['192.168.1.1/32 dev p3p1', ...OTHERS],
    holds: ['192.168.1.1/32', ...ALL.slice(1)],
    allow: '',
  },
  { what: 'removing', vips: OTHERS, holds: ALL.slice(1), allow: 'withdraw' },
];

const skip = await pairImpossible();
/**
 * The kernel takes the local routes of the secondaries away and makes them again: some microseconds, in which a packet
 * may come on a machine that stands still just then. It does not do so every time.
 */
const ATTEMPTS = 3;

describe('the first VIP of a subnet on legs without an address', { skip, timeout: 280_000 }, () => {
  let pair: LivePair;
  const test = testsOnPair(() => pair);
  /** The configuration with all VIPs, by router. */
  let whole: ReadonlyMap<string, string>;
  before(async () => {
    pair = await LivePair.up('bare');
    await pair.bringUp({ timers, vips: [FIRST, ...OTHERS] });
    assert.deepEqual(await pair.vips(A), ALL);
    whole = new Map([
      [A, await pair.config(A)],
      [B, await pair.config(B)],
    ]);
  });
  after(() => pair?.[Symbol.asyncDispose]());

  const promote = (value: 0 | 1) =>
    Promise.all(
      [A, B].map((router) =>
        pair.sh(
          router,
          `sysctl -qw net.ipv4.conf.all.promote_secondaries=0 net.ipv4.conf.p3p1.promote_secondaries=${value}`,
        ),
      ),
    );

  /** Both daemons, with all VIPs in the file's order: an edit puts its VIP behind the others. */
  async function startAgain(): Promise<void> {
    for (const router of [A, B]) {
      await pair.sh(router, 'systemctl stop keepalived');
      await pair.lab.must(router, ['sh', '-c', `cat >${CONFIG}`], { stdin: whole.get(router)! });
    }
    await pair.sh(A, 'systemctl start keepalived');
    await pair.becomes(A, 'MASTER');
    await pair.sh(B, 'systemctl start keepalived');
    await pair.becomes(B, 'BACKUP');
    const [first] = (await pair.sh(A, 'ip -4 -o addr show p3p1 primary')).trim().split('\n');
    assert.match(first!, /192\.168\.1\.1\//);
  }

  for (const { what, vips } of EDITS) {
    test(`${what} with promote_secondaries 0 is refused and names the setting: exit 8`, async () => {
      await promote(0);
      pair.describe({ timers, vips });
      const was = await pair.snapshots();
      const { code, output } = await pair.tandem('apply', '--yes', '--allow', 'withdraw');
      assert.match(output, /not changed: rtr-core01: with net\.ipv4\.conf\.p3p1\.promote_secondaries 0/);
      assert.equal(code, 8, output);
      assert.deepEqual(await pair.snapshots(), was);
    });
  }

  test('the kernel does as the plan says: without the setting the other VIPs go with the first', async () => {
    // By hand and in a corner of its own: a pair is not broken for it.
    const left = await pair.sh(
      A,
      `ip link add probe type veth peer name probe2; ip link set probe up
      sysctl -qw net.ipv4.conf.all.promote_secondaries=0 net.ipv4.conf.probe.promote_secondaries=0
      for last in 1 2 3; do ip addr add 203.0.113.$last/24 dev probe; done
      ip addr del 203.0.113.1/24 dev probe
      ip -4 -br addr show probe
      ip link del probe`,
    );
    assert.doesNotMatch(left, /203\.0\.113/);
  });

  for (const { what, vips, holds, allow } of EDITS) {
    test(`${what} with promote_secondaries 1 is applied, and the other VIPs answer all the while`, async () => {
      await promote(1);
      let lost = '';
      for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
        await startAgain();
        pair.describe({ timers, vips });
        const pings = ALL.slice(1).map((vip) => pair.lab.ping('client', vip.replace(/\/.*/, '')));
        await Promise.all(pings.map((ping) => ping.answered));
        const output = await pair.apply('--allow', allow);
        const seen = await Promise.all(pings.map((ping) => ping.stop()));
        assert.match(output, /transitions: 0 predicted, 0 observed/);
        assert.deepEqual(await pair.vips(A), holds);
        assert.deepEqual(await pair.vips(B), []);
        for (const { sent } of seen) assert.ok(sent > 100);
        const lossy = seen.filter((ping) => ping.lost > 0);
        assert.ok(
          lossy.every((ping) => ping.lost === 1 && ping.longestSilenceMs < 50),
          'one packet at most',
        );
        lost = lossy.map((ping) => `${ping.lost} of ${ping.sent} lost, silent for ${ping.longestSilenceMs} ms`).join();
        if (lost === '') return;
      }
      assert.fail(`each of ${ATTEMPTS} times: ${lost}`);
    });
  }
});
