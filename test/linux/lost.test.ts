// needs: kernel ip
/** Notices that the kernel could not keep for us, as its buffer was full. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Address } from '../../src/linux/address.ts';
import { type Change, type KernelEvent, OWN_PROTOCOL, type Snapshot } from '../../src/linux/kernel.ts';
import { LinuxKernel } from '../../src/linux/linux-kernel.ts';
import { addVeth, ip } from '../support/ip.ts';
import { inOwnNetwork } from '../support/namespace.ts';
import { waitUntil } from '../support/wait.ts';

inOwnNetwork();
addVeth('eth0', 'far0');

/** It keeps few notices, and its looks at everything fail so often. */
class Small extends LinuxKernel {
  failures = 0;
  readonly seen: KernelEvent[] = [];

  static async watching(t: TestContext): Promise<Small> {
    const small = new Small({ receiveBuffer: 4096 });
    t.after(async () => {
      await small.close();
      ip('addr', 'flush', 'dev', 'eth0');
    });
    await small.watch((found) => small.seen.push(...found));
    return small;
  }

  override async snapshot(): Promise<Snapshot> {
    this.failures -= 1;
    if (this.failures >= 0) throw new Error('there are no descriptors left');
    return super.snapshot();
  }

  /** So many addresses that notices are lost: on this thread nothing is read until all are in. */
  async overflow(): Promise<void> {
    const changes = Array.from({ length: 300 }, (_, i): Change => {
      const address = { family: 4, text: `10.11.${i >> 8}.${i & 255}`, prefix: 32 } as const;
      return {
        kind: 'address',
        verb: 'add',
        address: { dev: 'eth0', address, scope: 0, flags: 0, protocol: OWN_PROTOCOL },
      };
    });
    assert.deepEqual(await this.change(changes, { bulk: false }), []);
    await waitUntil(() => this.seen.some((event) => event.kind === 'lost'));
  }
}

test('are made good by a look at everything, and reception goes on', async (t) => {
  const small = await Small.watching(t);
  await small.overflow();
  const lost = small.seen.filter((event) => event.kind === 'lost');
  const held = lost.at(-1)!.snapshot.addresses.filter((found) => found.address.text.startsWith('10.11.'));
  assert.equal(held.length, 300);
  small.seen.length = 0;
  ip('addr', 'add', '10.12.0.1/24', 'dev', 'eth0');
  const isThat = ({ address: { text } }: Address): boolean => text === '10.12.0.1';
  // Where another look is still under way, it is part of that.
  await waitUntil(() =>
    small.seen.some((event) =>
      event.kind === 'lost' ? event.snapshot.addresses.some(isThat) : event.kind === 'address' && isThat(event.address),
    ),
  );
});

test('are made good by another look where the first one fails', async (t) => {
  const small = await Small.watching(t);
  small.failures = 1;
  await small.overflow();
  assert.ok(small.failures < 0);
});
