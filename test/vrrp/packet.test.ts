import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { load } from 'js-yaml';
import type { Ip } from '../../src/base/address.ts';
import { parseIp } from '../../src/base/address.ts';
import { internetChecksum, ipFromBytes } from '../../src/base/bytes.ts';
import { ms } from '../../src/base/units.ts';
import { announcementFrame } from '../../src/vrrp/frames.ts';
import { decodeIpv4, encodeIpv4 } from '../../src/vrrp/ipv4.ts';
import { type Addressing, type Advertisement, decode, encode, vridOf } from '../../src/vrrp/packet.ts';

interface Recorded {
  readonly advertisements: readonly {
    readonly what: string;
    readonly frame: string;
    readonly source: string;
    readonly destination: string;
    readonly id?: number;
    readonly version: 2 | 3;
    readonly vrid: number;
    readonly priority: number;
    readonly interval_ms: number;
    readonly addresses: readonly string[];
    readonly password?: string;
  }[];
  readonly announcements: readonly { readonly address: string; readonly mac: string; readonly frame: string }[];
}

const recorded = load(
  readFileSync(new URL('recorded/keepalived-2.2.7.yaml', import.meta.url), 'utf8'),
) as unknown as Recorded;

const ETHERNET = 14;
const IPV6_HEADER = 40;
const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const ip = (text: string): Ip => parseIp(text)!;

for (const sample of recorded.advertisements) {
  const packet = bytesOf(sample.frame).subarray(ETHERNET);
  const addressing: Addressing = { source: ip(sample.source), destination: ip(sample.destination) };
  const advertisement: Advertisement = {
    version: sample.version,
    vrid: sample.vrid,
    priority: sample.priority,
    interval: ms(sample.interval_ms),
    addresses: sample.addresses.map(ip),
    ...(sample.password && { authentication: { type: 1, data: new TextEncoder().encode(sample.password) } }),
  };

  test(`keepalived 2.2.7 sent: ${sample.what}; it is read as that, and written byte for byte the same`, () => {
    const message = encode(advertisement, addressing, 'pseudo-header');
    if (sample.id === undefined) {
      assert.deepEqual(packet.subarray(IPV6_HEADER), message);
    } else {
      const whole = decodeIpv4(packet);
      assert.ok(whole !== 'length');
      assert.deepEqual(whole, { ...addressing, ttl: 255, payload: message });
      assert.deepEqual(encodeIpv4(message, { ...addressing, id: sample.id, ttl: 255 }), packet);
    }
    assert.deepEqual(decode(message, addressing), advertisement);
    assert.equal(vridOf(message), sample.vrid);
  });
}

for (const { address, mac, frame } of recorded.announcements) {
  test(`keepalived 2.2.7 announced ${address}: the frame is the same byte for byte`, () => {
    const sent = announcementFrame({ address: ip(address), mac: bytesOf(mac.replaceAll(':', '')), router: false });
    assert.deepEqual(sent, bytesOf(frame));
  });
}

test('RFC 4861 section 4.4: the router flag is set where the device forwards, and the checksum still holds', () => {
  const announcement = { address: ip('2001:db8::54'), mac: bytesOf('020000000001'), router: true };
  const frame = announcementFrame(announcement);
  assert.equal(frame[58], 0xa0);
  const message = frame.subarray(54);
  const pseudo = bytesOf(`${Buffer.from(frame.subarray(22, 54)).toString('hex')}000000200000003a`);
  assert.equal(internetChecksum(pseudo, message), 0);
});

const priority = fc.integer({ min: 0, max: 255 });
const vrid = fc.integer({ min: 1, max: 255 });
const address4 = fc.uint8Array({ minLength: 4, maxLength: 4 }).map(ipFromBytes);
const address6 = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(ipFromBytes);

/** Objects like those that decode makes. */
const plain = { noNullPrototype: true } as const;

const v2 = fc.record({
  advertisement: fc.record(
    {
      version: fc.constant(2 as const),
      vrid,
      priority,
      interval: fc.integer({ min: 0, max: 255 }).map((s) => ms(s * 1000)),
      addresses: fc.array(address4, { maxLength: 255 }),
      authentication: fc.record(
        { type: fc.integer({ min: 1, max: 255 }), data: fc.uint8Array({ minLength: 8, maxLength: 8 }) },
        plain,
      ),
    },
    { ...plain, requiredKeys: ['version', 'vrid', 'priority', 'interval', 'addresses'] },
  ),
  addressing: fc.record({ source: address4, destination: address4 }),
});
const v3 = fc.constantFrom(address4, address6).chain((address) =>
  fc.record({
    advertisement: fc.record(
      {
        version: fc.constant(3 as const),
        vrid,
        priority,
        interval: fc.integer({ min: 0, max: 4095 }).map((cs) => ms(cs * 10)),
        addresses: fc.array(address, { maxLength: 255 }),
      },
      plain,
    ),
    addressing: fc.record({ source: address, destination: address }),
  }),
);
const message = fc.record({
  sent: fc.oneof(v2, v3),
  kind: fc.constantFrom('pseudo-header' as const, 'plain' as const),
});

test('decode(encode(x)) is x, for v2 and v3, IPv4 and IPv6, with either checksum', () => {
  fc.assert(
    fc.property(message, ({ sent: { advertisement, addressing }, kind }) => {
      assert.deepEqual(decode(encode(advertisement, addressing, kind), addressing), advertisement);
    }),
  );
});

test('a message with one wrong bit is never taken for the one that was sent', () => {
  fc.assert(
    fc.property(message, fc.nat(), ({ sent: { advertisement, addressing }, kind }, at) => {
      const bytes = encode(advertisement, addressing, kind);
      bytes[(at >>> 3) % bytes.length]! ^= 1 << (at & 7);
      assert.notDeepEqual(decode(bytes, addressing), advertisement);
    }),
  );
});

test('RFC 3768 section 5.3.8: a v2 checksum over a pseudo header is wrong', () => {
  const addressing: Addressing = { source: ip('10.0.0.1'), destination: ip('224.0.0.18') };
  const bytes = encode({ version: 2, vrid: 1, priority: 1, interval: ms(1000), addresses: [] }, addressing, 'plain');
  bytes.set([0, 0], 6);
  const sum = internetChecksum(bytesOf('0a000001e000001200700010'), bytes);
  bytes.set([sum >>> 8, sum & 0xff], 6);
  assert.equal(decode(bytes, addressing), 'checksum');
});

test('decode never throws, whatever the bytes: it answers with an advertisement or with why not', () => {
  const start = fc.constantFrom([], [0x21, 1, 100, 1], [0x31, 1, 100, 2], [0x31, 1, 0, 0], [0x41], [0x22]);
  const addressing = fc.constantFrom(
    { source: ip('10.0.0.1'), destination: ip('224.0.0.18') },
    { source: ip('fe80::1'), destination: ip('ff02::12') },
  );
  const anyBytes = fc.tuple(start, fc.uint8Array({ maxLength: 64 })).map(([a, b]) => Uint8Array.from([...a, ...b]));
  fc.assert(
    fc.property(anyBytes, addressing, (bytes, from) => {
      const answer = decode(bytes, from);
      if (typeof answer === 'string') assert.ok(['length', 'version', 'type', 'checksum'].includes(answer));
      const whole = decodeIpv4(bytes);
      if (whole !== 'length') assert.ok(whole.payload.length <= bytes.length);
    }),
    { numRuns: 2000 },
  );
});

test('an IPv4 packet is read in its total length: padding behind it is ignored, a longer claim is refused', () => {
  const addressing: Addressing = { source: ip('10.0.0.1'), destination: ip('224.0.0.18') };
  const packet = encodeIpv4(Uint8Array.of(1, 2, 3), { ...addressing, id: 0x1_0007, ttl: 255 });
  assert.deepEqual(packet.subarray(4, 6), Uint8Array.of(0, 7));
  const padded = decodeIpv4(Uint8Array.from([...packet, 0, 0, 0]));
  assert.ok(padded !== 'length');
  assert.deepEqual(padded.payload, Uint8Array.of(1, 2, 3));
  assert.equal(decodeIpv4(packet.subarray(0, packet.length - 1)), 'length');
  assert.equal(decodeIpv4(new Uint8Array(20)), 'length');
});
