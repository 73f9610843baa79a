// needs: kernel ip nft
/** Devices of our own and the rules for what they say, with iproute2 and nft(8) as the witnesses. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, test } from 'node:test';
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
