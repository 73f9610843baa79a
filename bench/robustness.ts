/** What a daemon does when it is killed, stopped, cut off, flooded, or its clock is set: tandemd and keepalived in turns. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { buildExecutable } from '../scripts/executable.ts';
import { type Advert, type LinkEvent, parseAdvert, parseLinkEvent } from '../src/lab/observe.ts';
import { waitFor } from '../src/lab/process.ts';
import { LinuxKernel } from '../src/linux/linux-kernel.ts';
import { garbage, goodAdvert, vrrpFrame } from '../test/support/garbage.ts';
import { inOwnNetwork } from '../test/support/namespace.ts';
import type { Comparison } from './benchmark.ts';
import { fileOf, TIMINGS, vipAt } from './pair/config.ts';
import { Daemon, ENGINES, type Engine } from './pair/daemon.ts';
import { addressOf, ip, LEG, layNetwork, type Router } from './pair/network.ts';
import { isKept, type Limit, limitTable, median, spread, table } from './pair/table.ts';

const ROUNDS = 3;
const INTERVAL_MS = TIMINGS.fast.intervalMs;
/** The backup's, priority 100: three intervals and 156/256 of one. RFC 9568 section 6.1. */
const DOWN_MS = 361;
/** A takeover by the protocol, with what a busy machine adds. */
const WITHOUT_MS_MAX = DOWN_MS + 100;
const PRIORITY = { MASTER: 200, BACKUP: 100 } as const;
const OTHER_PRIORITY = 150;
/** Of the bridge between the two. */
const PORT: Readonly<Record<Router, string>> = { router: 'to-router', backup: 'to-backup' };
const CARD = `${vipAt(4, 0)}/32`;

type Role = 'MASTER' | 'BACKUP';

interface Trial {
  readonly daemon: Daemon;
  readonly engine: Engine;
  readonly role: Role;
  /** Another one of its kind in its place. */
  again(): Promise<Daemon>;
  setClock(seconds: number): void;
}

interface Scenario {
  readonly name: string;
  readonly role: Role;
  /** Nothing of it may move anybody. */
  readonly calm: boolean;
  readonly run: (trial: Trial) => Promise<void>;
}

const SCENARIOS: readonly Scenario[] = [
  {
    name: 'the MASTER is killed (kill -9) and started again 1 s later',
    role: 'MASTER',
    calm: false,
    async run({ daemon, again }) {
      for (const pid of daemon.processes()) process.kill(pid, 'SIGKILL');
      await pause(1_000);
      await again();
    },
  },
  { name: 'the MASTER is stopped for 5 s (SIGSTOP, SIGCONT)', role: 'MASTER', calm: false, run: stopAndGo },
  { name: 'the BACKUP is stopped for 5 s', role: 'BACKUP', calm: true, run: stopAndGo },
  {
    name: "the MASTER's link flaps 50 times, 50 ms down, 50 ms up",
    role: 'MASTER',
    calm: false,
    async run() {
      for (let i = 0; i < 50; i += 1) {
        for (const way of ['down', 'up']) {
          ip('link', 'set', PORT.router, way);
          await pause(50);
        }
      }
    },
  },
  { name: "the MASTER's clock jumps an hour forward and back", role: 'MASTER', calm: true, run: jump },
  { name: "the BACKUP's clock jumps an hour forward and back", role: 'BACKUP', calm: true, run: jump },
  { name: 'garbage at the MASTER, 10,000 packets a second for 10 s', role: 'MASTER', calm: true, run: flood },
  { name: 'garbage at the BACKUP, 10,000 packets a second for 10 s', role: 'BACKUP', calm: true, run: flood },
];

export const comparison: Comparison = {
  title: 'Robustness',
  about: `A pair on one LAN, version 3 at 0.1 s, one VIP. What is named happens to the router under test, tandemd (the
executable) or keepalived in turns, ${ROUNDS} times each; the other router is keepalived. Where the MASTER is under test it
has priority ${PRIORITY.MASTER}, the BACKUP ${PRIORITY.BACKUP}, the other ${OTHER_PRIORITY}.

**Transitions** are those of the router under test and of the other one. **Without** is the longest time in which nobody
held the VIP, **two** in which both did, by their kernels' notices; a daemon that is dead or stopped cannot give it up.
**Silence** is the longest time between two advertisements at the other router, whoever sent them. **Dropped** are packets
for its VRID that it counted as wrong. CPU and memory are of the router under test, from the beginning to the end of what
happens and at its end. Times in milliseconds: median (least-most). The clock is that of the daemon alone (libfaketime);
the garbage is noise of every length and advertisements that are wrong in one byte, sent to the router under test alone.`,
  async compare({ rounds = ROUNDS }) {
    inOwnNetwork();
    await buildExecutable();
    await layNetwork();
    const rows: string[][] = [];
    const limits: Limit[] = [];
    for (const scenario of SCENARIOS) {
      const by: Record<Engine, Found[]> = { tandemd: [], keepalived: [] };
      for (let round = 0; round < rounds; round += 1) {
        for (const engine of ENGINES) {
          const found = await measure(scenario, engine);
          console.error(`${scenario.name}, ${engine}: ${JSON.stringify(found)}`);
          by[engine].push(found);
        }
      }
      rows.push(...ENGINES.map((engine, i) => rowOf(i === 0 ? scenario.name : '', engine, by[engine])));
      limits.push(...limitsOf(scenario, by.tandemd));
    }
    return { body: [table(HEAD, rows), '## Limits', limitTable(limits)].join('\n\n'), kept: limits.every(isKept) };
  },
};

interface Found {
  readonly transitions: number;
  readonly others: number;
  readonly without: number;
  readonly two: number;
  readonly silence: number;
  readonly cpu: number;
  readonly memory: number;
  /** Packets that it counted as wrong; NaN where it does not say. */
  readonly dropped: number;
}

const HEAD = ['what happens', 'daemon', 'transitions', 'without', 'two', 'silence', 'CPU ms', 'MiB', 'dropped'];

function rowOf(name: string, engine: Engine, all: readonly Found[]): string[] {
  const of = (key: keyof Found): string => spread(all.map((found) => Math.round(found[key])));
  const transitions = `${of('transitions')} / ${of('others')}`;
  return [name, engine, transitions, of('without'), of('two'), of('silence'), of('cpu'), of('memory'), of('dropped')];
}

function limitsOf({ name, calm }: Scenario, all: readonly Found[]): readonly Limit[] {
  const limit = (what: string, key: keyof Found, unit: string, value: number): Limit => ({
    what: `${name}: ${what}`,
    unit,
    value: median(all.map((found) => found[key])),
    limit: value,
  });
  if (!calm) return [limit('without', 'without', 'ms', WITHOUT_MS_MAX)];
  return [limit('transitions', 'transitions', '', 0), limit('silence', 'silence', 'ms', 3 * INTERVAL_MS)];
}

async function measure(scenario: Scenario, engine: Engine): Promise<Found> {
  const { role, run } = scenario;
  using clock = new Clock();
  const start = (): Promise<Daemon> => Daemon.start(engine, 'router', textOf(PRIORITY[role]), clock.environment);
  await using daemons = new AsyncDisposableStack();
  let daemon = daemons.use(await start());
  const other = daemons.use(await Daemon.start('keepalived', 'backup', textOf(OTHER_PRIORITY)));
  const isSettled = (): boolean => {
    const [ours, theirs] = [daemon, other].map((one) => one.states().at(-1));
    return role === 'MASTER' ? ours === 'MASTER' && theirs === 'BACKUP' : ours === 'BACKUP' && theirs === 'MASTER';
  };
  const settle = (): Promise<unknown> => waitFor(isSettled, { what: 'the pair to settle', timeoutMs: 30_000 });
  await settle();
  await daemon.rests();
  await using watch = await Watch.begin();
  const before = { own: daemon.states().length, other: other.states().length, cpu: daemon.cpuMs() };
  const first = daemon;
  const from = Date.now();
  await run({
    daemon,
    engine,
    role,
    setClock: (seconds) => clock.set(seconds),
    again: async () => {
      daemon = daemons.use(await start());
      return daemon;
    },
  });
  await settle();
  await pause(1_000);
  const to = Date.now();
  const isFirst = daemon === first;
  return {
    ...(await watch.sum(from, to)),
    transitions: isFirst ? daemon.states().length - before.own : daemon.states().length,
    others: other.states().length - before.other,
    cpu: daemon.cpuMs() - (isFirst ? before.cpu : 0),
    memory: daemon.residentMiB(),
    dropped: engine === 'tandemd' && isFirst ? droppedBy(daemon) : Number.NaN,
  };
}

/** As the other benchmarks', with one VIP. */
const textOf = (priority: number): string => fileOf({ family: 4, timing: TIMINGS.fast, priority, size: 1 });

async function stopAndGo({ daemon }: Trial): Promise<void> {
  const all = daemon.processes();
  for (const pid of all) process.kill(pid, 'SIGSTOP');
  await pause(5_000);
  for (const pid of all) process.kill(pid, 'SIGCONT');
  await pause(1_000);
}

async function jump({ setClock }: Trial): Promise<void> {
  for (const seconds of [3_600, 0, -3_600, 0]) {
    setClock(seconds);
    await pause(1_000);
  }
}

const FLOOD_MS = 10_000;
const EVERY_MS = 10;
const AT_ONCE = 100;

const SENDER = { source: '10.99.0.9', vip: vipAt(4, 0) };

async function flood(): Promise<void> {
  const advert = goodAdvert(SENDER);
  const kernel = new LinuxKernel();
  await kernel.snapshot();
  const started = performance.now();
  for (let round = 0; performance.now() - started < FLOOD_MS; round += 1) {
    kernel.sendFrames(
      PORT.router,
      Array.from({ length: AT_ONCE }, (_, i) => vrrpFrame(SENDER, garbage(advert, round * AT_ONCE + i), i)),
    );
    await pause(Math.max(0, started + (round + 1) * EVERY_MS - performance.now()));
  }
  await kernel.close();
}

function droppedBy(daemon: Daemon): number {
  const [{ dropped }] = JSON.parse(daemon.ask('counters')).instances as [{ dropped: Record<string, number> }];
  return Object.values(dropped).reduce((sum, count) => sum + count, 0);
}

/** The wall clock of one daemon: libfaketime reads it from a file, each time anew. */
class Clock implements Disposable {
  readonly #directory = mkdtempSync(join(tmpdir(), 'bench-clock-'));
  readonly #file = join(this.#directory, 'clock');
  readonly environment: NodeJS.ProcessEnv;

  constructor() {
    this.set(0);
    const files = execFileSync('dpkg', ['-L', 'libfaketime'], { encoding: 'utf8' });
    this.environment = {
      DONT_FAKE_MONOTONIC: '1',
      FAKETIME_NO_CACHE: '1',
      FAKETIME_TIMESTAMP_FILE: this.#file,
      LD_PRELOAD: /^.*\/libfaketimeMT\.so\.1$/m.exec(files)![0],
    };
  }

  set(seconds: number): void {
    writeFileSync(this.#file, `${seconds < 0 ? '' : '+'}${seconds}\n`);
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true });
  }
}

/** What is held and said, with the kernel's times. */
class Watch implements AsyncDisposable {
  readonly #programs = new AsyncDisposableStack();
  readonly #adverts: Advert[] = [];
  readonly #held: Readonly<Record<Router, LinkEvent[]>> = { router: [], backup: [] };

  static async begin(): Promise<Watch> {
    const watch = new Watch();
    const tcpdump = ['tcpdump', '-Z', 'root', '-i', PORT.backup, '-n', '-tt', '-l', '--immediate-mode', 'ip proto 112'];
    await watch.#read(tcpdump, (line) => {
      const advert = parseAdvert(line);
      if (advert) watch.#adverts.push(advert);
    });
    for (const router of ['router', 'backup'] as const) {
      const monitor = ['ip', 'netns', 'exec', router, 'ip', '-ts', '-o', 'monitor', 'address'];
      await watch.#read(monitor, (line) => {
        const event = parseLinkEvent(line);
        if (event) watch.#held[router].push(event);
      });
    }
    return watch;
  }

  async #read([program = '', ...argv]: readonly string[], take: (line: string) => void): Promise<void> {
    const child = spawn(program, argv, { env: { ...process.env, TZ: 'UTC' }, stdio: ['ignore', 'pipe', 'ignore'] });
    createInterface({ input: child.stdout }).on('line', take);
    const ended = new Promise((done) => child.once('close', done));
    this.#programs.defer(async () => {
      child.kill('SIGTERM');
      await ended;
    });
    await pause(500);
  }

  async sum(from: number, to: number): Promise<Pick<Found, 'without' | 'two' | 'silence'>> {
    await pause(200);
    const own = [addressOf('router', 4), addressOf('backup', 4)];
    const said = this.#adverts.filter(
      ({ at, source, priority }) => isBetween(at) && own.includes(source) && priority > 0,
    );
    function isBetween(at: number): boolean {
      return at >= from && at <= to;
    }
    const times = [from, ...said.map(({ at }) => at), to];
    const { without, two } = this.#holding(from, to);
    return { without, two, silence: Math.max(...times.slice(1).map((at, i) => at - times[i]!)) };
  }

  /** The longest times with nobody and with two. */
  #holding(from: number, to: number): { readonly without: number; readonly two: number } {
    const changes = (['router', 'backup'] as const).flatMap((router) =>
      this.#held[router].flatMap((event) =>
        event.kind === 'address' && event.address === CARD ? [{ at: event.at, router, present: event.present }] : [],
      ),
    );
    const holders = new Set<Router>();
    for (const router of ['router', 'backup'] as const) if (heldAtFirst(router, changes)) holders.add(router);
    const longest = { without: 0, two: 0 };
    let since = from;
    for (const { at, router, present } of [
      ...changes.sort((a, b) => a.at - b.at),
      { at: to, router: null, present: false },
    ]) {
      if (holders.size === 0) longest.without = Math.max(longest.without, at - since);
      if (holders.size === 2) longest.two = Math.max(longest.two, at - since);
      const before = holders.size;
      if (router) holders[present ? 'add' : 'delete'](router);
      if (holders.size !== before) since = at;
    }
    return longest;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#programs.disposeAsync();
  }
}

/** Its first change says the opposite of what was before; without any, what is now was then. */
function heldAtFirst(
  router: Router,
  changes: readonly { readonly router: Router; readonly present: boolean }[],
): boolean {
  const first = changes.find((change) => change.router === router);
  return first ? !first.present : ip('-n', router, '-4', '-o', 'address', 'show', 'dev', LEG).includes(` ${CARD}`);
}

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));
