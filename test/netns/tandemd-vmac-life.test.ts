/** A VMAC of tandemd's from its start to its end, and what others do to it. */
// needs: kernel ip nft tcpdump
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { ip } from '../support/ip.ts';
import { steady } from '../support/steady.ts';
import { until } from '../support/until.ts';
import {
  addressesOf,
  beRouter,
  Capture,
  conf,
  isAdvertisement,
  isOn,
  isVirtual,
  layCable,
  layCables,
  numberOf,
  picture,
  rules,
  shared,
  vmacs,
} from './tandemd-vmac.ts';

const place = beRouter();

const TEXT = conf(['use_vmac']);
const isMaster = isOn('10.0.0.1/24', 'vrrp.51');

test('left by kill -9 it is taken over, and gone with SIGTERM, as its rules are', async () => {
  {
    await using _first = place.start(TEXT);
    await until(isMaster, 'MASTER');
  }
  const left = numberOf('vrrp.51');
  assert.ok(left > 0);
  await using second = place.start(TEXT);
  await second.says(/Entering BACKUP STATE/);
  assert.deepEqual(addressesOf('vrrp.51'), []);
  assert.equal(numberOf('vrrp.51'), left);
  await until(isMaster, 'MASTER');
  second.signal('SIGTERM');
  assert.equal(await second.ended, 0);
  assert.deepEqual([vmacs(), rules()], [[], '']);
});

test('left by kill -9 it goes where the file does not want it any more; what is not ours stays', async () => {
  {
    await using _first = place.start(TEXT);
    await until(isMaster, 'MASTER');
  }
  ip('link', 'add', 'mine', 'link', 'eth1', 'type', 'macvlan', 'mode', 'private');
  await using second = place.start(conf([]));
  await second.says(/Entering MASTER STATE/);
  assert.deepEqual(vmacs(), ['mine']);
  ip('link', 'delete', 'mine');
});

test('deleted by someone it is made again, and the VIP comes back', async () => {
  await using daemon = place.start(TEXT);
  await until(isMaster, 'MASTER');
  const before = numberOf('vrrp.51');
  ip('link', 'delete', 'vrrp.51');
  await until(
    () => isMaster() && numberOf('vrrp.51') !== before,
    () => `MASTER again: ${daemon.log}`,
  );
  await using capture = await Capture.start();
  await until(() => [...capture.frames()].some(isAdvertisement), 'advertisements');
  assert.ok([...capture.frames()].every(isVirtual));
  assert.match(rules(), /oif "vrrp.51" meta l4proto igmp/);
});

test(
  'deleted again and again it is left alone for a while',
  steady(async () => {
    await layCables();
    await using daemon = place.start(TEXT);
    for (let i = 1; i <= 5; i += 1) {
      await daemon.says(/VMAC interface vrrp.51 on eth0 is there/, i);
      ip('link', 'delete', 'vrrp.51');
    }
    await daemon.says(/someone else deletes it again and again/);
    await until(() => daemon.log.includes('fault: interface vrrp.51'), 'FAULT');
    await until(isMaster, 'MASTER again, ten seconds after the first');
  }),
);

test('it comes with its interface, however late, and goes with it', async () => {
  ip('link', 'delete', 'eth0');
  await using daemon = place.start(TEXT);
  await daemon.says(/Entering FAULT STATE/);
  layCable(0);
  await until(isMaster, 'MASTER');
  ip('link', 'set', 'eth0', 'down');
  await daemon.says(/Entering FAULT STATE/, 2);
  await until(() => addressesOf('vrrp.51').length === 0, 'no VIP');
});

test('a reload makes it, renames it and takes it away, with its settings', async () => {
  const before = shared();
  await using daemon = place.start(conf([]));
  await daemon.says(/Entering MASTER STATE/);
  const reload = async (text: string): Promise<void> => {
    const times = [...daemon.log.matchAll(/Reload complete/g)].length + 1;
    place.write(text);
    daemon.signal('SIGHUP');
    await daemon.says(/Reload complete/, times);
  };
  await reload(TEXT);
  await until(isMaster, 'MASTER on the VMAC');
  assert.ok(!addressesOf('eth0').includes('10.0.0.1/24'));
  await reload(conf(['use_vmac mine']));
  await until(isOn('10.0.0.1/24', 'mine'), 'MASTER on the other');
  assert.deepEqual(vmacs(), ['mine']);
  await reload(conf([]));
  await until(() => addressesOf('eth0').includes('10.0.0.1/24'), 'MASTER on the interface');
  assert.deepEqual([vmacs(), rules()], [[], '']);
  assert.deepEqual(shared(), before);
});

test('with -V it stays as it is, settings and all', async () => {
  await using daemon = place.start(TEXT, { more: ['-V'] });
  await until(isMaster, 'MASTER');
  const before = picture();
  daemon.signal('SIGTERM');
  assert.equal(await daemon.ended, 0);
  assert.deepEqual(picture(), before);
  ip('link', 'delete', 'vrrp.51');
  execFileSync('nft', ['flush', 'ruleset']);
});

test('a device of another kind that has its name is left alone, and told of', async () => {
  ip('link', 'delete', 'eth0');
  await using daemon = place.start(TEXT);
  await daemon.says(/Entering FAULT STATE/);
  ip('link', 'add', 'vrrp.51', 'type', 'veth', 'peer', 'name', 'end');
  layCable(0);
  await daemon.says(/VMAC interface vrrp.51: another device is called vrrp.51/);
  assert.deepEqual(vmacs(), []);
  ip('link', 'delete', 'vrrp.51');
  await until(isMaster, 'MASTER');
});
