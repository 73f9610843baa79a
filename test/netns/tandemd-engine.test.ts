/**
 * A pair changes its engine through the real command line: keepalived makes room for the executable of tandemd and the
 * other way round, under real systemd, while a client pings through it every 10 ms; and what is left where that fails.
 */
// needs: kernel keepalived ssh systemd
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { buildExecutable } from '../../scripts/executable.ts';
import { waitFor } from '../../src/lab/process.ts';
import { A, B, LivePair, pairImpossible, type Settings, VIPS } from './live-pair.ts';

type Router = typeof A | typeof B;
const ROUTERS = [A, B] as const;
const ROUTE = '198.51.7.0/24 via 91.59.24.131 dev p1p2';

/** What an installation would change of a router, but for the daemon's own process and the lease of its addresses. */
const SYSTEM = `
ls -A /usr/local/sbin
ls -A /etc/systemd/system | grep -e tandemd -e keepalived
ls -A /etc/systemd/system/multi-user.target.wants
ls -A /etc/keepalived | grep -v tandem-previous
systemctl show -p Id,LoadState,ActiveState,UnitFileState keepalived.service tandemd.service
cat /etc/keepalived/keepalived.conf
sysctl -a 2>/dev/null | grep -E 'promote_secondaries|arp_|ip_forward'
true`;

const skip = await pairImpossible();
describe('a change of engine', { skip, timeout: 580_000 }, () => {
  let pair: LivePair;
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

  test('to tandemd: one transition, and a packet of 10 ms at most', async () => {
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

  test('of a build: the other executable takes its place on the backup first, and the one before stays beside it', async () => {
    for (const router of ROUTERS) await pair.sh(router, OLDER_BUILD);
    await settled(pair);
    const { code, output } = await pair.tandem('apply', '--yes');
    assert.equal(code, 8, output);
    assert.match(output, /another build of tandemd/);
    assert.match(output, /needs --allow failover/);
    const done = await pair.apply('--allow', 'failover');
    assert.match(done, /transitions: 1 predicted, 1 observed/);
    await holdsEverything(pair, 'tandemd', tandemd);
    for (const router of ROUTERS) {
      const names = await pair.sh(router, 'cd /usr/local/sbin; readlink tandemd; ls');
      assert.match(names, /^tandemd-\d+\.\d+\.\d+\ntandemd\ntandemd-0\.0\.9\ntandemd-\d+\.\d+\.\d+\n$/);
    }
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

/** The executable that is linked, as another build of an older name, and started. */
const OLDER_BUILD = `cd /usr/local/sbin
cp "$(readlink tandemd)" tandemd-0.0.9 && printf x >>tandemd-0.0.9
ln -sfn tandemd-0.0.9 tandemd && systemctl restart tandemd`;

/** One router has all VIPs and routes of the description and the other none, by its own tools; both run the engine. */
async function holdsEverything(pair: LivePair, engine: 'keepalived' | 'tandemd', settings: Settings): Promise<void> {
  const vips = (settings.vips ?? VIPS).map((line) => line.split(' ')[0]!);
  const held = await Promise.all(ROUTERS.map((router) => pair.vips(router)));
  assert.deepEqual([...held].sort(), [[], [...vips].sort()]);
  const master = ROUTERS[held.findIndex((each) => each.length > 0)]!;
  for (const router of ROUTERS) {
    const routes = (await pair.sh(router, 'ip -4 route show')).split('\n').filter((line) => line.startsWith('198.51.'));
    const wanted = router === master ? (settings.routes ?? []) : [];
    assert.deepEqual(routes.map((line) => /^\S+ via \S+ dev \S+/.exec(line)?.[0]).sort(), [...wanted].sort(), router);
    assert.match(await pair.sh(router, `systemctl is-active ${engine}`), /^active/);
  }
}

/** @param roles how often the pinged address changes its router: keepalived says so a moment before it has it */
async function withoutLoss(pair: LivePair, roles: number, work: () => Promise<void>): Promise<void> {
  const ping = pair.lab.ping('client', VIPS[0].split('/')[0]!, { intervalMs: 10 });
  await work();
  await ping.stop();
  const { sent, lost, longestSilenceMs } = await ping.ended;
  assert.ok(sent > 100, `${sent} were sent`);
  assert.ok(lost <= roles, `${lost} of ${sent} lost, longest silence ${longestSilenceMs} ms`);
}

/** One router holds all VIPs. */
async function settled(pair: LivePair): Promise<void> {
  const one = async () => {
    const held = await Promise.all(ROUTERS.map((router: Router) => pair.vips(router)));
    return held.filter((each) => each.length > 0).length === 1;
  };
  await waitFor(one, { what: 'one master', timeoutMs: 20_000, everyMs: 100 });
}
