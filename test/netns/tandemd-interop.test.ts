/**
 * tandemd and the real keepalived as a pair, each in each role: one master at all times but for the protocol's own
 * window, takeover after a farewell and after silence, hand-back both ways; and their adverts for one file are equal.
 * The routers' own kernels tell when they held an address, so a slow machine moves no limit that matters.
 */
// needs: kernel keepalived tcpdump
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { ms } from '../../src/base/units.ts';
import { activeDownInterval, skewTime } from '../../src/keepalived/timing.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { waitFor } from '../../src/lab/process.ts';
import { stopTandemd } from '../../src/lab/tandemd.ts';
import { steady } from '../support/steady.ts';
import {
  A,
  assertBelow,
  B,
  type Engine,
  holdings,
  holds,
  IPV6,
  letsGo,
  longestOverlap,
  pairImpossible,
  type RouterName,
  start,
  states,
  stop,
  upWithIpv6,
} from './tandemd-pair.ts';

// Lab.up() makes the namespaces.
const directory = mkdtempSync(join(tmpdir(), 'tandem-labs-'));
process.env.TANDEM_LAB_DIR = directory;
after(() => rmSync(directory, { recursive: true, force: true }));
const skip = await pairImpossible();
const options = { skip, concurrency: 4, timeout: 280_000 };

interface Cell {
  readonly name: string;
  readonly family: 4 | 6;
  readonly version: 2 | 3;
  readonly unicast?: true;
  readonly password?: true;
  /** Lines of VMACs. */
  readonly vmac?: readonly string[];
}

const CELLS: readonly Cell[] = [
  { name: 'v2 IPv4 multicast', family: 4, version: 2 },
  { name: 'v2 IPv4 multicast with PASS', family: 4, version: 2, password: true },
  { name: 'v2 IPv4 unicast with PASS', family: 4, version: 2, unicast: true, password: true },
  { name: 'v3 IPv4 multicast', family: 4, version: 3 },
  { name: 'v3 IPv4 unicast', family: 4, version: 3, unicast: true },
  { name: 'v3 IPv6 multicast', family: 6, version: 3 },
  { name: 'v3 IPv6 unicast', family: 6, version: 3, unicast: true },
  { name: 'v2 IPv4 multicast with VMACs', family: 4, version: 2, vmac: ['use_vmac'] },
  { name: 'v3 IPv4 multicast with VMACs', family: 4, version: 3, vmac: ['use_vmac'] },
  {
    name: 'v3 IPv4 multicast with VMACs and vmac_xmit_base',
    family: 4,
    version: 3,
    vmac: ['use_vmac', 'vmac_xmit_base'],
  },
  { name: 'v3 IPv6 multicast with VMACs', family: 6, version: 3, vmac: ['use_vmac'] },
];

const PRIORITY: Readonly<Record<RouterName, number>> = { [A]: 150, [B]: 100 };
const intervalOf = ({ version }: Cell): number => (version === 2 ? 1000 : 300);
const vipOf = ({ family }: Cell): string => (family === 4 ? '192.168.1.1/24' : '2001:db8:1::1/64');

function configOf(cell: Cell, router: RouterName): string {
  const own = ownAddress(cell, router);
  const peer = ownAddress(cell, router === A ? B : A);
  const vips = cell.family === 4 ? [vipOf(cell), '10.1.1.1/24 dev p3p2'] : ['fe80::1/64', vipOf(cell)];
  const lines = [
    'state BACKUP',
    'interface p3p1',
    'virtual_router_id 51',
    `priority ${PRIORITY[router]}`,
    `version ${cell.version}`,
    `advert_int ${intervalOf(cell) / 1000}`,
    ...(cell.vmac ?? []),
    ...(cell.password ? ['authentication {', 'auth_type PASS', 'auth_pass lab-only', '}'] : []),
    ...(cell.unicast ? [`unicast_src_ip ${own}`, 'unicast_peer {', peer, '}'] : []),
    'virtual_ipaddress {',
    ...vips,
    '}',
  ];
  return `vrrp_instance VI_0 {\n${lines.join('\n')}\n}\n`;
}

const ownAddress = ({ family }: Cell, router: RouterName): string =>
  family === 6 ? IPV6[router] : router === A ? '192.168.1.11' : '192.168.1.12';

/** Beside the protocol's own time: processes that start, scripts that watch, two cores for all of it. */
const SLACK_MS = 400;
/**
 * The new master advertises, then takes the addresses; the old one lets go when it has heard it. That they both hold
 * them for as long as a packet takes is the protocol's own window; here it is some milliseconds and the scheduler.
 */
const OVERLAP_MS_MAX = 150;

describe('a pair of tandemd and keepalived', options, () => {
  for (const cell of CELLS) {
    for (const engines of [
      { [A]: 'tandemd', [B]: 'keepalived' },
      { [A]: 'keepalived', [B]: 'tandemd' },
    ] as const) {
      test(
        `${cell.name}, ${engines[A]} preferred: takeover and hand-back, by farewell and by silence`,
        steady(() => exercise(cell, engines)),
      );
    }
  }
});

async function exercise(cell: Cell, engines: Readonly<Record<RouterName, Engine>>): Promise<void> {
  await using lab = await upWithIpv6();
  await using watchA = await lab.watch(A);
  await using watchB = await lab.watch(B);
  const vip = vipOf(cell);
  const [textA, textB] = [configOf(cell, A), configOf(cell, B)];
  const timing = { version: cell.version, priority: PRIORITY[B], advertInt: ms(intervalOf(cell)) };

  await Promise.all([start(lab, A, engines[A], textA), start(lab, B, engines[B], textB)]);
  await holds(watchA, vip, `${engines[A]} to be master`);
  // It hears a farewell from then on, and no sooner.
  const isBackup = async () =>
    (await states(lab, B, engines[B])).at(-1) === 'BACKUP' &&
    holdings(watchB.events, vip).every(({ to }) => to < Number.POSITIVE_INFINITY);
  await waitFor(isBackup, { what: `${engines[B]} to be backup`, timeoutMs: 30_000 });

  await stop(lab, A, engines[A]);
  const left = await letsGo(watchA, vip, `${engines[A]} to let go`);
  const taken = await holds(watchB, vip, `${engines[B]} to take over`);
  assertBelow(taken - left, skewTime(timing) + SLACK_MS, 'takeover after a farewell');

  await start(lab, A, engines[A], textA);
  await holds(watchA, vip, `${engines[A]} to take back`);
  await letsGo(watchB, vip, `${engines[B]} to let go`);

  const cut = Date.now();
  await lab.unplug(A, 'p3p1');
  const silent = await holds(watchB, vip, `${engines[B]} to take over from silence`);
  assertBelow(silent - cut, activeDownInterval(timing) + SLACK_MS, 'takeover from silence');
  await letsGo(watchA, vip, `${engines[A]} to be in FAULT`);
  await lab.plug(A, 'p3p1');
  await holds(watchA, vip, `${engines[A]} to take back after its fault`);
  await letsGo(watchB, vip, `${engines[B]} to let go after the fault`);

  const overlap = longestOverlap(holdings(watchA.events, vip), holdings(watchB.events, vip));
  assertBelow(overlap, OVERLAP_MS_MAX, 'both held the address');
  await stop(lab, B, engines[B]);
  await stop(lab, A, engines[A]);
}

describe('tandemd killed with SIGKILL', options, () => {
  test(
    'keepalived takes over; started again, tandemd first lets go of what it left, then takes back',
    steady(async () => {
      await using lab = await upWithIpv6();
      await using watchA = await lab.watch(A);
      await using watchB = await lab.watch(B);
      const cell = CELLS.find(({ name }) => name === 'v3 IPv4 multicast')!;
      const vip = vipOf(cell);
      await start(lab, A, 'tandemd', configOf(cell, A));
      await holds(watchA, vip, 'tandemd to be master');
      await start(lab, B, 'keepalived', configOf(cell, B));
      await stopTandemd(lab, A, 'KILL');
      const taken = await holds(watchB, vip, 'keepalived to take over');
      await start(lab, A, 'tandemd', configOf(cell, A));
      await waitFor(() => holdings(watchA.events, vip).length === 2, { what: 'the hand-back', timeoutMs: 30_000 });
      await letsGo(watchB, vip, 'keepalived to let go');
      const [left, again] = holdings(watchA.events, vip);
      assert.ok(left!.to > taken && left!.to < again!.from, 'let go at the new start, before it takes back');
      await holds(watchA, vip, 'tandemd to hold it');
    }),
  );
});

describe('the adverts of both for one file', options, () => {
  for (const cell of CELLS) {
    test(`${cell.name}: equal from the MACs on, but for the IP id, which counts up in both`, async () => {
      await using lab = await upWithIpv6();
      const text = configOf(cell, A);
      const [theirs, ours] = [await capture(lab, 'keepalived', text), await capture(lab, 'tandemd', text)];
      assert.ok(theirs.adverts.length >= 2 && ours.adverts.length >= 2);
      assert.deepEqual(new Set(ours.adverts.map(maskId)), new Set(theirs.adverts.map(maskId)));
      for (const { adverts } of [theirs, ours]) if (cell.family === 4) assertIdsCountUp(adverts);
    });
  }
});

/** Whole frames, as hex: what a master sends from its first advert to its farewell. */
async function capture(lab: Lab, engine: Engine, text: string): Promise<{ readonly adverts: readonly string[] }> {
  const command = ['tcpdump', '-Z', 'root', '-i', 'p3p1', '-n', '-l', '-xx', '--immediate-mode', 'proto', '112'];
  const child = lab.spawn(A, command);
  let [shown, said] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    shown += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk;
  });
  const adverts = (): readonly string[] =>
    shown
      .split(/^\d\d:\d\d:\d\d.*$/m)
      .slice(1)
      .map((block) =>
        [...block.matchAll(/^\s+0x[0-9a-f]+:\s+(.*)$/gm)].map((row) => row[1]!.replaceAll(' ', '')).join(''),
      );
  await waitFor(() => said.includes('listening on'), { what: 'tcpdump to listen', timeoutMs: 20_000 });
  await start(lab, A, engine, text);
  await waitFor(() => adverts().length >= 3, { what: `${engine} to advertise`, timeoutMs: 30_000 });
  const before = adverts().length;
  await stop(lab, A, engine);
  await waitFor(() => adverts().length > before, { what: `${engine}'s farewell`, timeoutMs: 10_000 });
  child.kill('SIGINT');
  return { adverts: adverts() };
}

/** IPv4 behind the Ethernet header: identification is bytes 18 and 19, the header's checksum 24 and 25. */
function maskId(hex: string): string {
  if (hex.slice(24, 28) !== '0800') return hex;
  return `${hex.slice(0, 36)}----${hex.slice(40, 48)}----${hex.slice(52)}`;
}

function assertIdsCountUp(adverts: readonly string[]): void {
  const ids = adverts.map((hex) => Number.parseInt(hex.slice(36, 40), 16));
  for (const [i, id] of ids.entries()) if (i > 0) assert.ok(id > ids[i - 1]!, `ids ${ids.join(', ')}`);
}
