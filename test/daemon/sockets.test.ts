import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Sockets } from '../../src/daemon/sockets.ts';
import { View } from '../../src/daemon/view.ts';
import { advertisementBytes } from '../../src/vrrp/advertise.ts';
import { encodeIpv4 } from '../../src/vrrp/ipv4.ts';
import { FakeKernel } from '../support/fake-kernel.ts';
import { instanceConfig, ip } from '../support/vrrp.ts';

const GROUP = ip('224.0.0.18');

function open(tellsUnknown?: true) {
  const kernel = new FakeKernel();
  kernel.setLink('lan');
  const ours = instanceConfig({ vrid: 51 });
  const config = { instances: [ours], syncGroups: [], ...(tellsUnknown && { tellsUnknown }) };
  const lines: string[] = [];
  const received: string[] = [];
  const log = (_priority: string, line: string): void => void lines.push(line);
  const sockets = new Sockets({ kernel, config, log, received: (name) => received.push(name) });
  const view = new View({ links: [], addresses: [], routes: [], rules: [] });
  view.apply({ kind: 'link', link: { index: 1, name: 'lan', up: true, running: true, mtu: 1500 } });
  assert.ok(sockets.refresh(view));
  const advert = (vrid: number, from: string): void => {
    const source = ip(from);
    const message = advertisementBytes(instanceConfig({ vrid }), 100, source, GROUP);
    const bytes = encodeIpv4(message, { source, destination: GROUP, id: 1, ttl: 255 });
    kernel.receive('lan', { family: 4, bytes });
  };
  return { sockets, config, lines, received, advert };
}

describe('advertisements of virtual routers that are none of ours', () => {
  test('are counted, and told where the file wants it: once a VRID and sender, and again after a reload', () => {
    const { sockets, config, lines, received, advert } = open(true);
    for (let i = 0; i < 3; i += 1) {
      advert(52, '10.0.0.2');
      advert(52, '10.0.0.3');
      advert(51, '10.0.0.2');
    }
    assert.equal(sockets.unknown, 6);
    assert.equal(received.length, 3);
    const told = ['10.0.0.2', '10.0.0.3'].map(
      (source) => `Unknown VRID(52) received on interface(lan) from ${source}. ignoring...`,
    );
    assert.deepEqual(lines, told);
    sockets.reconfigure(config);
    advert(52, '10.0.0.3');
    assert.deepEqual(lines, [...told, told[1]]);
    sockets.reconfigure({ instances: config.instances, syncGroups: [] });
    advert(52, '10.0.0.3');
    assert.equal(lines.length, 3);
  });

  test('of a sender for every packet do not fill the log', () => {
    const { sockets, lines, advert } = open(true);
    for (let i = 0; i < 1_000; i += 1) advert(52, `10.0.${i >> 8}.${i & 255}`);
    assert.equal(sockets.unknown, 1_000);
    assert.ok(lines.length < 300, `${lines.length} lines`);
  });

  test('are not told where the file does not want it', () => {
    const { lines, advert } = open();
    advert(52, '10.0.0.2');
    assert.deepEqual(lines, []);
  });
});
