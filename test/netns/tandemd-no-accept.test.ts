/** no_accept and strict mode, keepalived 2.2.7 and tandemd in turns: who answers for a VIP, and that it is found. */
// needs: kernel ip keepalived nft
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { beforeEach, describe, test } from 'node:test';
import { ip } from '../support/ip.ts';
import { sh } from '../support/shell.ts';
import { steady } from '../support/steady.ts';
import { until } from '../support/until.ts';
import { addressesOf, beRouter, conf, Keepalived, layCables, rules } from './tandemd-vmac.ts';

const place = beRouter();
const addAddresses = (): void => {
  sh(`ip netns exec far sh -c 'echo 0 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6'`);
  ip('-n', 'far', 'address', 'add', '2001:db8::12/64', 'dev', 'eth0', 'nodad');
  ip('-n', 'far', 'address', 'add', '10.0.0.12/24', 'dev', 'eth0');
  ip('address', 'add', '2001:db8::11/64', 'dev', 'eth0', 'nodad');
};
beforeEach(addAddresses);
const anew = async (): Promise<void> => {
  await layCables();
  addAddresses();
};

const answers = (address: string): boolean =>
  spawnSync('ip', ['netns', 'exec', 'far', 'ping', '-c', '2', '-i', '0.2', '-W', '0.5', address]).status === 0;
const isFound = (address: string): boolean => ip('-n', 'far', 'neigh', 'show', address).includes('lladdr');

const v6 = { vips: ['fe80::51/64', '2001:db8::1/64'] };
const ROWS: Readonly<Record<string, { readonly text: string; readonly vip: string; readonly wanted: boolean }>> = {
  'an instance that says nothing': { text: conf([]), vip: '10.0.0.1', wanted: true },
  no_accept: { text: conf(['no_accept']), vip: '10.0.0.1', wanted: false },
  'no_accept of the owner': { text: owner(conf(['no_accept'])), vip: '10.0.0.1', wanted: true },
  'no_accept in IPv6': { text: conf(['no_accept'], v6), vip: '2001:db8::1', wanted: false },
  'no_accept of a link-local address': { text: conf(['no_accept'], v6), vip: 'fe80::51%eth0', wanted: false },
  'no_accept with a VMAC': { text: conf(['no_accept', 'use_vmac']), vip: '10.0.0.1', wanted: false },
  'no_accept in IPv6 with a VMAC': { text: conf(['no_accept', 'use_vmac'], v6), vip: '2001:db8::1', wanted: false },
  'strict mode': { text: conf(['strict_mode yes']), vip: '10.0.0.1', wanted: false },
  'strict mode with accept': { text: conf(['strict_mode yes', 'accept']), vip: '10.0.0.1', wanted: true },
};

function owner(text: string): string {
  return text.replace('priority 150', 'priority 255');
}

describe('a packet to a VIP', () => {
  for (const [what, { text, vip, wanted }] of Object.entries(ROWS)) {
    for (const engine of ['keepalived', 'tandemd'] as const) {
      const isAnswered = async (): Promise<void> => {
        place.write(text);
        await using daemon = engine === 'keepalived' ? new Keepalived(place) : place.start(text);
        const [address] = vip.split('%') as [string];
        const holds = (dev: string): boolean => addressesOf(dev).some((one) => one.startsWith(`${address}/`));
        const devices = (): readonly string[] =>
          [...ip('-o', 'link').matchAll(/^\d+: ([^:@]+)/gm)].map((one) => one[1]!);
        await until(() => devices().some(holds), 'MASTER');
        assert.equal(answers(vip), wanted);
        assert.ok(isFound(address));
        assert.ok(answers(address.includes(':') ? '2001:db8::11' : '10.0.0.11'));
        if (daemon instanceof Keepalived) return;
        daemon.signal('SIGTERM');
        assert.equal(await daemon.ended, 0);
        assert.equal(rules(), '');
      };
      const words = wanted ? 'is answered' : 'is not answered, but the VIP is found';
      test(`${what}, ${engine}: ${words}`, steady(isAnswered, { anew }));
    }
  }
});
