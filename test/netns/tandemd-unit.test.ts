/**
 * packaging/tandemd.service under real systemd, with the executable that `apply` brought up: readiness, status, reload,
 * watchdog, what comes back after a crash, what is given up at a stop, and the rights that the process has.
 */
// needs: kernel keepalived ssh systemd
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { buildExecutable } from '../../scripts/executable.ts';
import { waitFor } from '../../src/lab/process.ts';
import { A, B, CONFIG, LivePair, pairImpossible, testsOnPair, VIPS } from './live-pair.ts';

const ADDRESSES = VIPS.map((line) => line.split(' ')[0]!);

const skip = await pairImpossible();
describe('tandemd.service', { skip, timeout: 280_000 }, () => {
  let pair: LivePair;
  const test = testsOnPair(() => pair);
  before(async () => {
    await buildExecutable();
    pair = await LivePair.up();
    pair.describe({ engine: 'tandemd' });
    await pair.apply('--allow', 'bring-up');
  });
  after(() => pair?.[Symbol.asyncDispose]());

  const shown = async (router: string, property: string): Promise<string> =>
    (await pair.sh(router, `systemctl show -P ${property} tandemd.service`)).trim();
  const pidOf = (router: string): Promise<string> => shown(router, 'MainPID');
  const isActive = async (router: string): Promise<boolean> => (await shown(router, 'ActiveState')) === 'active';
  /** In one look: between a process and the next one there is none, in a unit that may still be called active. */
  const runsAnother = async (router: string, pid: string): Promise<boolean> => {
    const look = await pair.sh(router, 'systemctl show -p ActiveState -p MainPID tandemd.service');
    const now = /^MainPID=([1-9]\d*)$/m.exec(look)?.[1];
    return /^ActiveState=active$/m.test(look) && now !== undefined && now !== pid;
  };
  const loadedAt = (router: string): Promise<string> =>
    pair.sh(router, 'tandemd ctl config --json | grep -o loadedAt[^,]*');
  const holder = async (): Promise<typeof A | typeof B | undefined> => {
    const held = await Promise.all([pair.vips(A), pair.vips(B)]);
    if (held.every((vips) => vips.length > 0)) return undefined;
    return held[0]!.length > 0 ? A : held[1]!.length > 0 ? B : undefined;
  };
  const oneHolds = (what: string) => waitFor(holder, { what, timeoutMs: 20_000, everyMs: 50 });

  test('a router without a daemon is brought up with it: it starts at boot and keepalived cannot', async () => {
    for (const router of [A, B]) {
      assert.equal(await pair.sh(router, 'systemctl is-enabled keepalived tandemd || true'), 'masked\nenabled\n');
      assert.ok(await isActive(router));
    }
    assert.equal(await holder(), A);
  });

  test('systemd knows that it is ready, what it does, and no more than the rights of the unit are with it', async () => {
    assert.equal(await shown(A, 'Type'), 'notify');
    assert.match(await shown(A, 'StatusText'), /VI_0 MASTER/);
    assert.match(await shown(B, 'StatusText'), /VI_0 BACKUP/);
    const status = await pair.sh(A, `cat /proc/${await pidOf(A)}/status`);
    const bits = (name: string) => BigInt(`0x${new RegExp(`^${name}:\\s+(\\w+)`, 'm').exec(status)![1]}`);
    // capability.h: CHOWN 0, KILL 5, SETGID 6, SETUID 7, NET_ADMIN 12, NET_RAW 13; IPC_LOCK 14 and SYS_NICE 23 for what the file says of memory and priority.
    const allowed = [0, 5, 6, 7, 12, 13, 14, 23].reduce((mask, bit) => mask | (1n << BigInt(bit)), 0n);
    assert.equal(bits('CapBnd') & ~allowed, 0n, status);
    assert.equal(bits('CapEff') & ~allowed, 0n, status);
    assert.ok((bits('CapEff') & (1n << 12n)) !== 0n);
  });

  test('reload is SIGHUP: the file is read again by the same process', async () => {
    const [pid, at] = [await pidOf(A), await loadedAt(A)];
    await pair.sh(A, `echo '# text' >>${CONFIG}; systemctl reload tandemd`);
    await waitFor(async () => (await loadedAt(A)) !== at, { what: 'the file to be read', timeoutMs: 10_000 });
    assert.equal(await pidOf(A), pid);
    assert.equal(await holder(), A);
    await pair.sh(A, `sed -i '$d' ${CONFIG}; systemctl reload tandemd`);
  });

  test('after a crash it is back by itself, and the VIPs stand on one router', async () => {
    const pid = await pidOf(A);
    await pair.sh(A, `kill -KILL ${pid}`);
    await waitFor(() => runsAnother(A, pid), { what: 'a new process', timeoutMs: 10_000 });
    assert.equal(await shown(A, 'NRestarts'), '1');
    await oneHolds('one router to hold the VIPs');
  });

  test('one that stands still for ten seconds is ended by the watchdog and started again', async () => {
    const pid = await pidOf(B);
    await pair.sh(B, `kill -STOP ${pid}`);
    await waitFor(() => runsAnother(B, pid), { what: 'the watchdog to strike', timeoutMs: 30_000, everyMs: 200 });
    assert.match(await pair.sh(B, 'journalctl -q --no-pager -u tandemd -o cat'), /[Ww]atchdog/);
    await oneHolds('one router to hold the VIPs');
  });

  test('a stop gives everything up at once, and the peer takes over', async () => {
    const from = await oneHolds('one router to hold the VIPs');
    const to = from === A ? B : A;
    await pair.sh(from, 'systemctl stop tandemd');
    assert.deepEqual(await pair.vips(from), []);
    await waitFor(async () => (await holder()) === to, { what: `${to} to take over`, timeoutMs: 10_000 });
    assert.deepEqual(await pair.vips(to), ADDRESSES);
    await pair.sh(from, 'systemctl start tandemd');
  });

  test('it is started at boot, where keepalived was', async () => {
    await oneHolds('one router to hold the VIPs');
    await pair.lab.reboot(B);
    await waitFor(() => isActive(B), { what: 'tandemd after the boot', timeoutMs: 20_000, everyMs: 100 });
    assert.equal(await pair.sh(B, 'pidof keepalived || true'), '');
    await waitFor(async () => (await pair.tandem('plan')).output.includes('nothing to do'), {
      what: 'a pair with nothing to do',
      timeoutMs: 30_000,
      everyMs: 500,
    });
  });
});
