/** Who is told of which address when: on a kernel that writes down every frame. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { deferred } from '../../src/base/deferred.ts';
import { ms } from '../../src/base/units.ts';
import { Announcer } from '../../src/daemon/announcer.ts';
import { View } from '../../src/daemon/view.ts';
import type { Address } from '../../src/linux/address.ts';
import { FakeKernel } from '../support/fake-kernel.ts';
import { steady } from '../support/steady.ts';
import { vip } from '../support/things.ts';

class Device extends FakeKernel {
  /** Frames that its queue still takes. */
  room = Number.POSITIVE_INFINITY;
  override sendFrames(dev: string, frames: readonly Uint8Array[]): number {
    const taken = super.sendFrames(dev, frames.slice(0, this.room));
    this.room -= taken;
    return taken;
  }

  /** The last number of each address that was announced, in order. */
  get told(): readonly number[] {
    // Behind Ethernet's header of 14 bytes the sender's address has the bytes 14 to 17 of ARP.
    return this.sent.map(({ bytes }) => bytes[14 + 17]!);
  }
}

async function begin(interval = 0) {
  const kernel = new Device();
  kernel.setLink('lan');
  const view = new View(await kernel.snapshot());
  const log: string[] = [];
  const intervals = { 4: ms(interval), 6: ms(interval) };
  const announcer = new Announcer({ kernel, view, log: (_, text) => log.push(text), interval: () => intervals });
  return { kernel, announcer, log };
}

const addresses = (...hosts: readonly number[]): readonly Address[] =>
  hosts.flatMap((host) => {
    const { add } = vip(`10.0.0.${host}/24`);
    return add.kind === 'address' ? [add.address] : [];
  });

async function some(): Promise<void> {
  for (let i = 0; i < 20; i += 1) await turn();
}

describe('a series of announcements', () => {
  test('tells of each address as it comes to answer, then of all of them in rounds', async () => {
    const { kernel, announcer } = await begin();
    const settled = deferred<void>();
    announcer.announce('A', { rounds: 3, addresses: () => addresses(1, 2, 3), settled: settled.promise });
    await some();
    assert.deepEqual(kernel.told, [1, 2, 3]);
    kernel.sent.length = 0;
    announcer.answering('A', addresses(4));
    announcer.answering('B', addresses(9));
    await some();
    assert.deepEqual(kernel.told, [4]);
    settled.resolve();
    await announcer.idle();
    assert.deepEqual(kernel.told, [4, 1, 2, 3, 1, 2, 3]);
  });

  test('ends where it is when it is cancelled, and another one may follow', async () => {
    const { kernel, announcer } = await begin();
    const never = new Promise<void>(() => {});
    announcer.announce('A', { rounds: 5, addresses: () => addresses(1), settled: never });
    announcer.announce('A', { rounds: 5, addresses: () => addresses(2), settled: never });
    await some();
    announcer.cancel('A');
    announcer.answering('A', addresses(3));
    announcer.announce('A', { rounds: 2, addresses: () => addresses(4), settled: Promise.resolve() });
    await announcer.idle();
    assert.deepEqual(kernel.told, [1, 4, 4]);
  });

  test('of one instance does not wait for that of another', async () => {
    const { kernel, announcer } = await begin();
    announcer.announce('A', { rounds: 1, addresses: () => addresses(1), settled: new Promise(() => {}) });
    announcer.announce('B', { rounds: 1, addresses: () => addresses(2), settled: Promise.resolve() });
    await some();
    assert.deepEqual(kernel.told, [1, 2]);
  });

  test('waits for a device whose queue is full, and leaves a device that is gone to itself', async () => {
    const { kernel, announcer, log } = await begin();
    kernel.room = 2;
    announcer.announce('A', { rounds: 1, addresses: () => addresses(1, 2, 3), settled: Promise.resolve() });
    await some();
    assert.deepEqual(kernel.told, [1, 2]);
    kernel.room = 9;
    await announcer.idle();
    assert.deepEqual(kernel.told, [1, 2, 3]);
    kernel.removeLink('lan');
    announcer.announce('A', { rounds: 1, addresses: () => addresses(4), settled: Promise.resolve() });
    await announcer.idle();
    assert.deepEqual(log, ['addresses on lan cannot be announced: there is no device "lan"']);
  });

  test(
    'keeps the interval between two frames',
    steady(async () => {
      const { kernel, announcer } = await begin(30);
      const at: number[] = [];
      const { sendFrames } = kernel;
      kernel.sendFrames = (...argv) => {
        at.push(performance.now());
        return sendFrames.apply(kernel, argv);
      };
      announcer.announce('A', { rounds: 1, addresses: () => addresses(1, 2, 3), settled: Promise.resolve() });
      await announcer.idle();
      // A timer of Node's may be a millisecond early.
      for (let i = 1; i < at.length; i += 1) assert.ok(at[i]! - at[i - 1]! >= 29, at.join());
      assert.equal(at.length, 3);
    }),
  );
});
