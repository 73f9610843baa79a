/** A session on a kernel that is nothing but state: what VRRP wants, in the order in which the kernel sees it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { parseIp } from '../../src/base/address.ts';
import { ms } from '../../src/base/units.ts';
import type { Address } from '../../src/linux/address.ts';
import type { VrrpSocket } from '../../src/linux/kernel.ts';
import { FakeKernel } from '../support/fake-kernel.ts';
import { loadText, startSession } from '../support/fake-session.ts';

const directory = mkdtempSync(join(tmpdir(), 'tandemd-'));
after(() => rmSync(directory, { recursive: true, force: true }));
const file = join(directory, 'conf');

const CONF = `static_routes {
    203.0.113.0/24 via 10.0.0.7 dev lan
}
vrrp_instance VI_0 {
    interface lan
    virtual_router_id 51
    virtual_ipaddress {
        10.0.0.100/24
        10.0.0.101/24
    }
    virtual_routes {
        198.51.100.0/24 via 10.0.0.9 dev lan
    }
}
`;

const address = (text: string): Address => ({
  dev: 'lan',
  address: { ...parseIp(text)!, prefix: 24 },
  scope: 0,
  flags: 0,
});

class Kernel extends FakeKernel {
  broken = false;
  override openVrrp(...options: Parameters<FakeKernel['openVrrp']>): VrrpSocket {
    if (this.broken) throw new Error('no more sockets');
    return super.openVrrp(...options);
  }
}

async function begin(prepare: (kernel: Kernel) => void = () => {}) {
  const kernel = new Kernel();
  kernel.setLink('lan');
  kernel.changeByOthers({ kind: 'address', verb: 'add', address: address('10.0.0.1') });
  prepare(kernel);
  const { session, log, told } = await startSession(kernel, await loadText(file, CONF, ['lan']));
  await settle();
  return { kernel, session, log, told, state: () => session.loop.router.instances.VI_0!.state };
}

/** Some turns of the loop, and of the queue behind it: more than any chain of theirs takes. */
async function settle(): Promise<void> {
  for (let i = 0; i < 50; i += 1) await turn();
}

const STANDING = `lan: up
  10.0.0.1/24`;

describe('a session', () => {
  test('adds statics at once, and what is owned with MASTER; takes all of it away at the end', async () => {
    const { kernel, session, told } = await begin();
    const idle = String(kernel);
    assert.match(idle, /203\.0\.113\.0\/24/);
    assert.doesNotMatch(idle, /10\.0\.0\.100|198\.51/);
    kernel.advance(ms(4000));
    await settle();
    for (const text of ['10.0.0.100/24', '10.0.0.101/24', '198.51.100.0/24']) assert.ok(String(kernel).includes(text));
    assert.deepEqual(told, ['VI_0 BACKUP', 'VI_0 MASTER']);
    await session.end();
    assert.equal(String(kernel), STANDING);
    assert.deepEqual(told, ['VI_0 BACKUP', 'VI_0 MASTER', 'VI_0 STOP']);
  });

  test('the advert goes out before the first announcement, and a farewell is the last thing said', async () => {
    const { kernel, session } = await begin();
    kernel.advance(ms(4000));
    await settle();
    const kinds = kernel.sent.map(({ destination }) => (destination ? 'advert' : 'announcement'));
    assert.deepEqual(kinds.slice(0, 2), ['advert', 'announcement']);
    assert.equal(kinds.filter((kind) => kind === 'announcement').length, 2 * 5);
    await session.end();
    // Behind the IPv4 header of 20 bytes: version, VRID, priority.
    assert.equal(kernel.sent.at(-1)!.bytes[22], 0);
  });

  test('what a dead daemon left is taken away before anything else', async () => {
    const { kernel } = await begin((prepared) => {
      for (const text of ['10.0.0.100', '10.0.0.77']) {
        prepared.changeByOthers({ kind: 'address', verb: 'add', address: address(text) });
      }
    });
    assert.doesNotMatch(String(kernel), /10\.0\.0\.100/);
    assert.match(String(kernel), /10\.0\.0\.77/);
  });

  test('whoever cannot speak on a device does not become MASTER on it', async () => {
    const { kernel, session, log, state } = await begin((prepared) => {
      prepared.broken = true;
    });
    kernel.advance(ms(10_000));
    await settle();
    assert.equal(state(), 'Initialize');
    assert.ok(log.includes('VRRP on lan cannot be spoken: no more sockets'));
    kernel.broken = false;
    kernel.setLink('lan', { running: false });
    kernel.setLink('lan', { running: true });
    await settle();
    assert.equal(state(), 'Backup');
    await session.end();
  });

  test('a source that goes is a fault, and its VIPs are no source', async () => {
    const { kernel, session, state } = await begin();
    kernel.advance(ms(4000));
    await settle();
    assert.equal(state(), 'Active');
    kernel.changeByOthers({ kind: 'address', verb: 'delete', address: address('10.0.0.1') });
    await settle();
    assert.equal(state(), 'Initialize');
    await session.end();
  });
});

test('an instance that a reload gives another name keeps its state and its history', async () => {
  const { session } = await begin();
  const before = session.history.of('VI_0');
  const changes = await session.change(await loadText(file, CONF.replace('VI_0', 'VI_9'), ['lan']));
  assert.deepEqual(
    changes.map(({ keyword }) => keyword),
    ['name'],
  );
  assert.equal(session.loop.router.instances.VI_0, undefined);
  assert.deepEqual(session.history.of('VI_9'), before);
  assert.equal(session.loop.router.instances.VI_9!.counters.becameActive, 0);
  await session.end();
});
