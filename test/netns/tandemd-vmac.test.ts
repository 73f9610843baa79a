/** use_vmac, keepalived 2.2.7 and tandemd in turns on the same router: the same devices, settings, addresses and frames. */
// needs: kernel ip keepalived nft tcpdump
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sh } from '../support/shell.ts';
import { steady } from '../support/steady.ts';
import { until } from '../support/until.ts';
import {
  beRouter,
  Capture,
  conf,
  isAdvertisement,
  isAnnouncement,
  isOn,
  Keepalived,
  layCables,
  macvlans,
  picture,
  rules,
  shared,
  vmacs,
} from './tandemd-vmac.ts';

const place = beRouter();

const sibling = (lines: readonly string[]): string => `vrrp_instance VI_6 {
  interface eth0
  virtual_router_id 51
  priority 150
  advert_int 0.1
  ${lines.join('\n  ')}
  virtual_ipaddress {
    fe80::51/64
  }
}
`;

interface Row {
  readonly text: string;
  readonly vmacs: readonly string[];
  /** An address and the VMAC that has it when all is done. */
  readonly last: readonly [string, string];
  readonly prepare?: string;
}

const ROWS: Readonly<Record<string, Row>> = {
  'version 2': {
    text: conf(['use_vmac']).replace('version 3', 'version 2').replace('advert_int 0.1', 'advert_int 1'),
    vmacs: ['vrrp.51'],
    last: ['10.0.0.1/24', 'vrrp.51'],
  },
  'version 3': { text: conf(['use_vmac mine']), vmacs: ['mine'], last: ['10.0.0.1/24', 'mine'] },
  vmac_xmit_base: {
    text: conf(['use_vmac', 'vmac_xmit_base'], { vips: ['10.0.0.1/24', '10.0.0.2/24 dev eth0'] }),
    vmacs: ['vrrp.51'],
    last: ['10.0.0.2/24', 'vrrp.51'],
  },
  IPv6: {
    text: conf(['use_vmac'], { vips: ['fe80::51/64', '2001:db8::1/64'] }),
    vmacs: ['vrrp.51'],
    last: ['2001:db8::1/64', 'vrrp.51'],
  },
  'VIPs of another device, a virtual router of each family, garp_extra_if': {
    text:
      conf(['use_vmac', 'garp_extra_if all 1', 'virtual_ipaddress_excluded {', '10.1.0.3/24 dev eth1', '}'], {
        vips: ['10.0.0.1/24', '10.1.0.1/24 dev eth1 use_vmac', '10.1.0.2/24 dev eth1 use_vmac'],
      }) + sibling(['use_vmac']),
    vmacs: ['vrrp.51', 'vrrp1.51', 'vrrp6.51'],
    last: ['fe80::51/64', 'vrrp6.51'],
  },
  'a reverse path filter for all': {
    text: conf(['use_vmac']),
    vmacs: ['vrrp.51'],
    last: ['10.0.0.1/24', 'vrrp.51'],
    prepare: 'cd /proc/sys/net/ipv4/conf; echo 1 >all/rp_filter; echo 2 >eth1/rp_filter',
  },
};

describe('as keepalived does it', () => {
  for (const [what, row] of Object.entries(ROWS)) {
    test(
      `${what}: devices, settings, addresses and frames are equal`,
      { timeout: 120_000 },
      steady(async () => {
        const theirs = await observe(row, 'keepalived');
        const ours = await observe(row, 'tandemd');
        assert.deepEqual(ours.backup, theirs.backup);
        assert.deepEqual(ours.master, theirs.master);
        assert.deepEqual([...ours.frames].sort(), [...theirs.frames].sort());
        assert.ok([...ours.frames].some(isAdvertisement) && [...ours.frames].some(isAnnouncement));
        assert.deepEqual(
          [...ours.frames].filter((hex) => !isAdvertisement(hex) && !isAnnouncement(hex)),
          [],
        );
        // Where we differ: what was changed is put back.
        assert.deepEqual(ours.after, ours.before);
      }),
    );
  }
});

async function observe(row: Row, engine: 'keepalived' | 'tandemd') {
  await layCables();
  if (row.prepare !== undefined) sh(row.prepare);
  const before = shared();
  await using capture = await Capture.start();
  place.write(row.text);
  let backup: unknown;
  let master: unknown;
  {
    await using daemon = engine === 'keepalived' ? new Keepalived(place) : place.start(row.text);
    const areUp = (): boolean => macvlans().filter(({ operstate }) => operstate === 'UP').length === row.vmacs.length;
    await until(areUp, () => `${engine} to make ${row.vmacs}: ${vmacs()}`);
    assert.deepEqual([...vmacs()].sort(), row.vmacs);
    backup = picture().links;
    await until(isOn(...row.last), `${engine} to be MASTER`);
    const enough = performance.now() + 2_500;
    await until(() => performance.now() > enough, 'some advertisements');
    master = picture();
    if (!(daemon instanceof Keepalived)) {
      daemon.signal('SIGTERM');
      await until(() => vmacs().length === 0, 'tandemd to let go');
      assert.equal(await daemon.ended, 0);
    }
  }
  assert.deepEqual(vmacs(), []);
  assert.equal(rules(), '');
  return { before, after: shared(), backup, master, frames: capture.frames() };
}
