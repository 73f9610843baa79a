/**
 * A change that both routers must load within half a down timer, cut between the two signals. `systemctl` of the second
 * router waits for a word of the test before it lets the reload through, so what happens in between is the test's to say.
 */
// needs: kernel keepalived ssh systemd
import assert from 'node:assert/strict';
import { after, afterEach, before, describe } from 'node:test';
import { waitFor } from '../../src/lab/process.ts';
import { A, B, LivePair, pairImpossible, testsOnPair, VIPS } from './live-pair.ts';

/** What the pair runs at first; each test tries to add this one. */
const OLD = ['192.168.1.1/24', '192.168.1.2/24'];
const NEW = '192.168.1.3/24';

/** A reload says that it is there, and waits until it may go on; half a minute is far more than any test lets it wait. */
const HOLD = `case $1 in reload)
  : >/run/held
  tries=0
  while [ ! -e /run/go ] && [ $tries -lt 600 ]; do sleep 0.05; tries=$((tries + 1)); done
esac`;

/** A window of 1.4 s: long enough for one reload on a machine that is busy, and the proofs do not take all day. */
const timers = ['version: 3', 'advert_int: 800ms'];

const skip = await pairImpossible();
describe('a change of both routers at once', { skip, timeout: 280_000 }, () => {
  let pair: LivePair;
  const test = testsOnPair(() => pair);
  before(async () => {
    pair = await LivePair.up();
    await pair.bringUp({ timers });
  });
  after(() => pair?.[Symbol.asyncDispose]());

  /** Starts the apply, and lets it come to where B has been signalled and A's signal is held back. */
  async function betweenSignals() {
    pair.describe({ timers, vips: [...VIPS, `${NEW} dev p3p1`] });
    await pair.sh(A, 'rm -f /run/held /run/go');
    await pair.wrap(A, 'systemctl', HOLD);
    const run = pair.start('apply', '--yes');
    await run.prints(/rtr-core02 reloaded/);
    await waitFor(() => pair.sh(A, '[ ! -e /run/held ] || echo yes'), { what: 'the held signal', timeoutMs: 20_000 });
    return run;
  }

  const letGo = () => pair.sh(A, ': >/run/go');

  async function loadsNew(router: string): Promise<boolean> {
    return (await pair.loaded(router)).includes(NEW);
  }

  /** The VIPs stand on exactly one router, and no other ones anywhere. */
  async function oneMaster(vips: readonly string[]): Promise<void> {
    const [a, b] = await Promise.all([pair.vips(A), pair.vips(B)]);
    assert.deepEqual([...a, ...b].sort(), vips, `${A}: ${a}; ${B}: ${b}`);
    assert.ok(a.length === 0 || b.length === 0, `${A}: ${a}; ${B}: ${b}`);
  }

  // A test that fails half way leaves no cut and no held signal to the next one.
  afterEach(async () => {
    for (const router of [A, B]) pair.lab.mendSsh(router);
    await pair.sh(A, ': >/run/go; rm -f /usr/local/sbin/systemctl');
  });

  test('the second signal comes too late: both run the old configuration again, exit 4', async () => {
    const was = await pair.snapshots();
    const run = await betweenSignals();
    // The first router goes back at once, and does not wait for the other one.
    await waitFor(async () => !(await loadsNew(B)), { what: `${B} to be back`, timeoutMs: 20_000, everyMs: 100 });
    assert.equal((await pair.snapshot(A)).loaded, was[A].loaded, `${A} has not been signalled yet`);
    await letGo();
    const { code, output } = await run.ended;
    assert.match(output, /both routers had to be reloaded within \d+ ms: rtr-core01 has not answered after \d+ ms/);
    assert.match(output, /went back to what it ran before, and that is proven/);
    assert.equal(code, 4, output);
    assert.deepEqual([await loadsNew(A), await loadsNew(B)], [false, false]);
    await oneMaster(OLD);
  });

  test('SSH is cut between the two signals and comes back: both run the old configuration again, exit 4', async () => {
    const run = await betweenSignals();
    pair.lab.cutSsh(A);
    await run.prints(/rtr-core02 goes back/);
    await waitFor(async () => !(await loadsNew(B)), { what: `${B} to be back`, timeoutMs: 20_000, everyMs: 100 });
    pair.lab.mendSsh(A);
    await letGo();
    const { code, output } = await run.ended;
    assert.match(output, /went back to what it ran before, and that is proven/);
    assert.equal(code, 4, output);
    assert.deepEqual([await loadsNew(A), await loadsNew(B)], [false, false]);
    await oneMaster(OLD);
  });

  test('SSH is cut between the two signals and stays cut: the first router goes back, exit 9 names the other', async () => {
    const run = await betweenSignals();
    pair.lab.cutSsh(A);
    const { code, output } = await run.ended;
    assert.equal(code, 9, output);
    assert.match(output, /A PERSON IS NEEDED: .*rtr-core02 runs the old configuration/);
    assert.match(output, /rtr-core01 runs what is not known/);
    assert.equal(await loadsNew(B), false);
    await letGo();
    pair.lab.mendSsh(A);
    // Whatever a cut left, the next apply brings the pair to what is described.
    pair.describe({ timers });
    await pair.apply('--allow', 'withdraw');
    assert.deepEqual([await loadsNew(A), await loadsNew(B)], [false, false]);
    await oneMaster(OLD);
  });

  test('the first router cannot be put back either: exit 9, and what each of them runs', async () => {
    const run = await betweenSignals();
    pair.lab.cutSsh(A);
    pair.lab.cutSsh(B);
    const { code, output } = await run.ended;
    assert.equal(code, 9, output);
    assert.match(output, /rtr-core01 runs what is not known/);
    assert.match(output, /rtr-core02 runs a new configuration/);
    assert.deepEqual([await loadsNew(A), await loadsNew(B)], [false, true]);
  });
});
