import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seconds } from '../../src/base/units.ts';
import { advertisementBytes, advertisementOf, destinationsOf } from '../../src/vrrp/advertise.ts';
import { decode } from '../../src/vrrp/packet.ts';
import { instanceConfig, ip } from '../support/vrrp.ts';

const source = ip('10.0.0.1');

test('an advertisement says what the configuration says, and the priority of the moment', () => {
  const password = Uint8Array.from(Buffer.from('sanitize'));
  const config = instanceConfig({ version: 2, password, advertisementInterval: seconds(2) });
  const { vrid, addresses } = config;
  const sent = {
    version: 2,
    vrid,
    priority: 0,
    interval: 2000,
    addresses,
    authentication: { type: 1, data: password },
  };
  assert.deepEqual(advertisementOf(config, 0), sent);
  const destination = config.multicastGroup;
  assert.deepEqual(decode(advertisementBytes(config, 0, source, destination), { source, destination }), sent);
});

test('multicast goes to the group; unicast to each peer, with a checksum for that peer', () => {
  assert.deepEqual(destinationsOf(instanceConfig()), [ip('224.0.0.18')]);
  const config = instanceConfig({ peers: [ip('10.0.0.2'), ip('10.0.0.3')] });
  assert.deepEqual(destinationsOf(config), [ip('10.0.0.2'), ip('10.0.0.3')]);
  const [first, second] = destinationsOf(config).map((to) => advertisementBytes(config, 100, source, to));
  assert.notDeepEqual(first, second);
  assert.deepEqual(decode(second!, { source, destination: ip('10.0.0.3') }), advertisementOf(config, 100));
});

test('v3_checksum_as_v2: the message is the same to everyone', () => {
  const config = instanceConfig({ checksum: 'plain', peers: [ip('10.0.0.2'), ip('10.0.0.3')] });
  const [first, second] = destinationsOf(config).map((to) => advertisementBytes(config, 100, source, to));
  assert.deepEqual(first, second);
});
