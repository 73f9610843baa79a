/**
 * `tandem apply` on a live pair of real routers, through the real command line: what it writes, whom it signals and in
 * which order, what it refuses, and what is left when it is killed. Every test leaves a pair that is as described.
 */
// needs: kernel keepalived ssh
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { waitFor } from '../../src/lab/process.ts';
import { A, B, CONFIG, LivePair, pairImpossible, type Settings, testsOnPair } from './live-pair.ts';

/** Routes 1 to `count`: as long as tests only add to them, nothing is withdrawn. */
const routes = (count: number): Settings => ({
  routes: Array.from({ length: count }, (_, i) => `198.51.${i + 1}.0/24 via 91.59.24.131 dev p1p2`),
});

const skip = await pairImpossible();
describe('apply on a live pair', { skip, timeout: 280_000 }, () => {
  let pair: LivePair;
  const test = testsOnPair(() => pair);
  before(async () => {
    pair = await LivePair.up();
    await pair.bringUp();
  });
  after(() => pair?.[Symbol.asyncDispose]());

  test('F37 a second apply writes nothing and signals nothing', async () => {
    const was = await pair.snapshots();
    assert.match(await pair.apply(), /nothing to do/);
    assert.deepEqual(await pair.snapshots(), was);
  });

  test('F28 a hot change goes to the backup first, and to the other one after its proof', async () => {
    pair.describe(routes(1));
    assert.match(await pair.apply(), /transitions: 0 predicted, 0 observed/);
    await loadedInOrder(pair, B, A);
    assert.match(await pair.sh(A, 'ip route'), /198\.51\.1\.0\/24 via 91\.59\.24\.131/);
  });

  test('F28 the backup is whoever is it now: after a failover the order turns', async () => {
    await failover(pair, B);
    pair.describe(routes(2));
    assert.match(await pair.apply(), /transitions: 0 predicted, 0 observed/);
    await loadedInOrder(pair, A, B);
    await failover(pair, A);
  });

  test('a change of text alone is written and signals nobody', async () => {
    const comment = '# a word of our own\n{{#each vrrp_instance}}\n{{> partials/vrrp_instance}}\n{{/each}}\n';
    const globals = '{{#with global_defs}}\n{{> partials/block}}\n{{/with}}\n';
    pair.write('templates/etc/keepalived/keepalived.conf.hbs', `${globals}${comment}`);
    const was = await pair.snapshots();
    assert.match(await pair.apply(), /has its files/);
    const is = await pair.snapshots();
    for (const router of [A, B] as const) {
      assert.deepEqual({ ...is[router], files: '' }, { ...was[router], files: '' });
      assert.match(await pair.config(router), /# a word of our own/);
    }
  });

  test('a file that everybody could write to, or that somebody else owns, is put right, and signals nobody', async () => {
    const rights = (router: string) => pair.sh(router, `stat -c '%a %U' ${CONFIG}`);
    await pair.sh(A, `chmod 666 ${CONFIG}`);
    await pair.sh(B, `chown daemon ${CONFIG}`);
    const was = await pair.snapshots();
    assert.match(await pair.apply(), /has its files/);
    const is = await pair.snapshots();
    for (const router of [A, B] as const) {
      assert.deepEqual({ ...is[router], files: '' }, { ...was[router], files: '' });
      assert.equal(await rights(router), '600 root\n');
    }
    assert.match(await pair.apply(), /nothing to do/);
  });

  const edit = `echo '# by hand' >>${CONFIG}`;
  const takeBack = `sed -i '/# by hand/d' ${CONFIG}`;

  test('F36 a file that somebody edits between plan and apply: exit 6, nobody is signalled', async () => {
    pair.describe(routes(3));
    const session = await askedAtTerminal(pair);
    await pair.sh(A, edit);
    const was = await pair.snapshots();
    session.type('y\n');
    const { code, output } = await session.ended;
    assert.match(output, /rtr-core01: its configuration was changed since the plan was made/);
    assert.equal(code, 6, output);
    assert.deepEqual(await pair.snapshots(), was);
    await pair.sh(A, takeBack);
  });

  test('a role that changes between plan and apply: exit 6, nobody is signalled', async () => {
    pair.describe(routes(3));
    const session = await askedAtTerminal(pair);
    await failover(pair, B);
    const was = await pair.snapshots();
    session.type('y\n');
    const { code, output } = await session.ended;
    assert.match(output, /its role changed since the plan was made/);
    assert.equal(code, 6, output);
    assert.deepEqual(await pair.snapshots(), was);
    await failover(pair, A);
  });

  test('a file that somebody edits while the new one is tested: exit 6, nobody is signalled', async () => {
    pair.describe(routes(3));
    const was = await pair.snapshots();
    // The backup's, which would be the first to move.
    await pair.wrap(B, 'setsid', `[ -e /run/edited ] || { : >/run/edited; ${edit}; }`);
    const { code, output } = await pair.tandem('apply', '--yes');
    await pair.unwrap(B, 'setsid');
    assert.match(output, /rtr-core02: \S+ was changed since/);
    assert.equal(code, 6, output);
    const is = await pair.snapshots();
    assert.deepEqual([is[A], is[B].loaded], [was[A], was[B].loaded]);
    assert.match(await pair.config(B), /# by hand/);
    await pair.sh(B, takeBack);
  });

  test('a withdrawal needs --allow: exit 8 without, done with it', async () => {
    pair.describe(routes(1));
    const was = await pair.snapshots();
    const { code, output } = await pair.tandem('apply', '--yes');
    assert.match(output, /not changed: it needs --allow withdraw/);
    assert.equal(code, 8);
    assert.deepEqual(await pair.snapshots(), was);
    await pair.apply('--allow', 'withdraw');
    assert.doesNotMatch(await pair.sh(A, 'ip route'), /198\.51\.2\.0/);
  });

  test('without a terminal and without --yes nothing is changed: exit 1', async () => {
    pair.describe(routes(6));
    const was = await pair.snapshots();
    const { code, output } = await pair.tandem('apply');
    assert.match(output, /no terminal to ask at[\s\S]*--yes/);
    assert.equal(code, 1);
    assert.deepEqual(await pair.snapshots(), was);
  });

  test('a router that cannot be reached: exit 7, the other one is not touched', async () => {
    pair.describe(routes(6));
    const was = await pair.snapshots();
    pair.lab.cutSsh(B);
    const { code, output } = await pair.tandem('apply', '--yes');
    pair.lab.mendSsh(B);
    assert.equal(code, 7, output);
    assert.deepEqual(await pair.snapshots(), was);
  });

  /** Both routers have and run what they had, by their own word. */
  async function areBack(old: { readonly [A]: string; readonly [B]: string }, never: RegExp): Promise<void> {
    for (const router of [A, B] as const) {
      assert.equal(await pair.config(router), old[router]);
      assert.doesNotMatch(await pair.loaded(router), never);
    }
  }

  test('two at once: one carries it out, the other is told who that is and touches nothing: exit 5', async () => {
    pair.describe(routes(6));
    // The first one's test lasts until the second one has given up.
    await pair.wrap(A, 'setsid', 'while [ ! -e /run/go ]; do sleep 0.1; done');
    const first = pair.start('apply', '--yes');
    await first.prints(/rtr-core02 staged and tested: ready/);
    const second = await pair.tandem('apply', '--yes');
    assert.match(second.output, /rtr-core0[12]: another apply works on it: \S+@\S+ since \d{4}-/);
    assert.equal(second.code, 5, second.output);
    await pair.sh(A, ': >/run/go');
    const { code, output } = await first.ended;
    assert.equal(code, 0, output);
    assert.match(output, /0 predicted, 0 observed/);
    await pair.unwrap(A, 'setsid');
    assert.match(await pair.apply(), /nothing to do/);
  });

  test('interrupted twice at any moment of the proof: both routers run the old configuration again, exit 4', async () => {
    const old = { [A]: await pair.config(A), [B]: await pair.config(B) };
    pair.describe(routes(7));
    for (const delayMs of [50, 250, 400, 550]) {
      const run = pair.start('apply', '--yes');
      await run.prints(/rtr-core02 reloaded/);
      run.kill('SIGINT');
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      run.kill('SIGINT');
      const { code, output } = await run.ended;
      assert.match(output, /went back to what it ran before, and that is proven:\s+interrupted/, `${delayMs} ms`);
      assert.equal(code, 4, output);
      await areBack(old, /198\.51\.7\.0/);
    }
  });

  test('a router that boots again on its new file goes back to the old one too: exit 4', async () => {
    const old = { [A]: await pair.config(A), [B]: await pair.config(B) };
    pair.describe(routes(7));
    const run = pair.start('apply', '--yes');
    await run.prints(/rtr-core02 reloaded/);
    await pair.lab.reboot(B);
    const { code, output } = await run.ended;
    assert.match(output, /went back to what it ran before, and that is proven/);
    assert.equal(code, 4, output);
    await areBack(old, /198\.51\.7\.0/);
  });

  test('F36 killed at any moment, each file is the old or the new one whole, and the next apply mends it', async () => {
    for (const [number, moment] of [/staged and tested: ready/, /rtr-core02 reloaded/].entries()) {
      const old = { [A]: await pair.config(A), [B]: await pair.config(B) };
      pair.describe(routes(8 + number));
      const run = pair.start('apply', '--yes');
      await run.prints(moment);
      run.kill('SIGKILL');
      assert.equal((await run.ended).code, null);
      const left = { [A]: await pair.config(A), [B]: await pair.config(B) };
      await pair.apply();
      for (const router of [A, B] as const) {
        const now = await pair.config(router);
        assert.ok([old[router], now].includes(left[router]), `${router} after ${moment}: ${left[router]}`);
        assert.match(await pair.loaded(router), new RegExp(`198\\.51\\.${8 + number}\\.0`));
        const names = (await pair.sh(router, 'ls -A /etc/keepalived')).trim().split('\n');
        assert.deepEqual(names, ['.keepalived.conf.tandem-previous', 'keepalived.conf']);
      }
    }
  });

  test('a daemon started by hand with -f and -p gets its file where it reads it, and SIGHUP', async () => {
    const before = await pair.config(B);
    await byHand(pair, B, '-f /etc/other/vrrp.conf -p /run/other.pid -r /run/other-vrrp.pid');
    await settled(pair);
    pair.describe(routes(11));
    const output = await pair.apply();
    assert.match(output, /rtr-core02 was started outside of its systemd unit: it is reloaded by SIGHUP/);
    assert.match(await pair.config(B, '/etc/other/vrrp.conf'), /198\.51\.11\.0/);
    assert.match(await pair.loaded(B), /198\.51\.11\.0/);
    assert.equal(await pair.config(B), before, 'the usual place is not the place');
    assert.match(await pair.apply(), /nothing to do/);
  });

  test('a daemon started in a way that is not understood blocks with a sentence: exit 8', async () => {
    await byHand(pair, B, '-f vrrp.conf');
    await settled(pair);
    pair.describe(routes(12));
    const was = await pair.snapshots();
    const { code, output } = await pair.tandem('apply', '--yes');
    assert.match(output, /rtr-core02: keepalived \d+ was started with -f vrrp\.conf, which is relative/);
    assert.equal(code, 8, output);
    assert.deepEqual(await pair.snapshots(), was);
  });
});

/** The daemons' own stamps, by each router's clock, which is the same one here. */
async function loadedInOrder(pair: LivePair, first: typeof A | typeof B, second: typeof A | typeof B): Promise<void> {
  const { [first]: one, [second]: other } = await pair.snapshots();
  const at = (loaded: string) => /\S+ (\S+ \S+)/.exec(loaded)?.[1] ?? '';
  const downTimerSeconds = 1.1;
  const between =
    (Date.parse(`${at(other.loaded).slice(0, 23)}Z`) - Date.parse(`${at(one.loaded).slice(0, 23)}Z`)) / 1000;
  assert.ok(between > downTimerSeconds, `${second} was reloaded ${between} s after ${first}`);
}

/** The other router becomes master, since this one's LAN cable is out for a moment; no daemon is touched. */
async function failover(pair: LivePair, to: typeof A | typeof B): Promise<void> {
  const from = to === A ? B : A;
  await pair.lab.unplug(from, 'p3p1');
  await pair.becomes(to, 'MASTER');
  await pair.lab.plug(from, 'p3p1');
  await pair.becomes(from, 'BACKUP');
}

/** One router holds all VIPs, the other none, and both daemons listen. */
async function settled(pair: LivePair): Promise<void> {
  const one = async () => {
    const [a, b] = await Promise.all([pair.vips(A), pair.vips(B)]);
    return (a.length === 0) !== (b.length === 0);
  };
  await waitFor(one, { what: 'one master', timeoutMs: 20_000, everyMs: 100 });
}

async function askedAtTerminal(pair: LivePair) {
  const session = pair.atTerminal('apply');
  await session.prints(/Change 1 of 1 pairs\?/);
  return session;
}

/** Instead of the unit: with its configuration in /etc/other, started from there. */
async function byHand(pair: LivePair, router: string, argv: string): Promise<void> {
  await pair.sh(
    router,
    `systemctl stop keepalived
    for p in $(pidof keepalived); do kill $p; done
    while pidof keepalived >/dev/null; do sleep 0.05; done
    mkdir -p /etc/other; [ -e /etc/other/vrrp.conf ] || cp ${CONFIG} /etc/other/vrrp.conf
    cd /etc/other && keepalived ${argv} </dev/null >/dev/null 2>&1
    until [ "$(pidof keepalived | wc -w)" = 2 ]; do sleep 0.05; done`,
  );
}
