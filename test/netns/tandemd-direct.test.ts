/**
 * VRRP on a direct cable, the peer dead or the cable cut, with tandemd on the survivor and the real keepalived on the
 * other router. Without dont_track_primary tandemd does as keepalived does; with it, MASTER is kept or gained, and
 * neither a route that names the cable nor the loss of the cable's own address takes that back, as they do in
 * keepalived (test/netns/peer-dead.test.ts has those rows).
 */
// needs: kernel keepalived
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { Lab } from '../../src/lab/lab.ts';
import { waitFor } from '../../src/lab/process.ts';
import { steady } from '../support/steady.ts';
import { A, B, type Engine, pairImpossible, type RouterName, start, states } from './tandemd-pair.ts';

const directory = mkdtempSync(join(tmpdir(), 'tandem-labs-'));
process.env.TANDEM_LAB_DIR = directory;
after(() => rmSync(directory, { recursive: true, force: true }));
const options = { skip: await pairImpossible(), concurrency: 4, timeout: 280_000 };

const VIPS = ['10.1.1.1/24', '192.168.1.1/24'];
const OWN: Readonly<Record<RouterName, string>> = { [A]: '10.255.0.1', [B]: '10.255.0.2' };

type State = 'MASTER' | 'BACKUP' | 'FAULT';

interface Variant {
  readonly name: string;
  readonly untracked?: true;
  /** mcast_src_ip with the cable's own address. */
  readonly source?: true;
  readonly route?: string;
}

const LAN_ONLY = '158.209.0.99/32 via 78.123.65.1 dev p1p1';
const TRACKED: Variant = { name: 'none of the options' };
const LAN_ROUTE: Variant = {
  name: 'dont_track_primary, a route via the LAN',
  untracked: true,
  route: '158.209.0.99/32 via 192.168.1.50 dev p3p1',
};
const CABLE_ROUTE: Variant = {
  name: 'dont_track_primary, a route that names the cable',
  untracked: true,
  route: '158.209.0.99/32 via PEER dev p4p1',
};
const SUBNET_ROUTE: Variant = {
  name: "dont_track_primary, a route via the cable's subnet",
  untracked: true,
  // keepalived 2.2.7 takes a virtual route without a device only if it is not tracked.
  route: '158.209.0.99/32 via PEER no_track',
};
const SOURCE: Variant = { name: 'dont_track_primary and mcast_src_ip', untracked: true, source: true };

function configOf(router: RouterName, variant: Variant): string {
  return `global_defs {
   router_id ${router}
}
vrrp_instance VI_0 {
    state BACKUP
    interface p4p1
    virtual_router_id 50
    priority ${router === A ? 150 : 50}
    advert_int 1
${variant.untracked ? '    dont_track_primary\n' : ''}${variant.source ? `    mcast_src_ip ${OWN[router]}\n` : ''}    authentication {
        auth_type PASS
        auth_pass lab-only
    }
    virtual_ipaddress {
        192.168.1.1/24 brd 192.168.1.255 dev p3p1 label p3p1:100
        10.1.1.1/24 brd 10.1.1.255 dev p3p2 label p3p2:100
    }
    virtual_routes {
        ${(variant.route ?? LAN_ONLY).replace('PEER', OWN[router === A ? B : A])}
    }
}
`;
}

/** tandemd on the one that is to survive, keepalived on the other. */
async function pairUp(survivor: RouterName, variant: Variant): Promise<Lab> {
  const lab = await Lab.up({ init: 'small' });
  const engines = enginesOf(survivor);
  try {
    await Promise.all([A, B].map((router) => start(lab, router, engines[router], configOf(router, variant))));
    await becomes(lab, A, engines[A], 'MASTER');
    await becomes(lab, B, engines[B], 'BACKUP');
    return lab;
  } catch (cause) {
    await lab.down();
    throw cause;
  }
}

const enginesOf = (survivor: RouterName): Readonly<Record<RouterName, Engine>> => ({
  [A]: survivor === A ? 'tandemd' : 'keepalived',
  [B]: survivor === B ? 'tandemd' : 'keepalived',
});

async function vips(lab: Lab, router: RouterName): Promise<readonly string[]> {
  const shown = await lab.must(router, ['ip', '-4', '-br', 'address']);
  return VIPS.filter((vip) => shown.includes(` ${vip}`));
}

async function becomes(lab: Lab, router: RouterName, engine: Engine, state: State): Promise<void> {
  const held = state === 'MASTER' ? VIPS : [];
  await waitFor(
    async () =>
      (await states(lab, router, engine)).at(-1) === state && (await vips(lab, router)).join() === held.join(),
    { what: `${router} to be ${state}`, timeoutMs: 60_000, everyMs: 100 },
  );
}

/** Six seconds: a takeover comes after at most 3 x advert_int + skew = 3.81 s of silence. RFC 3768 section 6.1. */
async function stays(lab: Lab, router: RouterName, state: State): Promise<void> {
  await becomes(lab, router, 'tandemd', state);
  const before = await states(lab, router, 'tandemd');
  await new Promise((resolve) => setTimeout(resolve, 6_000));
  assert.deepEqual(await states(lab, router, 'tandemd'), before, `${router} stays ${state}`);
  assert.deepEqual(await vips(lab, router), state === 'MASTER' ? VIPS : []);
}

async function addressGone(lab: Lab, router: RouterName): Promise<void> {
  await waitFor(async () => !(await lab.must(router, ['ip', '-4', 'address', 'show', 'p4p1'])).includes('inet '), {
    what: `p4p1 of ${router} to lose its address`,
    timeoutMs: 60_000,
    everyMs: 100,
  });
}

describe('tandemd on a direct cable, its peer dead', options, () => {
  for (const variant of [TRACKED, LAN_ROUTE, CABLE_ROUTE, SUBNET_ROUTE, SOURCE]) {
    const ends = variant.untracked ? 'MASTER' : 'FAULT';

    test(
      `carrier lost, it was backup, ${variant.name}: ${ends}`,
      steady(async () => {
        await using lab = await pairUp(B, variant);
        await lab.kill(A);
        await stays(lab, B, ends);
      }),
    );

    test(
      `carrier lost, it was master, ${variant.name}: ${ends === 'MASTER' ? 'no transition, no VIP gone' : ends}`,
      steady(async () => {
        await using lab = await pairUp(A, variant);
        await using watch = await lab.watch(A);
        await lab.kill(B);
        await stays(lab, A, ends);
        const removed = watch.events.filter(
          (event) => event.kind === 'address' && VIPS.includes(event.address) && !event.present,
        );
        assert.equal(removed.length, ends === 'MASTER' ? 0 : VIPS.length);
      }),
    );
  }

  for (const survivor of [A, B]) {
    for (const variant of [TRACKED, LAN_ROUTE]) {
      const ends = variant.untracked ? 'MASTER' : 'FAULT';
      const was = survivor === A ? 'master' : 'backup';
      test(
        `the cable's device deleted, it was ${was}, ${variant.name}: ${ends}`,
        steady(async () => {
          await using lab = await pairUp(survivor, variant);
          await lab.kill(survivor === A ? B : A);
          await lab.must(survivor, ['ip', 'link', 'delete', 'p4p1']);
          await stays(lab, survivor, ends);
        }),
      );
    }
  }

  for (const variant of [TRACKED, LAN_ROUTE, SOURCE]) {
    const ends = variant.untracked ? 'MASTER' : 'FAULT';
    test(
      `carrier lost and the cable's address removed 5 s later, ${variant.name}: ${ends}`,
      steady(async () => {
        await using lab = await pairUp(B, variant);
        await lab.kill(A, { flush: true });
        await becomes(lab, B, 'tandemd', ends);
        await addressGone(lab, B);
        await stays(lab, B, ends);
      }),
    );
  }

  for (const { variant, ends } of [
    { variant: TRACKED, ends: 'FAULT' },
    // Never told of an address to send from, neither by the file nor by the cable.
    { variant: LAN_ROUTE, ends: 'FAULT' },
    { variant: SOURCE, ends: 'MASTER' },
  ] as const) {
    test(
      `booted alone, the cable dark and without its address, ${variant.name}: ${ends}`,
      steady(async () => {
        await using lab = await pairUp(B, variant);
        await lab.kill(A, { flush: true });
        await lab.reboot(B);
        await addressGone(lab, B);
        await stays(lab, B, ends);
      }),
    );
  }
});

describe('tandemd on a direct cable that is cut while both live', options, () => {
  test(
    'dont_track_primary: both are MASTER until it is back, then the preferred one alone',
    steady(async () => {
      await using lab = await pairUp(B, SOURCE);
      await lab.unplug(A, 'p4p1');
      await stays(lab, B, 'MASTER');
      assert.deepEqual(await vips(lab, A), VIPS, 'at the same time');
      await lab.plug(A, 'p4p1');
      await becomes(lab, B, 'tandemd', 'BACKUP');
      await becomes(lab, A, 'keepalived', 'MASTER');
    }),
  );

  test(
    'none of the options: both are in FAULT until it is back, then one is MASTER again',
    steady(async () => {
      await using lab = await pairUp(B, TRACKED);
      await lab.unplug(A, 'p4p1');
      await stays(lab, B, 'FAULT');
      await becomes(lab, A, 'keepalived', 'FAULT');
      await lab.plug(A, 'p4p1');
      await becomes(lab, A, 'keepalived', 'MASTER');
      await becomes(lab, B, 'tandemd', 'BACKUP');
    }),
  );
});
