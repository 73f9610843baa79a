/** One VIP and one route more in a MASTER that has 10,000: tandemd and keepalived in turns. */
import { waitFor } from '../src/lab/process.ts';
import type { Comparison, ComparisonOptions } from './benchmark.ts';
import { longestGap } from './pair/adverts.ts';
import type { Calm } from './pair/calm.ts';
import { fileOf, TIMINGS, type Timing, vipAt } from './pair/config.ts';
import { Daemon, ENGINES, type Engine } from './pair/daemon.ts';
import { FarEnd } from './pair/far-end.ts';
import { type By, type Column, compareCalmly, rowsOf, stands, titled } from './pair/ground.ts';
import { speakerOf } from './pair/network.ts';
import { type Limit, median } from './pair/table.ts';

const SIZES = [20, 1000, 10_000];
const roundsOf = (size: number): number => (size > 1000 ? 3 : 5);
const MASTER_PRIORITY = 200;
const BACKUP_PRIORITY = 100;
/** keepalived's backup may take over meanwhile, and give everything back: 5 s on a quiet machine. */
const SETTLE_MS_MAX = 60_000;
/** A look at 10,000 takes some 50 ms. */
const STANDS_EVERY_MS = 200;

export const comparison: Comparison = {
  title: 'Hot reload',
  about: `A MASTER with N VIPs (/32) and N routes on one leg gets one VIP and one route more in its file, and a SIGHUP; it is
started anew for each round, tandemd (the executable) and keepalived in turns. Its backup is keepalived with the file
from before, and takes over when it hears nothing for three intervals. The first 20 VIPs are in the advertisements, the
others in \`virtual_ipaddress_excluded\`, and so is the new one; "advertised" adds one to the advertisements
(the backup has \`vrrp_skip_check_adv_addr\`, without which keepalived 2.2.7 believes only a list like its own).

From the signal to the first answer to ARP and to ping, asked every millisecond, by the kernel's times at a neighbour.
**Gap** is the longest between two advertisements, from the last before the signal until the daemon rests.
**Transitions** are those of the router and of its backup. Frames are announcements, CPU is the reload's,
memory what is resident after it. Times in milliseconds: median (least-most).`,
  async compare(options) {
    return compareCalmly(async (calm) => {
      const parts: string[] = [];
      const limits: Limit[] = [];
      for (const timing of [TIMINGS.slow, TIMINGS.fast]) {
        const found = await compareTiming(timing, options, calm);
        const rows = found.flatMap((one) => rowsOf(nameOf(one), COLUMNS, one.by));
        parts.push(titled(timing.name, HEAD, rows));
        limits.push(...found.flatMap((one) => limitsOf(timing, one)));
      }
      return { parts, limits };
    });
  },
};

interface Reload {
  readonly arp: number;
  readonly ping: number;
  readonly gap: number;
  readonly transitions: number;
  readonly backups: number;
  readonly frames: number;
  readonly cpu: number;
  readonly memory: number;
}

type Kind = 'excluded' | 'advertised';

interface Found {
  readonly size: number;
  readonly kind: Kind;
  readonly by: By<Reload>;
}

async function compareTiming(timing: Timing, options: ComparisonOptions, calm: Calm): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const size of SIZES.filter((each) => options.sizes?.includes(each) ?? true)) {
    const kinds: readonly Kind[] = size === SIZES[0] ? ['excluded', 'advertised'] : ['excluded'];
    const by = kinds.map((): Record<Engine, Reload[]> => ({ tandemd: [], keepalived: [] }));
    for (let round = 0; round < (options.rounds ?? roundsOf(size)); round += 1) {
      for (const engine of ENGINES) {
        const reloads = await calm.measure(() => measure({ timing, size, engine, kinds }));
        for (const [i, reload] of reloads.entries()) by[i]![engine].push(reload);
        console.error(`${timing.name}, ${size}, ${engine}: ${JSON.stringify(reloads)}`);
      }
    }
    found.push(...kinds.map((kind, i) => ({ size, kind, by: by[i]! })));
  }
  return found;
}

interface Setting {
  readonly timing: Timing;
  readonly size: number;
  readonly engine: Engine;
  /** Reloads in a row of one pair. */
  readonly kinds: readonly Kind[];
}

async function measure(setting: Setting): Promise<readonly Reload[]> {
  const { timing, size, engine, kinds } = setting;
  const file = { family: 4, timing, size } as const;
  await using daemon = await Daemon.start(engine, 'router', fileOf({ ...file, priority: MASTER_PRIORITY }));
  await becomesMaster(daemon, setting);
  const backupFile = fileOf({ ...file, priority: BACKUP_PRIORITY, isBelieving: true });
  const backup = await Daemon.start('keepalived', 'backup', backupFile);
  await backup.rests();

  const reloads: Reload[] = [];
  for (const [i] of kinds.entries()) {
    const more = { excluded: 1, advertised: i };
    daemon.write(fileOf({ ...file, priority: MASTER_PRIORITY, more }));
    reloads.push(await measureReload({ daemon, backup }, setting, size + i));
  }
  await backup[Symbol.asyncDispose]();
  process.kill(daemon.pid, 'SIGTERM');
  await stands(4, 0, STANDS_EVERY_MS);
  return reloads;
}

const prober = ({ timing, size }: Setting, fresh: number): Promise<FarEnd> =>
  FarEnd.begin({ family: 4, timing, size, vips: [vipAt(4, fresh)], periodMs: 1 });

/** At once: another router says that it leaves. */
async function becomesMaster(daemon: Daemon, setting: Setting): Promise<void> {
  await using far = await prober(setting, 0);
  await far.order({ kind: 'advertise', priority: 0 });
  await far.order({ kind: 'silence' });
  await stands(4, setting.size, STANDS_EVERY_MS);
  await daemon.rests();
}

interface Pair {
  readonly daemon: Daemon;
  readonly backup: Daemon;
}

/** @param fresh the place of the VIP that is new in the file */
async function measureReload({ daemon, backup }: Pair, setting: Setting, fresh: number): Promise<Reload> {
  await using far = await prober(setting, fresh);
  const source = speakerOf('router', 4);
  const { adverts: calm } = await far.sees('an advertisement', ({ adverts }) => adverts.length > 0);
  const before = { cpu: daemon.cpuMs(), states: daemon.states().length, backups: backup.states().length };
  await far.order({ kind: 'ask', what: 'missing' });
  const { at: signalled } = await far.order({ kind: 'signal', pid: daemon.pid, signal: 'SIGHUP' });
  await far.sees('the new VIP', ({ answers, replies }) => answers.frames > 0 && replies.frames > 0, SETTLE_MS_MAX);
  await stands(4, fresh + 1, STANDS_EVERY_MS);
  await daemon.rests();
  const cpu = daemon.cpuMs() - before.cpu;
  const roles = (): boolean => daemon.states().at(-1) === 'MASTER' && backup.states().at(-1) === 'BACKUP';
  await waitFor(roles, { what: 'the pair to have its roles again', timeoutMs: SETTLE_MS_MAX });
  const rested = Date.now();
  const heard = await far.sees('another advertisement', ({ adverts }) => adverts.at(-1)!.at > rested);
  const from =
    heard.adverts.findLast((advert) => advert.source === source && advert.at <= signalled)?.at ?? calm[0]!.at;
  return {
    arp: heard.answers.first - signalled,
    ping: heard.replies.first - signalled,
    gap: longestGap(heard.adverts, { source, from, to: heard.adverts.at(-1)!.at }),
    transitions: daemon.states().length - before.states,
    backups: backup.states().length - before.backups,
    frames: heard.announcements.frames,
    cpu,
    memory: daemon.residentMiB(),
  };
}

const COLUMNS: readonly Column<Reload>[] = [
  { name: 'ARP', of: 'arp' },
  { name: 'ping', of: 'ping' },
  { name: 'gap', of: 'gap' },
  { name: 'transitions', of: 'transitions' },
  { name: "backup's", of: 'backups' },
  { name: 'frames', of: 'frames' },
  { name: 'CPU', of: 'cpu' },
  { name: 'MiB', of: 'memory' },
];
const HEAD = ['N', '', ...COLUMNS.map(({ name }) => name)];

const nameOf = ({ size, kind }: Found): string => (kind === 'advertised' ? `${size}, advertised` : `${size}`);

/** How much later than keepalived the new VIP may answer: with few there is little to gain, ms. */
const LATER_MAX = 5;

function limitsOf(timing: Timing, found: Found): readonly Limit[] {
  const { tandemd, keepalived } = found.by;
  const name = `${timing.name}, ${nameOf(found)}`;
  const worst = (of: keyof Reload): number => Math.max(...tandemd.map((reload) => reload[of]));
  const theirs = median(keepalived.map(({ arp }) => arp));
  const most = found.size === SIZES[0] ? theirs + LATER_MAX : theirs;
  return [
    { what: `${name}: the new VIP answers`, unit: 'ms', value: median(tandemd.map(({ arp }) => arp)), limit: most },
    {
      what: `${name}: longest gap`,
      unit: 'ms',
      value: median(tandemd.map(({ gap }) => gap)),
      limit: 1.2 * timing.intervalMs,
    },
    { what: `${name}: transitions, at most`, unit: '', value: worst('transitions') + worst('backups'), limit: 0 },
  ];
}
