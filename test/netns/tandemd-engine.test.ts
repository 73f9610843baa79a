/**
 * A pair changes its engine through the real command line: keepalived makes room for the executable of tandemd and the
 * other way round, under real systemd, while a client pings through it every 10 ms.
 */
// needs: kernel keepalived ssh systemd
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { buildExecutable } from '../../scripts/executable.ts';
import { holdsEverything, ROUTE, ROUTERS, SYSTEM, withoutLoss } from './engine-pair.ts';
import { A, B, LivePair, pairImpossible, type Settings, testsOnPair, VIPS } from './live-pair.ts';

const skip = await pairImpossible();
describe('a change of engine', { skip, timeout: 280_000 }, () => {
  let pair: LivePair;
  const test = testsOnPair(() => pair);
  const keepalived: Settings = { routes: [ROUTE] };
  const tandemd: Settings = { engine: 'tandemd', routes: [ROUTE] };
  before(async () => {
    await buildExecutable();
    pair = await LivePair.up();
    await pair.bringUp(keepalived);
  });
  after(() => pair?.[Symbol.asyncDispose]());

  const systems = async () => ({ [A]: await pair.sh(A, SYSTEM), [B]: await pair.sh(B, SYSTEM) });

  test('needs --allow engine; the plan says what is installed, the order and what it costs', async () => {
    pair.describe(tandemd);
    const was = await systems();
    const { code, output } = await pair.tandem('apply', '--yes');
    assert.equal(code, 8, output);
    assert.match(output, /not changed: it needs --allow engine/);
    assert.match(output, /Installs {2}tandemd \d+\.\d+\.\d+ \([0-9a-f]{12}, \d+ MB\) on rtr-core01 and rtr-core02/);
    assert.match(
      output,
      /Order {2}rtr-core02 replaced -> rtr-core02 takes over -> rtr-core01 replaced -> rtr-core02 as it shall be, each proven/,
    );
    assert.match(output, /engine: keepalived -> tandemd: .*its peer is put ahead of it and takes over while it still/);
    assert.match(output, /1 transition predicted/);
    assert.deepEqual(await systems(), was);
  });

  test('is made alone: with another VIP in the same apply it is refused', async () => {
    pair.describe({ ...tandemd, vips: [...VIPS, '192.168.1.9/24 dev p3p1'] });
    const { code, output } = await pair.tandem('apply', '--yes', '--allow', 'engine');
    assert.equal(code, 8, output);
    assert.match(
      output,
      /blocked\[plan-engine\]: rtr-core01 changes its daemon .* and more at the same time: .*192\.168\.1\.9/,
    );
    pair.describe(tandemd);
  });

  test('to tandemd: one transition, and a packet of 10 ms at most', async () => {
    pair.describe(tandemd);
    await withoutLoss(pair, 1, async () => {
      const output = await pair.apply('--allow', 'engine');
      assert.match(output, /transitions: 1 predicted, 1 observed/);
    });
    await holdsEverything(pair, 'tandemd', tandemd);
    for (const router of ROUTERS) {
      assert.equal(await pair.sh(router, 'systemctl is-enabled keepalived tandemd || true'), 'masked\nenabled\n');
      assert.equal(await pair.sh(router, 'pidof keepalived || true'), '');
    }
    assert.match(await pair.apply(), /nothing to do/);
  });

  test('is followed by hot changes: a VIP and a route more, no transition', async () => {
    const more: Settings = {
      ...tandemd,
      vips: [...VIPS, '192.168.1.3/24 dev p3p1'],
      routes: [ROUTE, '198.51.8.0/24 via 91.59.24.131 dev p1p2'],
    };
    pair.describe(more);
    await withoutLoss(pair, 0, async () => assert.match(await pair.apply(), /transitions: 0 predicted, 0 observed/));
    await holdsEverything(pair, 'tandemd', more);
    pair.describe(tandemd);
    await pair.apply('--allow', 'withdraw');
    await holdsEverything(pair, 'tandemd', tandemd);
  });

  test('back to keepalived, by an apply that is killed half way and one that goes on from there', async () => {
    pair.describe(keepalived);
    await withoutLoss(pair, 1, async () => {
      const run = pair.start('apply', '--yes', '--allow', 'engine');
      await run.prints(/runs the other daemon/);
      run.kill('SIGKILL');
      await run.ended;
      const engines = await Promise.all(
        ROUTERS.map((router) => pair.sh(router, 'pidof tandemd >&2 && echo tandemd || echo keepalived')),
      );
      assert.deepEqual(engines.sort(), ['keepalived\n', 'tandemd\n']);
      assert.match(await pair.apply('--allow', 'engine'), /transitions: 1 predicted, 1 observed/);
    });
    await holdsEverything(pair, 'keepalived', keepalived);
    for (const router of ROUTERS) {
      assert.equal(await pair.sh(router, 'systemctl is-enabled keepalived tandemd || true'), 'enabled\ndisabled\n');
    }
  });
});
