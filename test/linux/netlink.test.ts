import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { IpPrefix } from '../../src/base/address.ts';
import { type Address, IFA_F, readAddress, writeAddress } from '../../src/linux/address.ts';
import { devicesOf, NoDevice } from '../../src/linux/devices.ts';
import {
  MessageWriter,
  NLM_F,
  NLMSG_HEADER,
  readAttributes,
  readError,
  readMessages,
} from '../../src/linux/netlink.ts';
import { BatchWriter } from '../../src/linux/netlink-client.ts';
import { type Route, readRoute, writeRoute } from '../../src/linux/route.ts';
import { type Rule, readRule, writeRule } from '../../src/linux/rule.ts';

const devices = devicesOf([{ name: 'eth0', index: 2 }]);
const v4 = (text: string, prefix = 32): IpPrefix => ({ family: 4, text, prefix });
const v6 = (text: string, prefix = 128): IpPrefix => ({ family: 6, text, prefix });
const bytesOf = (hex: string): Uint8Array =>
  Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** What iproute2 6.1 sent (strace), and the value that stands for it. eth0 is device 2. */
const RECORDED: readonly (
  | { readonly command: string; readonly hex: string; readonly address: Address }
  | { readonly command: string; readonly hex: string; readonly route: Route }
  | { readonly command: string; readonly hex: string; readonly rule: Rule }
)[] = [
  {
    command: 'ip addr add 10.1.0.1/24 brd + dev eth0 label eth0:7',
    hex: '3c00000014000506381a036b000000000218000002000000080002000a0100010b000300657468303a370000080001000a010001080004000a0100ff',
    address: {
      dev: 'eth0',
      address: v4('10.1.0.1', 24),
      broadcast: v4('10.1.0.255'),
      label: 'eth0:7',
      scope: 0,
      flags: 0,
    },
  },
  {
    command: 'ip -6 addr add 2001:db8::1/64 dev eth0 nodad preferred_lft 100',
    hex: '5400000014000506381a036b000000000a400200020000001400020020010db80000000000000000000000011400010020010db80000000000000000000000011400060064000000ffffffff0000000000000000',
    address: { dev: 'eth0', address: v6('2001:db8::1', 64), scope: 0, flags: IFA_F.NODAD, preferredSeconds: 100 },
  },
  {
    command:
      'ip route add 10.9.0.0/16 via 10.1.0.9 dev eth0 table 1000 proto 112 metric 5 src 10.1.0.1 mtu lock 1400 advmss 1300',
    hex: '6800000018000506381a036b00000000021000000070000100000000080001000a090000080005000a01000908000f00e80300000800060005000000080007000a01000108000400020000001c000800080002007805000008000800140500000800010004000000',
    route: {
      type: 'unicast',
      destination: v4('10.9.0.0', 16),
      gateway: v4('10.1.0.9'),
      dev: 'eth0',
      table: 1000,
      protocol: 112,
      scope: 0,
      metric: 5,
      preferredSource: v4('10.1.0.1'),
      metrics: { mtu: 1400, advmss: 1300 },
      locked: ['mtu'],
    },
  },
  {
    command:
      'ip route add 10.10.0.0/16 proto 112 nexthop via 10.1.0.9 dev eth0 weight 2 nexthop via 192.0.2.1 dev eth0 onlink',
    hex: '4800000018000506381a036b0000000002100000fe70000100000000080001000a0a0000240009001000000102000000080005000a010009100004000200000008000500c0000201',
    route: {
      type: 'unicast',
      destination: v4('10.10.0.0', 16),
      table: 254,
      protocol: 112,
      scope: 0,
      hops: [
        { gateway: v4('10.1.0.9'), dev: 'eth0', weight: 2 },
        { gateway: v4('192.0.2.1'), dev: 'eth0', onlink: true, weight: 1 },
      ],
    },
  },
  {
    command: 'ip route add 10.11.0.0/16 via inet6 fe80::9 dev eth0 proto 112',
    hex: '4400000018000506381a036b0000000002100000fe70000100000000080001000a0b0000160012000a00fe80000000000000000000000000000900000800040002000000',
    route: {
      type: 'unicast',
      destination: v4('10.11.0.0', 16),
      gateway: v6('fe80::9'),
      dev: 'eth0',
      table: 254,
      protocol: 112,
      scope: 0,
    },
  },
  {
    command: 'ip -6 route add 2001:db8:5::/48 dev eth0 proto 112 pref high',
    hex: '4000000018000506381a036b000000000a300000fe700001000000001400010020010db800050000000000000000000005001400010000000800040002000000',
    route: {
      type: 'unicast',
      destination: v6('2001:db8:5::', 48),
      dev: 'eth0',
      table: 254,
      protocol: 112,
      scope: 0,
      preference: 1,
    },
  },
  {
    command: 'ip rule add from 10.2.0.0/16 iif eth0 fwmark 0x10/0xff table 1000 pref 100 proto 112',
    hex: '5800000020000506381a036b00000000020010000000000100000000080002000a02000009000300657468300000000008000a001000000008001000ff00000008000f00e803000008000600640000000500150070000000',
    rule: {
      family: 4,
      from: v4('10.2.0.0', 16),
      iif: 'eth0',
      mark: 0x10,
      mask: 0xff,
      action: 'table',
      table: 1000,
      priority: 100,
      protocol: 112,
    },
  },
  {
    command:
      'ip rule add not to 10.2.0.0/16 uidrange 100-200 ipproto tcp sport 80-90 table 7 suppress_prefixlength 0 pref 101 proto 112',
    hex: '5800000020000506381a036b00000000021000000700000102000000080001000a0200000c00140064000000c800000005001600060000000800170050005a0008000e000000000008000600650000000500150070000000',
    rule: {
      family: 4,
      not: true,
      to: v4('10.2.0.0', 16),
      users: { first: 100, last: 200 },
      ipProtocol: 6,
      sourcePorts: { first: 80, last: 90 },
      action: 'table',
      table: 7,
      suppressPrefixLength: 0,
      priority: 101,
      protocol: 112,
    },
  },
];

/** A message without what may differ: numbers, the order of attributes, padding, the bit that says "nested". */
function picture(bytes: Uint8Array, headerLength: number): unknown {
  const [message, ...more] = readMessages(bytes);
  assert.ok(message && more.length === 0);
  const attributes = [...readAttributes(message.body.subarray(headerLength))].map(([type, data]) => {
    const nested = headerLength === 12 && message.type === 24 && type === 8;
    const values = nested
      ? [...readAttributes(data)].map(([key, value]) => `${key}=${hexOf(value)}`).sort()
      : hexOf(data);
    return `${type}: ${values}`;
  });
  return {
    type: message.type,
    flags: message.flags,
    header: hexOf(message.body.subarray(0, headerLength)),
    attributes: attributes.sort(),
  };
}

/** Equality of the values that matter: an Ip that came with a prefix equals one without. */
const plain = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (key, found) => (IP_FIELDS.has(key) && found ? found.text : found)));
const IP_FIELDS = new Set(['gateway', 'broadcast', 'preferredSource']);

describe('messages', () => {
  for (const recorded of RECORDED) {
    test(`say the same as: ${recorded.command}`, () => {
      const writer = new MessageWriter(1000);
      const bytes = bytesOf(recorded.hex);
      const [theirs] = readMessages(bytes);
      writer.message({ type: theirs!.type, flags: theirs!.flags, sequence: 1 }, () => {
        if ('address' in recorded) writeAddress(writer, recorded.address, devices);
        else if ('route' in recorded) writeRoute(writer, recorded.route, devices);
        else writeRule(writer, recorded.rule);
      });
      const headerLength = 'address' in recorded ? 8 : 12;
      assert.deepEqual(picture(writer.take(), headerLength), picture(bytes, headerLength));
    });

    test(`are read back: ${recorded.command}`, () => {
      const [message] = readMessages(bytesOf(recorded.hex));
      if ('address' in recorded) assert.deepEqual(plain(readAddress(message!, devices)), plain(recorded.address));
      else if ('route' in recorded) assert.deepEqual(plain(readRoute(message!, devices)), plain(recorded.route));
      else assert.deepEqual(plain(readRule(message!)), plain(recorded.rule));
    });
  }

  test('stand whole in a batch: one that cannot be written leaves nothing behind', () => {
    const batch = new BatchWriter(4096);
    const address = { address: v4('10.1.0.1', 24), scope: 0, flags: 0 };
    const add = (dev: string) =>
      batch.add({ type: 20, flags: 0 }, (writer) => writeAddress(writer, { ...address, dev }, devices));
    add('eth0');
    assert.throws(() => add('eth1'), NoDevice);
    add('eth0');
    const { bytes, first, count } = batch.take();
    const messages = readMessages(bytes);
    assert.equal(count, 2);
    assert.deepEqual(
      messages.map(({ sequence, flags }) => ({ at: sequence - first, ack: (flags & NLM_F.ACK) !== 0 })),
      [
        { at: 0, ack: false },
        { at: 1, ack: true },
      ],
    );
    add('eth0');
    assert.equal(batch.take().first, first + 2);
  });

  test('are taken apart without an error, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(0xffff), (bytes, flags) => {
        readMessages(bytes);
        readAttributes(bytes);
        readError({ type: 2, flags, sequence: 0, port: 0, body: bytes });
      }),
    );
  });

  test('attributes with lengths that lie are left out, and the ones before them stay', () => {
    const writer = new MessageWriter(100);
    writer.message({ type: 1, flags: 0, sequence: 1 }, () => {
      writer.u32(7, 42);
      writer.u32(8, 43);
    });
    const bytes = writer.take();
    bytes[NLMSG_HEADER + 8] = 200;
    const [message] = readMessages(bytes);
    assert.deepEqual([...readAttributes(message!.body).keys()], [7]);
  });
});
