/** Garbage on protocol 112, ten thousand packets a second: who is MASTER stays it, and so does who is BACKUP. */
// needs: kernel
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { waitFor } from '../../src/lab/process.ts';
import { LinuxKernel } from '../../src/linux/linux-kernel.ts';
import { garbage, goodAdvert, vrrpFrame } from '../support/garbage.ts';
import { addVeth, ip as runIp } from '../support/ip.ts';
import { inOwnNetwork } from '../support/namespace.ts';
import { steady } from '../support/steady.ts';
import { Place } from '../support/tandemd.ts';

inOwnNetwork();
addVeth('lan', 'far');
runIp('address', 'add', '10.0.0.1/24', 'dev', 'lan');
const place = new Place();
const kernel = new LinuxKernel();
after(async () => {
  await kernel.close();
  place[Symbol.dispose]();
});

const CONF = `vrrp_instance VI_0 {
    interface lan
    version 3
    virtual_router_id 51
    priority 150
    advert_int 0.1
    virtual_ipaddress {
        10.0.0.100/24
    }
}
`;

const SECONDS = 10;
const EVERY_MS = 10;
const AT_ONCE = 100;

const SENDER = { source: '10.0.0.9', vip: '10.0.0.100' };
const advert = goodAdvert(SENDER);

/** @returns how many garbage packets were sent */
async function flood(adverts: boolean): Promise<number> {
  let sent = 0;
  const started = performance.now();
  for (let round = 0; performance.now() - started < SECONDS * 1000; round += 1) {
    const frames = Array.from({ length: AT_ONCE }, (_, i) =>
      vrrpFrame(SENDER, garbage(advert, round * AT_ONCE + i), i),
    );
    if (adverts && round % 5 === 0) frames.push(vrrpFrame(SENDER, advert, round));
    sent += kernel.sendFrames('far', frames);
    const next = started + (round + 1) * EVERY_MS;
    await new Promise((done) => setTimeout(done, Math.max(0, next - performance.now())));
  }
  return sent;
}

const state = () => place.status().instances[0]!;

describe('ten thousand garbage packets a second', () => {
  test(
    'MASTER stays MASTER and goes on advertising',
    steady(async () => {
      await using daemon = place.start(CONF);
      await daemon.says(/Entering MASTER STATE/);
      await waitFor(() => runIp('address', 'show', 'lan').includes('10.0.0.100/24'), {
        what: 'the VIP',
        timeoutMs: 10_000,
      });
      const before = place.counters();
      const sent = await flood(false);
      const now = place.counters();
      assert.ok(sent > 5_000 * SECONDS, `${sent} packets were sent`);
      assert.equal(state().state, 'MASTER');
      assert.equal(state().transitions.length, 2);
      const dropped = Object.values(now.dropped).reduce((sum, count) => sum + count, 0);
      assert.ok(dropped > 1_000, `${dropped} were counted`);
      // Ten a second; a machine with other things to do may lose a few.
      assert.ok(now.sent - before.sent > 8 * SECONDS, `${now.sent - before.sent} adverts went out`);
      assert.ok(daemon.log.split('\n').length < 60, 'the log has a line a kind, not a line a packet');
    }),
  );

  test(
    'BACKUP hears its master through it and stays BACKUP',
    steady(async () => {
      await using daemon = place.start(CONF);
      await daemon.says(/Entering BACKUP STATE/);
      await flood(true);
      assert.equal(daemon.log.match(/Entering MASTER STATE/g), null);
      assert.equal(state().state, 'BACKUP');
    }),
  );
});
