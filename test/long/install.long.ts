/** `tandem daemon` on live routers with systemd: what it puts there, what it says, and that nothing of it stays. */
// needs: kernel keepalived ssh systemd
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { buildExecutable } from '../../scripts/executable.ts';
import { waitFor } from '../../src/lab/process.ts';
import { A, B, LivePair, pairImpossible } from '../netns/live-pair.ts';

const ROUTERS = [A, B] as const;

/** Every file, unit, setting and address that an installation could leave behind. */
const SYSTEM = `
find /etc /usr/local /opt -xdev ! -name '.*.tandem-previous' -printf '%M %U %G %p %l\\n' | sort
find /run -xdev -maxdepth 1 ! -name '*.journal' -printf '%M %p %l\\n' | sort
find /etc/systemd /usr/local /etc/keepalived -xdev -type f ! -name '.*.tandem-previous' -exec sha256sum {} + | sort
echo ==
systemctl list-unit-files --no-pager --no-legend 'keepalived*' 'tandem*'
systemctl list-units --all --plain --no-pager --no-legend 'keepalived*' 'tandem*'
echo ==
sysctl -a 2>/dev/null | grep -E '^net\\.ipv[46]\\.(conf|neigh|ip_)' | grep -v -e flow_state -e stable_secret
echo ==
ip -o addr show | sed 's/ *\\\\.*//' | grep -v ' 192\\.168\\.1\\.[1-9]/' | sort
ip rule; ip route show table all | grep -v -e '^local' -e '^broadcast' -e ' proto 112' | sort
nft list ruleset 2>/dev/null
true`;

/** The executable that is linked, as another build of an older name, and started. */
const OLDER_BUILD = `cd /usr/local/sbin
cp "$(readlink tandemd)" tandemd-0.0.9 && printf x >>tandemd-0.0.9
ln -sfn tandemd-0.0.9 tandemd && systemctl restart tandemd`;

const skip = await pairImpossible();
describe('tandem daemon', { skip, timeout: 280_000 }, () => {
  let pair: LivePair;
  let untouched: Awaited<ReturnType<typeof systems>>;
  before(async () => {
    await buildExecutable();
    pair = await LivePair.up();
    await pair.bringUp();
    untouched = await systems();
  });
  after(() => pair?.[Symbol.asyncDispose]());

  const systems = async () => ({ [A]: await pair.sh(A, SYSTEM), [B]: await pair.sh(B, SYSTEM) });

  /** Routers that hold VIPs. */
  const holders = async () => {
    const held = await Promise.all(ROUTERS.map((router) => pair.vips(router)));
    return ROUTERS.filter((_, i) => held[i]!.length > 0);
  };

  async function tandem(...args: readonly string[]): Promise<string> {
    const { code, output } = await pair.tandem('daemon', ...args);
    assert.equal(code, 0, output);
    return output;
  }

  test('status of routers without it says so, and changes nothing', async () => {
    const output = await tandem('status', 'core');
    assert.match(
      output,
      /rtr-core01 {2}runs keepalived \d\S+ \(pid \d+\)\n {2}tandemd is not installed\n {2}keepalived\.service {2}active, enabled/,
    );
    assert.deepEqual(await systems(), untouched);
  });

  test('install puts it on one router, or on both, and starts nothing', async () => {
    assert.match(
      await tandem('install', 'core', '--router', B),
      /^rtr-core02 {2}tandemd-\d\S+ is installed; it is not started$/m,
    );
    assert.deepEqual((await systems())[A], untouched[A]);
    await tandem('install', 'core');
    const output = await tandem('status', 'core');
    assert.match(output, /rtr-core01 {2}runs keepalived[\s\S]+tandemd-\d\S+ {2}[0-9a-f]{12} {2}linked, this package's/);
    assert.match(output, /tandemd\.service {2}inactive, disabled/);
    assert.match(await pair.sh(A, 'tandemd --version 2>&1'), /^Tandemd v\d/);
    assert.match(await pair.apply(), /nothing to do/);
  });

  test('after uninstall a router that never ran it is as it was: files, units, settings, addresses', async () => {
    assert.match(await tandem('uninstall', 'core', '--yes'), /rtr-core02 {2}nothing of tandemd is left/);
    assert.deepEqual(await systems(), untouched);
  });

  test('a program of somebody else in its place stays, and then nothing is taken away anywhere', async () => {
    await tandem('install', 'core', '--router', A);
    await pair.sh(B, 'echo theirs >/usr/local/sbin/tandemd');
    const was = await systems();
    const { code, output } = await pair.tandem('daemon', 'uninstall', 'core', '--yes');
    assert.equal(code, 8, output);
    assert.match(output, /rtr-core02: \/usr\/local\/sbin\/tandemd is not a link, .*nothing was taken away/);
    assert.deepEqual(await systems(), was);
    await pair.sh(B, 'rm /usr/local/sbin/tandemd');
    await tandem('uninstall', 'core', '--yes');
    assert.deepEqual(await systems(), untouched);
  });

  test('a router with no room for it, and one where it may not be run, are refused: exit 8, nothing is changed', async () => {
    for (const [options, says] of [
      ['size=60m', /cannot be put in \/usr\/local\/sbin of rtr-core02: \d+ MB are needed and \d+ MB free/],
      ['noexec', /cannot be put in \/usr\/local\/sbin of rtr-core02: it is mounted noexec/],
    ] as const) {
      await pair.sh(B, `mount -t tmpfs -o ${options} none /usr/local/sbin`);
      const { code, output } = await pair.tandem('daemon', 'install', 'core');
      pair.describe({ engine: 'tandemd' });
      const applied = await pair.tandem('apply', '--yes', '--allow', 'engine');
      pair.describe();
      await pair.sh(B, 'umount /usr/local/sbin');
      assert.equal(code, 8, output);
      assert.match(output, says);
      assert.match(output, /engine: keepalived/);
      assert.equal(applied.code, 8, applied.output);
      assert.match(applied.output, says);
      assert.deepEqual(await systems(), untouched);
    }
  });

  test('one that serves is not taken away by mistake: exit 8 and what it would cost', async () => {
    pair.describe({ engine: 'tandemd' });
    await pair.apply('--allow', 'engine');
    const refused = await pair.tandem('daemon', 'uninstall', 'core', '--yes');
    assert.equal(refused.code, 8, refused.output);
    assert.match(refused.output, /needs --allow outage/);
    const master = (await pair.vips(A)).length > 0 ? A : B;
    const one = await pair.tandem('daemon', 'uninstall', 'core', '--yes', '--router', master);
    assert.match(one.output, /needs --allow failover/);
    for (const router of ROUTERS) assert.match(await pair.sh(router, 'systemctl is-active tandemd'), /^active/);
    await pair.sh(master, 'keepalived -P -p /run/second.pid -r /run/second-vrrp.pid');
    const two = await pair.tandem('daemon', 'uninstall', 'core', '--yes', '--allow', 'outage');
    assert.equal(two.code, 8, two.output);
    assert.match(two.output, /several daemons run VRRP here .*nothing was taken away/);
    const both = await tandem('status', 'core');
    assert.match(both, /error\[plan-two-engines\]: \S+ runs .*tandemd \d+.* side by side/);
    assert.match(both, /linked, running, this package's[\s\S]+linked, running, this package's/);
    await pair.sh(master, 'kill "$(cat /run/second.pid)"; while [ -e /run/second.pid ]; do sleep 0.1; done');
    assert.match(await tandem('status', 'core'), /runs tandemd[\s\S]+linked, running, this package's/);
    assert.match(await tandem('upgrade', 'core', '--yes'), /runs the executable of this package already/);
  });

  test('upgrade starts the other build, on the backup without a word, and on the MASTER with --allow failover', async () => {
    for (const router of ROUTERS) await pair.sh(router, OLDER_BUILD);
    await waitFor(async () => (await holders()).length === 1, { what: 'one master', timeoutMs: 20_000, everyMs: 100 });
    const [master] = await holders();
    const backup = master === A ? B : A;
    assert.match(await tandem('status', 'core'), /tandemd-0\.0\.9 {2}[0-9a-f]{12} {2}linked, running, another build/);
    const installed = await tandem('install', 'core');
    assert.match(
      installed,
      /tandemd-\d+\.[1-9]\S* is installed; another build runs, `tandem daemon upgrade` replaces it/,
    );
    for (const router of ROUTERS) {
      assert.equal(await pair.sh(router, 'readlink /usr/local/sbin/tandemd'), 'tandemd-0.0.9\n');
    }
    assert.match(await tandem('upgrade', 'core', '--yes', '--router', backup), /0 predicted, 0 observed/);
    const refused = await pair.tandem('daemon', 'upgrade', 'core', '--yes');
    assert.equal(refused.code, 8, refused.output);
    assert.match(refused.output, /needs --allow failover/);
    assert.match(await tandem('upgrade', 'core', '--yes', '--allow', 'failover'), /1 predicted, 1 observed/);
    assert.match(await tandem('upgrade', 'core', '--yes'), /runs the executable of this package already/);
    for (const router of ROUTERS) {
      const names = await pair.sh(router, 'cd /usr/local/sbin; readlink tandemd; ls');
      assert.match(names, /^tandemd-\d+\.[1-9]\S*\ntandemd\ntandemd-0\.0\.9\ntandemd-\d+\.[1-9]\S*\n$/);
    }
  });

  test('a pair whose tandemd was stopped comes up with keepalived, and with tandemd again', async () => {
    for (const engine of ['keepalived', 'tandemd'] as const) {
      for (const router of ROUTERS) await pair.sh(router, 'systemctl stop tandemd keepalived 2>/dev/null; true');
      pair.describe({ engine });
      assert.match(await pair.apply('--allow', 'bring-up'), /done and proven/);
      const states = { keepalived: 'enabled\ndisabled\n', tandemd: 'masked\nenabled\n' };
      for (const router of ROUTERS) {
        assert.match(await pair.sh(router, `systemctl is-active ${engine}`), /^active/);
        assert.equal(await pair.sh(router, 'systemctl is-enabled keepalived tandemd || true'), states[engine]);
      }
      assert.match(await pair.apply(), /nothing to do/);
    }
  });

  test('a router that cannot be read hides nothing of the other one: exit 7', async () => {
    pair.lab.cutSsh(B);
    const both = await pair.tandem('daemon', 'status', 'core');
    const one = await pair.tandem('daemon', 'install', 'core', '--router', A);
    const refused = await pair.tandem('daemon', 'install', 'core');
    pair.lab.mendSsh(B);
    assert.equal(both.code, 7, both.output);
    assert.match(both.output, /rtr-core01 {2}runs tandemd[\s\S]+rtr-core02 {2}cannot be read: /);
    assert.equal(one.code, 0, one.output);
    assert.equal(refused.code, 7, refused.output);
    assert.match(refused.output, /rtr-core02 cannot be read: .*nothing was done/);
  });

  test('taken away from under a pair that it serves, it leaves nothing behind, and keepalived can be started as before', async () => {
    await tandem('uninstall', 'core', '--yes', '--allow', 'outage');
    for (const router of ROUTERS) {
      assert.deepEqual(await pair.vips(router), []);
      assert.equal(await pair.sh(router, 'systemctl is-enabled keepalived'), 'enabled\n');
      assert.equal(await pair.sh(router, 'pidof tandemd || true'), '');
      await pair.sh(router, 'systemctl start keepalived');
    }
    assert.deepEqual(await systems(), untouched);
  });
});
