// needs: kernel ip nft
/** Devices of our own and the rules for what they say, with iproute2 and nft(8) as the witnesses. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { release } from 'node:os';
import { after, test } from 'node:test';
import { parseIp } from '../../src/base/address.ts';
import { isBefore } from '../../src/daemon/firewall.ts';
import { LinuxKernel } from '../../src/linux/linux-kernel.ts';
import { addVeth, ip } from '../support/ip.ts';
import { inOwnNetwork } from '../support/namespace.ts';

inOwnNetwork();
addVeth('eth0', 'far0');
addVeth('eth1', 'far1');
const kernel = new LinuxKernel();
after(() => kernel.close());

const MAC = Uint8Array.of(0, 0, 0x5e, 0, 1, 51);
const nothing = (): void => {};
const names = (): readonly string[] => [...ip('-o', 'link').matchAll(/^\d+: ([^:@]+)/gm)].map((match) => match[1]!);
const rules = (): string => execFileSync('nft', ['list', 'ruleset'], { encoding: 'utf8' });

test('a private macvlan: prepared while it is down, then up, and ours', () => {
  let before = '';
  const link = kernel.holdMacvlan({ name: 'vm0', lower: 'eth0', mac: MAC }, () => {
    before = ip('-o', 'link', 'show', 'vm0');
  });
  assert.doesNotMatch(before, /[<,]UP[,>]/);
  const shown = ip('-d', 'link', 'show', 'vm0');
  for (const word of [/vm0@eth0: <[A-Z,]*UP/, /00:00:5e:00:01:33/, /macvlan mode private/, /alias tandemd/]) {
    assert.match(shown, word);
  }
  assert.deepEqual([link.up, link.isPrivate, link.alias], [true, true, 'tandemd']);
});

test('one that is there is taken over, with what lies on it', () => {
  ip('address', 'add', '10.0.0.1/24', 'dev', 'vm0');
  const { index } = kernel.holdMacvlan({ name: 'vm0', lower: 'eth0', mac: MAC }, nothing);
  assert.match(ip('-o', 'address', 'show', 'vm0'), new RegExp(`^${index}: vm0 +inet 10.0.0.1/24`, 'm'));
});

test('one on another interface is made anew; a device of another kind is in the way', () => {
  ip('link', 'add', 'vm1', 'link', 'eth1', 'type', 'macvlan', 'mode', 'private');
  const mac = Uint8Array.of(0, 0, 0x5e, 0, 1, 52);
  kernel.holdMacvlan({ name: 'vm1', lower: 'eth0', mac }, nothing);
  assert.match(ip('link', 'show', 'vm1'), /vm1@eth0/);
  assert.throws(() => kernel.holdMacvlan({ name: 'far0', lower: 'eth0', mac }, nothing), /another device is called/);
});

test('what cannot be had leaves nothing behind', () => {
  const before = names();
  assert.throws(() => kernel.holdMacvlan({ name: 'vm2', lower: 'none', mac: MAC }, nothing), /no device "none"/);
  assert.throws(() => kernel.holdMacvlan({ name: 'vm2', lower: 'eth0', mac: MAC }, nothing), /EADDRINUSE/);
  const refuse = (): never => {
    throw new Error('not prepared');
  };
  const mac = Uint8Array.of(0, 0, 0x5e, 0, 1, 53);
  assert.throws(() => kernel.holdMacvlan({ name: 'vm2', lower: 'eth0', mac }, refuse), /not prepared/);
  assert.deepEqual(names(), before);
});

test('group reports leave by the other device, in place of the rules before; without rules there is no table', () => {
  kernel.setFirewall([{ kind: 'reports', dev: 'vm1', lower: 'eth0' }]);
  kernel.setFirewall([{ kind: 'reports', dev: 'vm0', lower: 'eth0' }]);
  const shown = rules();
  assert.match(shown, /table ip tandemd \{[^}]*oif "vm0" meta l4proto igmp dup to ip daddr device "eth0" drop/);
  for (const type of ['mld-listener-report', 'mld-listener-done', 'mld2-listener-report']) {
    assert.match(shown, new RegExp(`oif "vm0" icmpv6 type ${type} dup to ip6 daddr device "eth0" drop`));
  }
  assert.match(shown, /oif "vm0" icmpv6 type nd-router-solicit drop/);
  assert.doesNotMatch(shown, /vm1/);
  assert.throws(() => kernel.setFirewall([{ kind: 'reports', dev: 'none', lower: 'eth0' }]), /no device "none"/);
  assert.equal(rules(), shown);
  kernel.setFirewall([]);
  assert.equal(rules(), '');
});

test('what is for an address here or from it ends, but for neighbour discovery', () => {
  const refuse = (dev: string, text: string) => ({ kind: 'refuse' as const, dev, address: parseIp(text)! });
  const texts = ['10.0.0.1', '2001:db8::1', 'fe80::1'];
  kernel.setFirewall(texts.map((text) => refuse('eth0', text)));
  const shown = rules().replaceAll(/\s+/g, ' ');
  assert.match(shown, /table ip tandemd \{ [^{}]*set vips \{ type ipv4_addr elements = \{ 10.0.0.1 \} \}/);
  assert.match(shown, /chain in \{ [^}]*hook input [^}]*ip daddr @vips drop \}/);
  assert.match(shown, /chain out \{ [^}]*hook output [^}]*ip saddr @vips drop \}/);
  assert.match(shown, /set vips \{ type ipv6_addr elements = \{ 2001:db8::1 \} \}/);
  assert.match(shown, /set vips_link_local \{ type ipv6_addr . ifname elements = \{ fe80::1 . "eth0" \} \}/);
  const discovery = 'icmpv6 type nd-neighbor-solicit accept icmpv6 type nd-neighbor-advert accept';
  assert.ok(shown.includes(`${discovery} ip6 saddr . oifname @vips_link_local drop ip6 saddr @vips drop`), shown);
  assert.ok(shown.includes(`${discovery} ip6 daddr . iifname @vips_link_local drop ip6 daddr @vips drop`), shown);
  kernel.setFirewall([]);
});

test('10,000 addresses of each family are refused as well', () => {
  const text = (i: number): string => `${i >> 8}.${i & 255}`;
  const many = Array.from({ length: 10_000 }, (_, i) => [`10.7.${text(i)}`, `2001:db8::${i.toString(16)}`]).flat();
  kernel.setFirewall(many.map((one) => ({ kind: 'refuse', dev: 'eth0', address: parseIp(one)! })));
  assert.equal(rules().match(/10\.7\.\d+\.\d+/g)?.length, 10_000);
  kernel.setFirewall([]);
  assert.equal(rules(), '');
});

test('the rules go with whoever made them', {
  skip: isBefore(release(), [5, 12]) && 'they outlive it before 5.12',
}, async () => {
  const other = new LinuxKernel();
  other.setFirewall([{ kind: 'refuse', dev: 'eth0', address: parseIp('10.0.0.1')! }]);
  assert.match(rules(), /table ip tandemd/);
  await other.close();
  assert.equal(rules(), '');
});

test('settings are put back, and so is each for itself', () => {
  const path = 'ipv4/conf/eth0/arp_ignore';
  kernel.adjust(path, '1');
  kernel.adjust(path, '2');
  assert.equal(kernel.setting(path), '2');
  kernel.restore(path);
  assert.equal(kernel.setting(path), '0');
  kernel.adjust('ipv4/conf/none/arp_ignore', '1');
});

test('a device is deleted once', () => {
  kernel.deleteLink('vm0');
  assert.ok(!names().includes('vm0'));
  assert.throws(() => kernel.deleteLink('vm0'), /ENODEV|no device/);
});
