import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ipToBigInt, parseIp } from '../../src/base/address.ts';
import {
  ByteReader,
  ByteWriter,
  compareIps,
  internetChecksum,
  ipFromBytes,
  ipToBytes,
  utf8Bytes,
} from '../../src/base/bytes.ts';

const addressBytes = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  // Runs of zeros are what RFC 5952 is about.
  fc.array(fc.constantFrom(0, 0, 0, 1, 0xff), { minLength: 16, maxLength: 16 }).map((bytes) => Uint8Array.from(bytes)),
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
);

test('an address read from bytes is the one that the address parser knows, in the same canonical text', () => {
  fc.assert(
    fc.property(addressBytes, (bytes) => {
      const ip = ipFromBytes(bytes);
      assert.deepEqual(parseIp(ip.text), ip);
      assert.deepEqual(ipToBytes(ip), bytes);
    }),
  );
});

test('addresses compare as the numbers that they are', () => {
  fc.assert(
    fc.property(addressBytes, addressBytes, (left, right) => {
      fc.pre(left.length === right.length);
      const [a, b] = [ipFromBytes(left), ipFromBytes(right)];
      const difference = ipToBigInt(a) - ipToBigInt(b);
      assert.equal(Math.sign(compareIps(a, b)), difference < 0n ? -1 : difference > 0n ? 1 : 0);
    }),
  );
});

test('RFC 1071 section 3: its example has the sum ddf2', () => {
  const example = Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7);
  assert.equal(internetChecksum(example), ~0xddf2 & 0xffff);
  assert.equal(internetChecksum(example.subarray(0, 4), example.subarray(4)), ~0xddf2 & 0xffff);
});

test('a cursor refuses to leave its bytes: that would be our own bug', () => {
  assert.throws(() => new ByteReader(Uint8Array.of(1)).u16(), /assertion failed/);
  assert.throws(() => new ByteReader(new Uint8Array(3)).take(4), /assertion failed/);
  assert.throws(() => new ByteWriter(1).u16(1), /assertion failed/);
  assert.throws(() => new ByteWriter(2).u8(1).done(), /assertion failed/);
});

test('text becomes the bytes that the platform makes of it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.deepEqual(utf8Bytes(text), new TextEncoder().encode(text));
    }),
  );
});
