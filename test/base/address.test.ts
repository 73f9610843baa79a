import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  broadcastOf,
  contains,
  formatIpPrefix,
  ipToBigInt,
  networkOf,
  parseIp,
  parseIpPrefix,
} from '../../src/base/address.ts';

for (const text of [
  '78.123.265.1',
  '193.266.0.0/16',
  '192.168.010.1',
  '10.1',
  '1.2.3.4/33',
  '1.2.3.4/024',
  '1.2.3.4/',
  '::1/129',
  'fe80::1%eth0',
  '1::2::3',
  '',
  ' 1.2.3.4',
  '1.2.3.4/+8',
]) {
  test(`${JSON.stringify(text)} is refused, the second time too`, () => {
    assert.equal(parseIpPrefix(text), undefined);
    assert.equal(parseIpPrefix(text), undefined);
  });
}

for (const [text, canonical] of [
  ['10.1.1.1/24', '10.1.1.1/24'],
  ['10.1.1.1', '10.1.1.1/32'],
  ['2001:DB8:0:0::1/64', '2001:db8::1/64'],
  ['::ffff:192.0.2.1', '::ffff:c000:201/128'],
] as const) {
  test(`${text} reads as ${canonical}`, () => assert.equal(formatIpPrefix(parseIpPrefix(text)!), canonical));
}

test('who changes what was read does not change what is read next', () => {
  const first = parseIpPrefix('192.0.2.1/24') as { text: string };
  first.text = 'changed';
  assert.equal(parseIpPrefix('192.0.2.1/24')!.text, '192.0.2.1');
});

const ip = fc.oneof(fc.ipV4(), fc.ipV6());

test('a network contains exactly the addresses whose network it is', () => {
  fc.assert(
    fc.property(ip, ip, fc.nat(32), (a, b, prefix) => {
      const [outer, inner] = [parseIpPrefix(`${a}/${prefix}`)!, parseIp(b)!];
      const bits = outer.family === 4 ? 32 : 128;
      const same =
        outer.family === inner.family &&
        ipToBigInt(outer) >> BigInt(bits - prefix) === ipToBigInt(inner) >> BigInt(bits - prefix);
      assert.equal(contains(outer, inner), same);
      assert.ok(contains(outer, parseIp(networkOf(outer))!));
      if (outer.family === 4) assert.ok(contains(outer, parseIp(broadcastOf(outer))!));
    }),
  );
});
