/**
 * `tandem plan` and `tandem apply` on a live pair that runs tandemd, through the real command line: what they read, how
 * a change is carried out and proven by the daemon's own word, what is refused, and how a mixed pair goes.
 */
// needs: kernel keepalived ssh
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { waitFor } from '../../src/lab/process.ts';
import { startTandemd, tandemdLog } from '../../src/lab/tandemd.ts';
import { A, B, CONFIG, LivePair, pairImpossible, pairText, type Settings, testsOnPair, VIPS } from './live-pair.ts';
import { ctl, rendered, roles, states } from './tandemd-live.ts';

/** What the seed's reader asked for: one more address, and a route. */
const QUESTION: Settings = {
  engine: 'tandemd',
  vips: [...VIPS, '192.168.1.3/24 dev p3p1'],
  routes: ['198.51.100.0/24 via 91.59.24.131 dev p1p2'],
};

const skip = await pairImpossible();
describe('apply on a live pair that runs tandemd', { skip, timeout: 280_000 }, () => {
  let pair: LivePair;
  const bringUp = async () => {
    const texts = await rendered(pair);
    for (const router of [A, B]) await startTandemd(pair.lab, router, texts[router]);
    await roles(pair, { [A]: 'MASTER', [B]: 'BACKUP' });
  };
  const test = testsOnPair(() => pair, bringUp);
  before(async () => {
    pair = await LivePair.up();
    pair.describe({ engine: 'tandemd' });
    await bringUp();
    await pair.apply();
  });
  after(() => pair?.[Symbol.asyncDispose]());

  test('F36 both routers are read: what runs, who is MASTER, and that nothing is to be done', async () => {
    const was = await states(pair);
    const { code, output } = await pair.tandem('plan');
    assert.equal(code, 0, output);
    assert.match(
      output,
      /rtr-core01 MASTER tandemd \d\S+, holds 2 VIPs \| rtr-core02 BACKUP tandemd \d\S+, holds 0 VIPs {3}no drift/,
    );
    assert.match(output, /Plan: 1 pair, nothing to do/);
    assert.match(await pair.apply(), /nothing to do/);
    assert.deepEqual(await states(pair), was);
  });

  test('F28 a VIP in the adverts and a route are added, hot, one router after the other: no transition', async () => {
    const was = await states(pair);
    pair.describe(QUESTION);
    const output = await pair.apply();
    assert.match(output, /\+ vip 192\.168\.1\.3\/24 dev p3p1 +hot +adverts with other VIPs are taken/);
    assert.match(output, /Order {2}rtr-core02 -> rtr-core01 -> prove/);
    assert.match(output, /rtr-core02 reloaded[\s\S]*proving[\s\S]*rtr-core01 reloaded[\s\S]*proving/);
    assert.match(output, /transitions: 0 predicted, 0 observed/);
    assert.deepEqual(await pair.vips(A), ['192.168.1.1/24', '192.168.1.2/24', '192.168.1.3/24']);
    assert.deepEqual(await pair.vips(B), []);
    assert.match(await pair.sh(A, 'ip route'), /198\.51\.100\.0\/24 via 91\.59\.24\.131/);
    const is = await states(pair);
    assert.deepEqual([is[A].transitions, is[B].transitions], [was[A].transitions, was[B].transitions]);
    for (const router of [A, B] as const) {
      assert.ok(is[router].loadedAt > was[router].loadedAt, router);
      assert.match(await ctl(pair, router, 'config'), /192\.168\.1\.3\/24/);
    }
    assert.match(await pair.apply(), /nothing to do/);
  });

  test("a file that the router's own tandemd refuses is never put in place: exit 3, nobody is signalled", async () => {
    await withDevice(pair, async () => {
      const was = await states(pair);
      const session = pair.atTerminal('apply');
      await session.prints(/Change 1 of 1 pairs\?/);
      await pair.sh(B, 'ip link delete lan9');
      session.type('y\n');
      const { code, output } = await session.ended;
      assert.match(
        output,
        /rtr-core02: tandemd refuses it: \/etc\/keepalived\/keepalived\.conf:\d+:\d+: .*lan9.* \[conf-unknown-interface\]/,
      );
      assert.equal(code, 3, output);
      assert.deepEqual(await states(pair), was);
      assert.doesNotMatch(await pair.config(B), /lan9/);
    });
  });

  test('a reload that the daemon refuses is told with its place, the file goes back, and nothing has moved', async () => {
    await withDevice(pair, async () => {
      const was = await states(pair);
      const files = { [A]: await pair.config(A), [B]: await pair.config(B) };
      // sync(1) runs once when files are staged; the second time the new file is about to be put in place.
      await pair.wrap(B, 'sync', '[ -e /run/staged ] && ip link delete lan9 2>/dev/null; : >/run/staged');
      const { code, output } = await pair.tandem('apply', '--yes');
      await pair.unwrap(B, 'sync');
      assert.match(output, /rtr-core02: tandemd refused it: \/etc\/keepalived\/keepalived\.conf:\d+:\d+: .*lan9/);
      assert.match(output, /went back to what it ran before, and that is proven/);
      assert.equal(code, 4, output);
      for (const router of [A, B] as const) assert.equal(await pair.config(router), files[router], router);
      const is = await states(pair);
      assert.deepEqual([is[A], is[B].transitions, is[B].refused], [was[A], was[B].transitions, undefined]);
      assert.match(await tandemdLog(pair.lab, B), /Reload refused/);
    });
  });

  test('a file that was edited by hand and not loaded is drift; what is loaded is what counts', async () => {
    await pair.sh(A, `sed -i 's/^\\( *priority\\) .*/\\1 251/' ${CONFIG}`);
    const { output } = await pair.tandem('plan');
    assert.match(output, /rtr-core01: \S+ was written at \S+ with a change that the daemon has not loaded/);
    assert.match(output, /text of rtr-core01: no semantic change/);
    await pair.apply();
    assert.doesNotMatch(await pair.config(A), /priority 251/);
    assert.match((await pair.tandem('plan')).output, /no drift[\s\S]*nothing to do/);
  });

  test('what somebody loaded by hand is seen as what runs, and taken back', async () => {
    await pair.sh(
      A,
      `sed -i 's,^ *192.168.1.3/24.*,& \\n 192.168.1.9/24 dev p3p1,' ${CONFIG} && kill -HUP "$(cat /run/keepalived.pid)"`,
    );
    await waitFor(async () => (await pair.vips(A)).includes('192.168.1.9/24'), { what: 'it', timeoutMs: 20_000 });
    const output = await pair.apply('--allow', 'withdraw');
    assert.match(output, /- vip 192\.168\.1\.9\/24 dev p3p1 \(rtr-core01\) +hot +withdraws/);
    assert.match(output, /transitions: 0 predicted, 0 observed/);
    assert.ok(!(await pair.vips(A)).includes('192.168.1.9/24'));
  });

  test('a password is hot: each router takes the old form until the other has followed; it is printed nowhere', async () => {
    const v2: Settings = { ...QUESTION, timers: ['version: 2', 'advert_int: 1s'] };
    pair.describe(v2);
    await pair.apply();
    const was = await states(pair);
    process.env.LAB_PASSWORD = 'verysecr';
    pair.describe({ ...v2, more: ['auth_pass: ${env:LAB_PASSWORD}'] });
    const output = await pair.apply();
    assert.match(output, /transitions: 0 predicted, 0 observed/);
    assert.doesNotMatch(output, /verysecr/);
    for (const router of [A, B] as const) {
      assert.match(await ctl(pair, router, 'config'), /auth_pass verysecr/);
      assert.doesNotMatch(await tandemdLog(pair.lab, router), /verysecr/);
    }
    assert.match(await pair.apply(), /nothing to do/);
    const is = await states(pair);
    assert.deepEqual([is[A].former, is[B].former], [undefined, undefined], 'both have followed');
    assert.deepEqual([is[A].transitions, is[B].transitions], [was[A].transitions, was[B].transitions]);
  });

  test('another VRID is an outage, and the plan says so: exit 8 without the word', async () => {
    pair.write('pairs/core.yaml', pairText(QUESTION).replace('virtual_router_id: 50', 'virtual_router_id: 52'));
    const { code, output } = await pair.tandem('apply', '--yes');
    assert.match(output, /virtual_router_id[^\n]*outage/);
    assert.match(output, /needs --allow outage/);
    assert.equal(code, 8, output);
    pair.describe(QUESTION);
  });
});

/** Describes a VIP on a device that both routers have, for as long as it lasts; the pair itself stays as it is. */
async function withDevice(pair: LivePair, run: () => Promise<void>): Promise<void> {
  pair.addInterface('lan9: {}');
  pair.describe({ ...QUESTION, vips: [...(QUESTION.vips ?? []), '198.18.9.1/24 dev lan9'] });
  for (const router of [A, B])
    await pair.sh(
      router,
      'ip link add lan9 type veth peer name lan9far && ip link set lan9 up && ip link set lan9far up',
    );
  try {
    await run();
  } finally {
    for (const router of [A, B]) await pair.sh(router, 'ip link delete lan9 2>/dev/null || true');
    pair.addInterface();
    pair.describe(QUESTION);
  }
}
