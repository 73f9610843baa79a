/** Taking 10,000 VIPs and as many routes over, and giving them up: tandemd and keepalived in turns. */
import type { Family } from '../src/base/address.ts';
import { assert } from '../src/base/assert.ts';
import type { Comparison, ComparisonOptions } from './benchmark.ts';
import type { Sight } from './far/orders.ts';
import { longestGap } from './pair/adverts.ts';
import type { Calm } from './pair/calm.ts';
import { fileOf, TIMINGS, type Timing, vipAt } from './pair/config.ts';
import { Daemon, ENGINES, type Engine } from './pair/daemon.ts';
import { FarEnd } from './pair/far-end.ts';
import { type By, type Column, compareCalmly, rowsOf, stands, titled } from './pair/ground.ts';
import { LEG, set, speakerOf } from './pair/network.ts';
import { type Limit, median } from './pair/table.ts';

interface Case {
  readonly title: string;
  readonly family: Family;
  readonly timing: Timing;
  readonly arpIgnore: 0 | 1;
  readonly sizes: readonly number[];
  readonly rounds: (size: number) => number;
  /** Every VIP answers within this time of MASTER, and is silent within it of the release; ms. */
  readonly answersWithin?: number;
}

const rounds = (size: number): number => (size > 1000 ? 3 : 4);
const CASES: readonly Case[] = [
  {
    title: 'IPv4, arp_ignore 0, v3 0.1 s: local routes first',
    family: 4,
    timing: TIMINGS.fast,
    arpIgnore: 0,
    sizes: [20, 1000, 10_000],
    rounds,
    answersWithin: 150,
  },
  {
    title: 'IPv4, arp_ignore 0, v2 1 s',
    family: 4,
    timing: TIMINGS.slow,
    arpIgnore: 0,
    sizes: [10_000],
    rounds: () => 2,
    answersWithin: 150,
  },
  {
    title: 'IPv4, arp_ignore 1, v3 0.1 s: addresses in small batches',
    family: 4,
    timing: TIMINGS.fast,
    arpIgnore: 1,
    sizes: [20, 1000, 10_000],
    rounds,
  },
  { title: 'IPv6, v3 0.1 s', family: 6, timing: TIMINGS.fast, arpIgnore: 0, sizes: [20, 1000], rounds },
];

/** What the other router says; the one under test says 200. */
const OTHER_PRIORITY = 250;
/** Every question again after so long. */
const periodMs = (size: number): number => (size > 100 ? 5 : 2);
/** Nobody has answered for so long: it is over, whatever the machine does. */
const SILENCE_MS = 500;
/** keepalived needs 2 s for 10,000 addresses on a quiet machine. */
const TAKEOVER_MS_MAX = 60_000;
/** Rarely, where the daemon's own work is measured meanwhile. */
const STANDS_EVERY_MS = { taken: 300, released: 100 } as const;

export const comparison: Comparison = {
  title: 'Takeover and release',
  about: `A router with N VIPs (/32, /128) and N routes (/32, /128) on one leg, started anew for each round, tandemd (the
executable) and keepalived in turns. A neighbour advertises in the place of a better router and falls silent: **MASTER**
is the time from that last advertisement to the router's first. The next columns are from there on: the first VIP that
answers ARP (IPv6: a neighbour solicitation), the last of all N, the last of 100 pinged, all announced. **Gap** is the
longest between two advertisements until every address is in and the daemon rests. Then the better router comes back, or
the daemon gets SIGTERM: until the last answer to ARP or ping. Frames are announcements, five for each VIP by default
(\`vrrp_garp_master_delay 0\`: not again after 5 s). CPU is the takeover's, memory what is resident after it.

All by the kernel's times at the neighbour, which asks 100 of the VIPs every 2 to 5 ms, and the others as soon as the one
before or after them answers, until each of the N has answered. Times in milliseconds: median (least-most).`,
  async compare(options) {
    return compareCalmly(async (calm) => {
      const parts: string[] = [];
      const limits: Limit[] = [];
      for (const each of CASES) {
        const found = await compareCase(each, options, calm);
        const rows = found.flatMap(({ size, by }) => rowsOf(`${size}`, COLUMNS, by));
        parts.push(titled(each.title, HEAD, rows));
        limits.push(...found.flatMap((one) => limitsOf(each, one)));
      }
      return { parts, limits };
    });
  },
};

interface Round {
  readonly master: number;
  readonly first: number;
  readonly every: number;
  readonly ping: number;
  readonly announced: number;
  readonly gap: number;
  readonly byPeer: number;
  readonly byTerm: number;
  readonly frames: number;
  readonly cpu: number;
  readonly memory: number;
}

interface Found {
  readonly size: number;
  readonly by: By<Round>;
}

async function compareCase(each: Case, options: ComparisonOptions, calm: Calm): Promise<readonly Found[]> {
  set('router', { [`ipv4/conf/${LEG}/arp_ignore`]: each.arpIgnore });
  const found: Found[] = [];
  for (const size of each.sizes.filter((size) => options.sizes?.includes(size) ?? true)) {
    const by: Record<Engine, Round[]> = { tandemd: [], keepalived: [] };
    for (let round = 0; round < (options.rounds ?? each.rounds(size)); round += 1) {
      for (const engine of ENGINES) {
        const release = round % 2 === 0 ? 'peer' : 'SIGTERM';
        by[engine].push(await calm.measure(() => measure(each, { size, engine, release })));
        console.error(`${each.title}, ${size}, ${engine}: ${JSON.stringify(by[engine].at(-1))}`);
      }
    }
    found.push({ size, by });
  }
  return found;
}

interface RoundOptions {
  readonly size: number;
  readonly engine: Engine;
  readonly release: 'peer' | 'SIGTERM';
}

async function measure({ family, timing }: Case, { size, engine, release }: RoundOptions): Promise<Round> {
  const vips = Array.from({ length: size }, (_, i) => vipAt(family, i));
  await using far = await FarEnd.begin({ family, timing, size, vips, periodMs: periodMs(size) });
  await far.order({ kind: 'advertise', priority: OTHER_PRIORITY });
  await using daemon = await Daemon.start(engine, 'router', fileOf({ family, timing, priority: 200, size }));
  await daemon.rests();
  const cpuBefore = daemon.cpuMs();

  const { answers: early } = await far.order({ kind: 'ask', what: 'missing' });
  assert(early.frames === 0, 'a BACKUP answers for no VIP');
  await far.order({ kind: 'silence' });
  const isServed = ({ answers, replies }: Sight): boolean => answers.addresses === size && replies.addresses > 0;
  await far.sees(`${engine} to serve ${size} VIPs`, isServed, TAKEOVER_MS_MAX);
  await stands(family, size, STANDS_EVERY_MS.taken);
  await daemon.rests();
  const { at, spokeAt, adverts, answers, replies, announcements } = await far.look();
  const source = speakerOf('router', family);
  const master = adverts.find((advert) => advert.source === source)!.at;
  const taken = {
    master: master - spokeAt,
    first: answers.first - master,
    every: answers.allBy - master,
    ping: replies.allBy - master,
    announced: announcements.addresses === size ? announcements.allBy - master : Number.NaN,
    gap: longestGap(adverts, { source, from: master, to: at }),
    frames: announcements.frames,
    cpu: daemon.cpuMs() - cpuBefore,
    memory: daemon.residentMiB(),
  };
  const released = await measureRelease(far, daemon, release);
  await stands(family, 0, STANDS_EVERY_MS.released);
  const [byPeer, byTerm] = release === 'peer' ? [released, Number.NaN] : [Number.NaN, released];
  return { ...taken, byPeer, byTerm };
}

async function measureRelease(far: FarEnd, daemon: Daemon, release: RoundOptions['release']): Promise<number> {
  await far.order({ kind: 'forget' });
  await far.order({ kind: 'ask', what: 'samples' });
  await far.sees(
    'answers before the release',
    ({ answers, replies }) => answers.addresses > 0 && replies.addresses > 0,
  );
  const begun =
    release === 'peer'
      ? (await far.order({ kind: 'advertise', priority: OTHER_PRIORITY })).spokeAt
      : (await far.order({ kind: 'signal', pid: daemon.pid, signal: 'SIGTERM' })).at;
  const isSilent = ({ at, answers, replies }: Sight): boolean => at - Math.max(answers.last, replies.last) > SILENCE_MS;
  await far.sees('silence', isSilent, TAKEOVER_MS_MAX);
  // Every one of them, and not the samples only.
  await far.order({ kind: 'ask', what: 'all' });
  await new Promise((resolve) => setTimeout(resolve, SILENCE_MS));
  const { answers, replies } = await far.sees('silence', isSilent, TAKEOVER_MS_MAX);
  await far.order({ kind: 'ask', what: 'nothing' });
  return Math.max(0, answers.last - begun, replies.last - begun);
}

const COLUMNS: readonly Column<Round>[] = [
  { name: 'MASTER', of: 'master' },
  { name: 'first VIP', of: 'first' },
  { name: 'every VIP', of: 'every' },
  { name: 'ping', of: 'ping' },
  { name: 'announced', of: 'announced' },
  { name: 'gap', of: 'gap' },
  { name: 'released', of: 'byPeer' },
  { name: 'after SIGTERM', of: 'byTerm' },
  { name: 'frames', of: 'frames' },
  { name: 'CPU', of: 'cpu' },
  { name: 'MiB', of: 'memory' },
];
const HEAD = ['N', '', ...COLUMNS.map(({ name }) => name)];

function limitsOf({ title, timing, answersWithin }: Case, { size, by }: Found): readonly Limit[] {
  const limit = (what: string, of: keyof Round, most: number): Limit => {
    const value = median(by.tandemd.map((round) => round[of]));
    return { what: `${title}, ${size}: ${what}`, unit: 'ms', value, limit: most };
  };
  const within = answersWithin ?? Number.POSITIVE_INFINITY;
  const all = [
    limit('longest gap', 'gap', 1.2 * timing.intervalMs),
    limit('every VIP answers', 'every', within),
    limit('silent after a better router came', 'byPeer', within),
    limit('silent after SIGTERM', 'byTerm', within),
  ];
  return all.filter((each) => Number.isFinite(each.limit) && !Number.isNaN(each.value));
}
