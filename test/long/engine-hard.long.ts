/** A change of engine that fails half way, and one of a pair whose routers both serve something. */
// needs: kernel keepalived ssh systemd
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { buildExecutable } from '../../scripts/executable.ts';
import { waitFor } from '../../src/lab/process.ts';
import { holdsEverything, ROUTE, ROUTERS, SYSTEM, withoutLoss } from '../netns/engine-pair.ts';
import { A, B, LivePair, pairImpossible, type Settings } from '../netns/live-pair.ts';

const skip = await pairImpossible();
describe('a change of engine', { skip, timeout: 280_000 }, () => {
  let pair: LivePair;
  const keepalived: Settings = { routes: [ROUTE] };
  before(async () => {
    await buildExecutable();
    pair = await LivePair.up();
    await pair.bringUp(keepalived);
    pair.describe({ engine: 'tandemd', routes: [ROUTE] });
  });
  after(() => pair?.[Symbol.asyncDispose]());

  const systems = async () => ({ [A]: await pair.sh(A, SYSTEM), [B]: await pair.sh(B, SYSTEM) });

  test('that fails on the second router: both run keepalived again, and nothing of it is left', async () => {
    const was = await systems();
    await pair.wrap(A, 'systemctl', 'case "$*" in "start -- tandemd.service") exit 1 ;; esac');
    const { code, output } = await pair.tandem('apply', '--yes', '--allow', 'engine');
    await pair.unwrap(A, 'systemctl');
    assert.equal(code, 4, output);
    assert.match(output, /went back to what it ran before, and that is proven/);
    assert.deepEqual(await systems(), was);
    await holdsEverything(pair, 'keepalived', keepalived);
  });

  test('that loses its connection while the second daemon stops: both run keepalived again', async () => {
    const was = await systems();
    await pair.wrap(A, 'systemctl', 'case "$*" in "stop -- keepalived.service") : >/run/stopping; sleep 1 ;; esac');
    const run = pair.start('apply', '--yes', '--allow', 'engine');
    const stops = async () => (await pair.lab.exec(A, ['test', '-e', '/run/stopping'])).code === 0;
    await waitFor(stops, { what: 'the second daemon to be stopped', timeoutMs: 120_000, everyMs: 50 });
    pair.lab.cutSsh(A);
    await run.prints(/rtr-core01: exchanging the daemon/);
    pair.lab.mendSsh(A);
    const { code, output } = await run.ended;
    await pair.unwrap(A, 'systemctl');
    await pair.sh(A, 'rm /run/stopping');
    assert.equal(code, 4, output);
    assert.match(output, /went back to what it ran before, and that is proven/);
    assert.deepEqual(await systems(), was);
    await holdsEverything(pair, 'keepalived', keepalived);
  });
});

describe('a change of engine where both routers serve something', { skip, timeout: 280_000 }, () => {
  let pair: LivePair;
  before(async () => {
    await buildExecutable();
    pair = await LivePair.up();
    pair.write('pairs/core.yaml', sharedPair('keepalived'));
    await pair.apply('--allow', 'bring-up');
    await atHome(pair);
  });
  after(() => pair?.[Symbol.asyncDispose]());

  for (const engine of ['tandemd', 'keepalived'] as const) {
    test(`to ${engine}: every address goes to the other router, and home again`, async () => {
      pair.write('pairs/core.yaml', sharedPair(engine));
      await withoutLoss(pair, 2, async () => {
        const output = await pair.apply('--allow', 'engine');
        assert.match(output, /transitions: 4 predicted, 4 observed/);
      });
      await atHome(pair);
      for (const router of ROUTERS) assert.match(await pair.sh(router, `systemctl is-active ${engine}`), /^active/);
    });
  }
});

/** VI_0 is at home on the first router, VI_1 on the second. */
const sharedPair = (engine: 'keepalived' | 'tandemd'): string => `members: { primary: ${A}, secondary: ${B} }
engine: ${engine}
accept_dual_master: true
vrrp:
  VI_0:
    { version: 3, advert_int: 300ms, interface: p4p1, link: direct, virtual_router_id: 50, vips: [192.168.1.1/24 dev p3p1] }
  VI_1:
    version: 3
    advert_int: 300ms
    interface: p4p1
    link: direct
    virtual_router_id: 51
    priority: { ${A}: 50, ${B}: 100 }
    vips: [10.1.1.1/24 dev p3p2]
`;

async function atHome(pair: LivePair): Promise<void> {
  const home = async () =>
    JSON.stringify([await pair.vips(A), await pair.vips(B)]) === '[["192.168.1.1/24"],["10.1.1.1/24"]]';
  await waitFor(home, { what: 'each router to hold its own address', timeoutMs: 20_000, everyMs: 100 });
}
