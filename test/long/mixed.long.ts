/** `tandem plan` and `tandem apply` on a pair of which one router runs keepalived and the other one tandemd. */
// needs: kernel keepalived ssh
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startTandemd } from '../../src/lab/tandemd.ts';
import { A, B, LivePair, pairImpossible, pairText, type Settings, VIPS } from '../netns/live-pair.ts';
import { ctl, rendered, stateOf } from '../netns/tandemd-live.ts';

const skip = await pairImpossible();
describe('a mixed pair', { skip, timeout: 280_000 }, () => {
  let pair: LivePair;
  before(async () => {
    pair = await LivePair.up();
    await pair.bringUp();
    describeMixed(pair, {});
    await pair.sh(B, 'systemctl disable --now keepalived 2>/dev/null || kill "$(cat /run/keepalived.pid)"');
    await startTandemd(pair.lab, B, (await rendered(pair))[B]);
    await pair.becomes(A, 'MASTER');
  });
  after(() => pair?.[Symbol.asyncDispose]());

  test('each router is read in its own way', async () => {
    const { output } = await pair.tandem('plan');
    assert.match(output, /rtr-core01 MASTER keepalived \d\S+, holds 2 VIPs \| rtr-core02 BACKUP tandemd \d/);
    assert.match(output, /no drift[\s\S]*nothing to do/);
  });

  test('what is on the wire goes by the router that forgives less: both within half a down timer', async () => {
    describeMixed(pair, { vips: [...VIPS, '192.168.1.3/24 dev p3p1'] });
    const was = await stateOf(pair, B);
    const output = await pair.apply();
    assert.match(output, /\+ vip 192\.168\.1\.3\/24 dev p3p1 +sync/);
    assert.match(output, /Order {2}rtr-core02 \+ rtr-core01 within \d+ ms/);
    assert.match(output, /transitions: 0 predicted, 0 observed/);
    assert.deepEqual(await pair.vips(A), ['192.168.1.1/24', '192.168.1.2/24', '192.168.1.3/24']);
    assert.deepEqual(await pair.vips(B), []);
    assert.match(await ctl(pair, B, 'config'), /192\.168\.1\.3\/24/);
    assert.deepEqual((await stateOf(pair, B)).transitions, was.transitions);
  });

  test('what is on a router goes by itself: a route is hot, one router after the other', async () => {
    describeMixed(pair, {
      vips: [...VIPS, '192.168.1.3/24 dev p3p1'],
      routes: ['198.51.100.0/24 via 91.59.24.131 dev p1p2'],
    });
    const output = await pair.apply();
    assert.match(output, /\+ route 198\.51\.100\.0\/24 via 91\.59\.24\.131 dev p1p2 +hot/);
    assert.match(output, /transitions: 0 predicted, 0 observed/);
    assert.match(await pair.sh(A, 'ip route'), /198\.51\.100\.0\/24/);
    assert.match(await pair.apply(), /nothing to do/);
  });

  test('both engines at once on one router are detected and named: exit 8, nothing is changed', async () => {
    const was = await stateOf(pair, B);
    // With files of its own and an instance that nobody else speaks of.
    const text = 'vrrp_instance VI_9 {\n interface p3p2\n virtual_router_id 99\n priority 1\n}\n';
    await pair.lab.must(B, ['sh', '-c', 'cat >/run/other.conf'], { stdin: text });
    await pair.sh(
      B,
      'keepalived -P -f /run/other.conf -p /run/other.pid -r /run/other-vrrp.pid </dev/null >/dev/null 2>&1',
    );
    try {
      const { code, output } = await pair.tandem('apply', '--yes');
      assert.match(output, /blocked\[plan-two-engines\]: rtr-core02 runs keepalived \d+ and tandemd \d+ side by side/);
      assert.equal(code, 8, output);
    } finally {
      await pair.sh(B, 'pid=$(cat /run/other.pid); kill "$pid"; while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done');
    }
    assert.deepEqual(await stateOf(pair, B), was);
    assert.match(await pair.apply(), /nothing to do/);
  });
});

/** keepalived on A, tandemd on B. */
function describeMixed(pair: LivePair, settings: Settings): void {
  pair.write('pairs/core.yaml', `${pairText(settings)}overrides:\n  ${B}: { engine: tandemd }\n`);
}
