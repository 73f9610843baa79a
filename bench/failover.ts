/** How long a pair is without a master when the master falls silent: tandemd and keepalived as backup, in turns. */
import { Lab } from '../src/lab/lab.ts';
import type { Advert, LinkEvent, Watch } from '../src/lab/observe.ts';
import { waitFor } from '../src/lab/process.ts';
import { startTandemd, stopTandemd } from '../src/lab/tandemd.ts';
import type { Benchmark, Figure } from './benchmark.ts';

const [MASTER, BACKUP] = ['rtr-core01', 'rtr-core02'] as const;
const SOURCE = { [MASTER]: '192.168.1.11', [BACKUP]: '192.168.1.12' } as const;
const VIP = '192.168.1.1/24';
const ENGINES = ['keepalived', 'tandemd'] as const;
type Engine = (typeof ENGINES)[number];

interface Timing {
  readonly name: string;
  readonly version: 2 | 3;
  readonly seconds: number;
  /** How much later than keepalived tandemd may be, ms: 5 % or 5 ms, whichever is more. */
  readonly laterMax: number;
}

/** Priority 100: 3 x interval + 156/256 of a second (version 2) or of an interval (version 3). */
const TIMINGS: readonly Timing[] = [
  { name: 'v2 1 s', version: 2, seconds: 1, laterMax: 180 },
  { name: 'v3 0.1 s', version: 3, seconds: 0.1, laterMax: 18 },
  { name: 'v3 0.05 s', version: 3, seconds: 0.05, laterMax: 9 },
];
/** Cables pulled a start of a daemon: the start takes longer than a short takeover. */
const CUTS = 3;

const figure = (timing: Timing, engine: Engine, what: string): string => `${timing.name}, ${engine}: ${what}`;
const later = (timing: Timing): string => `${timing.name}: tandemd later than keepalived`;

const figures: readonly Figure[] = TIMINGS.flatMap((timing) => [
  ...ENGINES.flatMap((engine) => [
    { name: figure(timing, engine, 'advert'), unit: 'ms' },
    { name: figure(timing, engine, 'address'), unit: 'ms' },
  ]),
  { name: later(timing), unit: 'ms', limit: timing.laterMax },
]);

export const benchmark: Benchmark = {
  title: 'Failover',
  about: `A lab's pair on one LAN: keepalived is master with priority 200, and its cable is pulled; the backup, priority 100, is
tandemd or keepalived in turns, ${CUTS} times each a run. Measured on the backup with its kernel's own times: from the last
advert that arrived to its own first one, and to its VIP. The protocol's own time is 3.609 s, 0.361 s and 0.180 s.
"Later" is the difference of the two adverts' medians of a run; its limit is 5 %.`,
  figures,
  runs: 5,
  async prepare() {
    const lab = await Lab.up({ init: 'small' });
    return { run: () => run(lab), [Symbol.asyncDispose]: () => lab.down() };
  },
};

async function run(lab: Lab): Promise<Readonly<Record<string, number>>> {
  const found: Record<string, number> = {};
  for (const timing of TIMINGS) {
    await lab.startKeepalived(MASTER, configOf(timing, 200));
    for (const engine of ENGINES) {
      const cuts = await measure(lab, timing, engine);
      found[figure(timing, engine, 'advert')] = median(cuts.map((cut) => cut.advert));
      found[figure(timing, engine, 'address')] = median(cuts.map((cut) => cut.address));
    }
    await lab.stopKeepalived(MASTER);
    const [theirs, ours] = ENGINES.map((engine) => found[figure(timing, engine, 'advert')]!);
    found[later(timing)] = ours! - theirs!;
  }
  return found;
}

interface Cut {
  readonly advert: number;
  readonly address: number;
}

async function measure(lab: Lab, timing: Timing, engine: Engine): Promise<readonly Cut[]> {
  await using adverts = await lab.adverts(BACKUP, 'p3p1');
  await using addresses = await lab.watch(BACKUP);
  const text = configOf(timing, 100);
  await (engine === 'tandemd' ? startTandemd(lab, BACKUP, text) : lab.startKeepalived(BACKUP, text));
  const cuts: Cut[] = [];
  for (let i = 0; i < CUTS; i += 1) cuts.push(await cutOnce(lab, adverts, addresses));
  await (engine === 'tandemd' ? stopTandemd(lab, BACKUP) : lab.stopKeepalived(BACKUP));
  return cuts;
}

async function cutOnce(lab: Lab, adverts: Watch<Advert>, addresses: Watch<LinkEvent>): Promise<Cut> {
  const calm = adverts.events.length;
  // Three in a row of the master's and none of the backup's: the pair has settled.
  await waitFor(() => settled(adverts.events.slice(calm)), { what: 'a settled pair', timeoutMs: 30_000, everyMs: 20 });
  const before = addresses.events.length;
  await lab.unplug(MASTER, 'p3p1');
  const taken = () => addresses.events.slice(before).find(isTaken);
  await waitFor(() => taken() !== undefined && adverts.events.at(-1)?.source === SOURCE[BACKUP], {
    what: 'the takeover',
    timeoutMs: 30_000,
    everyMs: 5,
  });
  const last = adverts.events.findLast(({ source }) => source === SOURCE[MASTER])!;
  const first = adverts.events.find(({ at, source }) => at > last.at && source === SOURCE[BACKUP])!;
  const { at } = taken()!;
  await lab.plug(MASTER, 'p3p1');
  return { advert: first.at - last.at, address: at - last.at };
}

const settled = (events: readonly Advert[]): boolean =>
  events.length >= 3 && events.slice(-3).every(({ source }) => source === SOURCE[MASTER]);

const isTaken = (event: LinkEvent): boolean => event.kind === 'address' && event.address === VIP && event.present;

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

const configOf = ({ version, seconds }: Timing, priority: number): string => `vrrp_instance VI_0 {
    state BACKUP
    interface p3p1
    virtual_router_id 51
    priority ${priority}
    version ${version}
    advert_int ${seconds}
    virtual_ipaddress {
        ${VIP}
    }
}
`;
