/** A reload that was asked for and did not happen as it should: what `tandem apply` makes of it, on real daemons. */
// needs: kernel keepalived ssh systemd
import assert from 'node:assert/strict';
import { after, afterEach, before, describe } from 'node:test';
import { A, B, LivePair, pairImpossible, testsOnPair } from './live-pair.ts';

const VIPS = ['192.168.1.1/24', '192.168.1.2/24'];
const routes = ['198.51.1.0/24 via 91.59.24.131 dev p1p2'];

/** The first reload becomes something else; `systemctl` says that all is well. */
const instead = (work: string): string =>
  `case $1 in reload) [ -e /run/once ] || { : >/run/once; for p in $(pidof keepalived); do ${work}; done; exit 0; } ;; esac`;

const skip = await pairImpossible();
describe('a reload that fails', { skip, timeout: 280_000 }, () => {
  let pair: LivePair;
  const test = testsOnPair(() => pair);
  before(async () => {
    pair = await LivePair.up();
    await pair.bringUp();
  });
  after(() => pair?.[Symbol.asyncDispose]());
  afterEach(async () => {
    await pair.sh(B, 'rm -f /run/once /usr/local/sbin/systemctl; for p in $(pidof keepalived); do kill -CONT $p; done');
  });

  test('F51 the daemon dies of it: its old file is back, it runs again on that, exit 4', async () => {
    const old = await pair.config(B);
    pair.describe({ routes });
    await pair.wrap(B, 'systemctl', instead('kill -9 $p'));
    const { code, output } = await pair.tandem('apply', '--yes');
    assert.match(output, /went back to what it ran before, and that is proven:\s+rtr-core02: the daemon ended/);
    assert.equal(code, 4, output);
    assert.equal(await pair.config(B), old);
    assert.doesNotMatch(await pair.loaded(B), /198\.51\.1\.0/);
    assert.deepEqual([await pair.vips(A), await pair.vips(B)], [VIPS, []]);
  });

  test('F51 it is told and does nothing, there and back: nobody claims to know what it runs, exit 9', async () => {
    const old = await pair.config(B);
    pair.describe({ routes });
    await pair.wrap(B, 'systemctl', instead('kill -STOP $p'));
    const { code, output } = await pair.tandem('apply', '--yes');
    assert.match(
      output,
      /A PERSON IS NEEDED: rtr-core01 runs the old configuration, rtr-core02 runs what is not known/,
    );
    assert.equal(code, 9, output);
    assert.equal(await pair.config(B), old);
    assert.doesNotMatch(await pair.loaded(A), /198\.51\.1\.0/);
    assert.deepEqual(await pair.vips(A), VIPS);
  });

  test('once it listens again the next apply brings the pair to what is described', async () => {
    pair.describe({ routes });
    assert.match(await pair.apply(), /0 predicted, 0 observed/);
    for (const router of [A, B]) assert.match(await pair.loaded(router), /198\.51\.1\.0/);
  });
});
