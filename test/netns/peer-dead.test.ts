/**
 * The outage that Tandem comes from: VRRP on a direct cable, the peer dies, and the survivor, which sees its own link go
 * dark, gives up. Four ways to die, and the cable cut with both alive; each without and with what `link: direct`
 * renders, on the real keepalived. The router's own clock and the order of events decide, so a slow machine passes.
 */
// needs: kernel keepalived ssh
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, describe, test } from 'node:test';
import { Lab } from '../../src/lab/lab.ts';
import { onPath } from '../../src/lab/machine.ts';
import { type RunResult, run, waitFor } from '../../src/lab/process.ts';
import { labPossible } from '../lab/possible.ts';
import { steady } from '../support/steady.ts';

const directory = mkdtempSync(join(tmpdir(), 'tandem-labs-'));
process.env.TANDEM_LAB_DIR = directory;
after(() => rmSync(directory, { recursive: true, force: true }));

const skip = (await labPossible()) || (onPath('keepalived') ? false : 'keepalived is not installed (npm run setup)');
// Each test waits for timers of keepalived, not for the processor.
const options = { skip, concurrency: 4, timeout: 280_000 };

const VIPS = ['10.1.1.1/24', '192.168.1.1/24'];
const MASTER = 'rtr-core01';
const BACKUP = 'rtr-core02';

/** `tracked`: keepalived's default; `untracked`: the seed's cure; `direct`: what `link: direct` renders. */
type Variant = 'tracked' | 'untracked' | 'direct';
type State = 'MASTER' | 'BACKUP' | 'FAULT';

const ROOT = resolve(import.meta.dirname, '../..');
const PLAN_SAYS = /if only the cable is cut, both routers become MASTER until it is back/;

/** The tree's own pair, whose cable is that of the lab, with another word behind `link:`. */
async function onFleet(link: string, ...command: readonly string[]): Promise<RunResult> {
  const fleet = mkdtempSync(join(directory, `${link}-`));
  for (const folder of ['inventory', 'pairs', 'router-scripts']) {
    cpSync(join(ROOT, folder), join(fleet, folder), { recursive: true });
  }
  const file = join(fleet, 'pairs/core.yaml');
  const text = readFileSync(file, 'utf8');
  assert.match(text, /^ {4}link: direct /m);
  writeFileSync(file, text.replace(/^ {4}link: direct /m, `    link: ${link} `));
  const argv = [process.execPath, join(ROOT, 'src/cli.ts'), '-C', fleet, ...command];
  return run(argv, { env: { ...process.env, CORE_VRRP: 'lab-only' } });
}

/** What `link: direct` renders for a router and `link: switched` does not. */
async function addedByDirect(router: string): Promise<readonly string[]> {
  const [direct = [], switched = []] = await Promise.all(
    ['direct', 'switched'].map(async (link) => {
      const { stdout } = await onFleet(link, 'render', 'core');
      const file = stdout.split(/^==> /m).find((part) => part.startsWith(`${router}:/etc/keepalived/keepalived.conf`));
      const lines = (file ?? '').split('\n').map((line) => line.trim());
      return lines.slice(1).filter((line) => line !== '' && !line.startsWith('#'));
    }),
  );
  assert.ok(switched.includes('interface p4p1') && switched.every((line) => direct.includes(line)));
  return direct.filter((line) => !switched.includes(line));
}

const added = new Map<string, readonly string[]>();
if (!skip) for (const router of [MASTER, BACKUP]) added.set(router, await addedByDirect(router));

function configOf(router: string, variant: Variant): string {
  const options = { tracked: [], untracked: ['dont_track_primary'], direct: added.get(router) ?? [] }[variant];
  return `global_defs {
   router_id ${router}
}
vrrp_instance VI_0 {
    state BACKUP
    interface p4p1
    virtual_router_id 50
    priority ${router === MASTER ? 150 : 50}
    advert_int 1
${options.map((option) => `    ${option}\n`).join('')}    authentication {
        auth_type PASS
        auth_pass lab-only
    }
    virtual_ipaddress {
        192.168.1.1/24 brd 192.168.1.255 dev p3p1 label p3p1:100
        10.1.1.1/24 brd 10.1.1.255 dev p3p2 label p3p2:100
    }
    virtual_routes {
        158.209.0.99/32 via 78.123.65.1 dev p1p1 table main
        0.0.0.0/0 via 91.59.24.131 dev p1p2 table 50
    }
}
`;
}

async function pairUp(variant: Variant): Promise<Lab> {
  const lab = await Lab.up();
  try {
    await Promise.all([MASTER, BACKUP].map((router) => lab.startKeepalived(router, configOf(router, variant))));
    await becomes(lab, MASTER, 'MASTER');
    await becomes(lab, BACKUP, 'BACKUP');
    assert.deepEqual(await vips(lab, MASTER), VIPS);
    assert.deepEqual(await vips(lab, BACKUP), []);
    return lab;
  } catch (cause) {
    await lab.down();
    throw cause;
  }
}

/** States that the daemon logged since its router booted, in order. */
async function states(lab: Lab, router: string): Promise<readonly State[]> {
  const log = await lab.keepalivedLog(router);
  return [...log.matchAll(/\(VI_0\) entering (\w+) state/gi)].map((match) => match[1]?.toUpperCase() as State);
}

async function vips(lab: Lab, router: string): Promise<readonly string[]> {
  const shown = await lab.must(router, ['ip', '-4', '-br', 'address']);
  return VIPS.filter((vip) => shown.includes(` ${vip}`));
}

async function becomes(lab: Lab, router: string, state: State): Promise<void> {
  const holds = state === 'MASTER' ? VIPS : [];
  await waitFor(
    async () => (await states(lab, router)).at(-1) === state && (await vips(lab, router)).join() === holds.join(),
    { what: `${router} to be ${state}`, timeoutMs: 90_000, everyMs: 100 },
  );
}

/** Six seconds: a takeover comes after at most 3 x advert_int + skew = 3.81 s of silence (RFC 3768 section 6.1). */
async function stays(lab: Lab, router: string, state: State): Promise<void> {
  await becomes(lab, router, state);
  const before = await states(lab, router);
  await new Promise((resolve) => setTimeout(resolve, 6_000));
  assert.deepEqual(await states(lab, router), before, `${router} stays ${state}`);
  assert.deepEqual(await vips(lab, router), state === 'MASTER' ? VIPS : []);
}

async function addressGone(lab: Lab, router: string): Promise<void> {
  await waitFor(async () => !(await lab.must(router, ['ip', '-4', 'address', 'show', 'p4p1'])).includes('inet '), {
    what: `p4p1 of ${router} to lose its address`,
    timeoutMs: 90_000,
    everyMs: 100,
  });
}

interface Row {
  readonly variant: Variant;
  readonly ends: State;
}

/** Carrier lost: the daemon ignores its link or it does not. */
const CARRIER: readonly Row[] = [
  { variant: 'tracked', ends: 'FAULT' },
  { variant: 'direct', ends: 'MASTER' },
];
/** The address lost as well: ignoring the link is not enough, the daemon also needs a source address of its own. */
const ADDRESS: readonly Row[] = [
  { variant: 'tracked', ends: 'FAULT' },
  { variant: 'untracked', ends: 'FAULT' },
  { variant: 'direct', ends: 'MASTER' },
];

describe('the peer is dead', options, () => {
  for (const { variant, ends } of CARRIER) {
    test(
      `1 carrier lost, the survivor was backup, ${variant}: ${ends}`,
      steady(async () => {
        await using lab = await pairUp(variant);
        await using watch = await lab.watch(BACKUP);
        await lab.kill(MASTER);
        await stays(lab, BACKUP, ends);
        const events = watch.events;
        const dark = events.findIndex((event) => event.kind === 'link' && event.iface === 'p4p1' && !event.carrier);
        const taken = events.findIndex(
          (event) => event.kind === 'address' && event.address === VIPS[1] && event.present,
        );
        assert.ok(dark >= 0, 'the survivor saw its link go dark');
        assert.equal(taken > dark, ends === 'MASTER', 'VIPs come after the dark, or never');
      }),
    );

    test(
      `1 carrier lost, the survivor was master, ${variant}: ${ends === 'MASTER' ? 'no transition, no VIP gone' : ends}`,
      steady(async () => {
        await using lab = await pairUp(variant);
        await using watch = await lab.watch(MASTER);
        await lab.kill(BACKUP);
        await stays(lab, MASTER, ends);
        const removed = watch.events.filter(
          (event) => event.kind === 'address' && VIPS.includes(event.address) && !event.present,
        );
        assert.equal(removed.length, ends === 'MASTER' ? 0 : VIPS.length);
        if (ends === 'MASTER')
          assert.equal((await states(lab, MASTER)).filter((state) => state === 'MASTER').length, 1);
      }),
    );

    test(
      `3 the survivor boots alone with the link dark, ${variant}: ${ends}`,
      steady(async () => {
        await using lab = await pairUp(variant);
        await lab.kill(MASTER);
        await lab.reboot(BACKUP);
        await stays(lab, BACKUP, ends);
        assert.match(await lab.must(BACKUP, ['ip', '-br', 'address', 'show', 'p4p1']), /10\.255\.0\.2\/30/);
      }),
    );
  }

  for (const { variant, ends } of ADDRESS) {
    test(
      `2 carrier lost and the link's address removed 5 s later, ${variant}: ${ends}`,
      steady(async () => {
        await using lab = await pairUp(variant);
        await lab.kill(MASTER, { flush: true });
        await becomes(lab, BACKUP, variant === 'tracked' ? 'FAULT' : 'MASTER');
        await addressGone(lab, BACKUP);
        await stays(lab, BACKUP, ends);
      }),
    );

    test(
      `4 the survivor boots alone with the link dark and without its address, ${variant}: ${ends}`,
      steady(async () => {
        await using lab = await pairUp(variant);
        await lab.kill(MASTER, { flush: true });
        await lab.reboot(BACKUP);
        await addressGone(lab, BACKUP);
        await stays(lab, BACKUP, ends);
      }),
    );
  }
});

describe('the cable is cut and both routers live: what happens is what the plan said', options, () => {
  test(
    'direct: both are MASTER until it is back, then one again',
    steady(async () => {
      await using lab = await pairUp('direct');
      assert.match((await onFleet('direct', '-F', lab.sshConfig, 'plan')).stderr, PLAN_SAYS);
      await lab.unplug(MASTER, 'p4p1');
      await becomes(lab, BACKUP, 'MASTER');
      await stays(lab, MASTER, 'MASTER');
      assert.deepEqual(await vips(lab, BACKUP), VIPS, 'at the same time');
      await lab.plug(MASTER, 'p4p1');
      await becomes(lab, BACKUP, 'BACKUP');
      await stays(lab, MASTER, 'MASTER');
      assert.equal(
        (await states(lab, MASTER)).filter((state) => state === 'MASTER').length,
        1,
        'the master never moved',
      );
    }),
  );

  test(
    'tracked: both are in FAULT and nobody holds a VIP until it is back, then one is MASTER again',
    steady(async () => {
      await using lab = await pairUp('tracked');
      assert.doesNotMatch((await onFleet('switched', '-F', lab.sshConfig, 'plan')).stderr, PLAN_SAYS);
      await lab.unplug(MASTER, 'p4p1');
      await Promise.all([stays(lab, MASTER, 'FAULT'), stays(lab, BACKUP, 'FAULT')]);
      await lab.plug(MASTER, 'p4p1');
      await becomes(lab, MASTER, 'MASTER');
      await becomes(lab, BACKUP, 'BACKUP');
    }),
  );
});
