/** What no_accept and strict mode close: over a reload, with excluded VIPs, and after a daemon that was killed. */
// needs: kernel ip nft ping
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, test } from 'node:test';
import { waitFor } from '../../src/lab/process.ts';
import { addVeth, ip } from '../support/ip.ts';
import { inOwnNetwork } from '../support/namespace.ts';
import { sh } from '../support/shell.ts';
import { steady } from '../support/steady.ts';
import { Place } from '../support/tandemd.ts';

inOwnNetwork();
addVeth('lan', 'far');
ip('address', 'add', '10.0.0.1/24', 'dev', 'lan');
ip('address', 'add', 'fe80::1/64', 'dev', 'lan', 'nodad');
sh('ip netns add peer; ip link set far netns peer; ip -n peer link set far up; ip -n peer link set lo up');
sh('ip -n peer address add 10.0.0.9/24 dev far; ip -n peer address add 2001:db8::9/64 dev far nodad');
const place = new Place();
after(() => place[Symbol.dispose]());

const INSTANCES = [
  { vip: '10.0.0.100', lines: '', answers: true },
  { vip: '10.0.0.101', lines: 'no_accept', answers: false },
  { vip: '10.0.0.102', lines: 'strict_mode', answers: false },
  { vip: '10.0.0.103', lines: 'strict_mode\n accept', answers: true },
  { vip: '10.0.0.104', lines: 'strict_mode\n priority 255\n state MASTER', answers: true },
  { vip: '10.0.0.105', lines: 'no_accept\n priority 255\n state MASTER', answers: true },
  { vip: '2001:db8::106', lines: 'no_accept', answers: false },
  { vip: '2001:db8::107', lines: '', answers: true },
] as const;
const EXCLUDED = '10.0.0.201';

function conf(only?: string): string {
  return INSTANCES.map(({ vip, lines }, i) => {
    const isV6 = vip.includes(':');
    return `vrrp_instance VI_${i} {
    interface lan
    version 3
    virtual_router_id ${51 + i}
    advert_int 0.1
    ${only ?? lines}
    virtual_ipaddress {
        ${isV6 ? `fe80::${106 + i}/64\n ${vip}/64` : `${vip}/24`}
    }
    ${vip === '10.0.0.101' ? `virtual_ipaddress_excluded {\n ${EXCLUDED}/24\n }` : ''}
}
`;
  }).join('');
}

const answers = (address: string): boolean =>
  spawnSync('ip', ['netns', 'exec', 'peer', 'ping', '-c1', '-W1', address]).status === 0;

const standing = (): Promise<unknown> =>
  waitFor(
    () =>
      [...INSTANCES.map(({ vip }) => vip), EXCLUDED].every((vip) => ip('address', 'show', 'lan').includes(`${vip}/`)),
    {
      what: 'all VIPs',
      timeoutMs: 20_000,
    },
  );

const whoAnswers = (): readonly string[] => INSTANCES.map(({ vip }) => vip).filter(answers);
const EXPECTED = INSTANCES.filter((one) => one.answers).map(({ vip }) => vip);

test(
  'a reload opens and closes VIPs; at the end nothing is left',
  steady(async () => {
    await using daemon = place.start(conf());
    await daemon.says(/Entering MASTER STATE/, INSTANCES.length);
    await standing();
    assert.deepEqual(whoAnswers(), EXPECTED);
    assert.ok(!answers(EXCLUDED));
    place.write(conf(''));
    daemon.signal('SIGHUP');
    await daemon.says(/Reload complete/);
    assert.deepEqual(
      whoAnswers(),
      INSTANCES.map(({ vip }) => vip),
    );
    place.write(conf('no_accept'));
    daemon.signal('SIGHUP');
    await daemon.says(/Reload complete/, 2);
    assert.deepEqual(whoAnswers(), []);
    daemon.signal('SIGTERM');
    assert.equal(await daemon.ended, 0);
    assert.equal(spawnSync('nft', ['list', 'ruleset'], { encoding: 'utf8' }).stdout, '');
  }),
);

test(
  'a table that a daemon left when it was killed goes with the next start',
  steady(async () => {
    {
      await using daemon = place.start(conf('no_accept'));
      await standing();
      daemon.signal('SIGKILL');
    }
    await using daemon = place.start(conf(''));
    await daemon.says(/Entering MASTER STATE/, INSTANCES.length);
    await standing();
    assert.deepEqual(
      whoAnswers(),
      INSTANCES.map(({ vip }) => vip),
    );
  }),
);
