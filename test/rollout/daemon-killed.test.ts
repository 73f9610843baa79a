/** A daemon that does not survive its reload: its old file is back, it is started on that, and the pair is proven. */
// needs: kernel keepalived ssh systemd
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { A, B, LivePair, pairImpossible } from '../netns/live-pair.ts';
import { steady } from '../support/steady.ts';

const skip = await pairImpossible();

// Both wait for the same proofs, each on a pair of its own.
describe('a daemon that is killed in the middle of its proof runs its old file again, and the pair is rolled back', {
  skip,
  concurrency: 2,
  timeout: 280_000,
}, () => {
  for (const [router, role] of [
    [B, 'backup'],
    [A, 'master'],
  ] as const) {
    test(
      `the ${role}'s: exit 4`,
      steady(async () => {
        await using pair = await LivePair.up();
        await pair.bringUp();
        const old = await pair.config(router);
        pair.describe({ routes: ['198.51.100.0/24 via 91.59.24.131 dev p1p2'] });
        const run = pair.start('apply', '--yes');
        // Both have the new file; what is proven last is proven for two down timers.
        await run.prints(/proving\n(.*\n)*.*proving/);
        await pair.sh(router, 'kill -9 $(pidof keepalived)');
        const { code, output } = await run.ended;
        assert.equal(code, 4, output);
        assert.match(output, /went back to what it ran before, and that is proven:/);
        if (router === B) assert.match(output, /VI_0: rtr-core02 is without a daemon, not ready to take over/);
        assert.equal(await pair.config(router), old);
        assert.deepEqual((await pair.vips(A)).length + (await pair.vips(B)).length, 2);
      }),
    );
  }
});
