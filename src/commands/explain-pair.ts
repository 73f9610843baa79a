/** What a pair's settings mean in seconds and in roles: the answers to "what does advert_int do here?". */
import { formatDuration, type Millis, ms } from '../base/units.ts';
import { VIPS_MAX } from '../inventory/check.ts';
import type { Member, Pair, VrrpIntent } from '../inventory/model.ts';
import { activeDownInterval, skewTime, takeoverTime } from '../keepalived/timing.ts';

/** Durations in milliseconds. */
export interface PairExplanation {
  readonly pair: string;
  readonly members: readonly [string, string];
  readonly instances: readonly InstanceExplanation[];
}

export interface InstanceExplanation {
  readonly name: string;
  readonly virtual_router_id: number;
  readonly version: 2 | 3;
  readonly family: 4 | 6;
  readonly interface: string;
  readonly link: VrrpIntent['link'];
  readonly unicast: boolean;
  readonly advertIntMs: Millis;
  readonly priorities: readonly [number, number];
  readonly preempt: boolean;
  /** Who is MASTER when both routers are well: undefined where whoever has it keeps it. */
  readonly preferred?: string;
  readonly takeovers: readonly Takeover[];
  /** Half the shorter down timer: within it both routers must get a change that they can only make together. */
  readonly togetherMs: Millis;
  readonly vips: { readonly advertised: number; readonly advertisedMax: number; readonly excluded: number };
  readonly routes: number;
}

/** `by` follows when the other router was MASTER and goes. */
export interface Takeover {
  readonly by: string;
  readonly from: string;
  readonly skewMs: Millis;
  readonly downMs: Millis;
  readonly afterDeathMs: { readonly best: Millis; readonly mean: Millis; readonly worst: Millis };
}

export function explainPair({ name, members }: Pair): PairExplanation {
  const [first, second] = members;
  const instances = first.instances.flatMap((own) => {
    const peers = second.instances.find((instance) => instance.name === own.name);
    return peers ? [explainInstance([first, second], [own, peers])] : [];
  });
  return { pair: name, members: [first.name, second.name], instances };
}

function explainInstance(
  [first, second]: readonly [Member, Member],
  [a, b]: readonly [VrrpIntent, VrrpIntent],
): InstanceExplanation {
  const takeovers = [takeover(second, b, first, a), takeover(first, a, second, b)];
  const better = a.priority >= b.priority ? first.name : second.name;
  const advertised = a.vips.filter((vip) => vip.advertised).length;
  return {
    name: a.name,
    virtual_router_id: a.virtual_router_id,
    version: a.version,
    family: a.family,
    interface: a.interface,
    link: a.link,
    unicast: a.unicast !== undefined,
    advertIntMs: a.advert_int,
    priorities: [a.priority, b.priority],
    preempt: a.preempt,
    ...(a.preempt && b.preempt && a.priority !== b.priority ? { preferred: better } : {}),
    takeovers,
    togetherMs: ms(Math.min(...takeovers.map(({ downMs }) => downMs)) / 2),
    vips: { advertised, advertisedMax: VIPS_MAX[a.family], excluded: a.vips.length - advertised },
    routes: a.routes.length,
  };
}

/** The interval that counts is the MASTER's: in version 3 it is learned, in version 2 both are the same. */
function takeover(by: Member, own: VrrpIntent, from: Member, masters: VrrpIntent): Takeover {
  const timing = { version: own.version, priority: own.priority, advertInt: masters.advert_int };
  return {
    by: by.name,
    from: from.name,
    skewMs: skewTime(timing),
    downMs: activeDownInterval(timing),
    afterDeathMs: takeoverTime(timing),
  };
}

const LINKS = { direct: 'a cable to the peer', switched: 'through a switch', routed: 'through routers' } as const;

/** For people: a heading a pair, a block an instance. */
export function formatExplanation(
  { pair, members, instances }: PairExplanation,
  bold: (text: string) => string,
): string {
  const heading = `${bold(pair)}  ${members.join(' and ')}`;
  return [heading, ...instances.map((instance) => formatInstance(instance, members, bold))].join('\n\n');
}

function formatInstance(
  e: InstanceExplanation,
  members: readonly [string, string],
  bold: (text: string) => string,
): string {
  const interval = formatDuration(e.advertIntMs);
  const rows: (readonly [label: string, text: string])[] = [
    ['advert_int', `the MASTER says every ${interval} that it is there; the BACKUP counts the silence`],
    ['roles', roles(e, members)],
    ...e.takeovers.flatMap((t) => takeoverRows(t, interval)),
    ['together', `what both must learn at once has ${rounded(e.togetherMs)} to reach both: half a down timer`],
    ['VIPs', vips(e)],
    ['routes', `${e.routes}, no limit: they are not in the adverts`],
  ];
  const wire = `${e.unicast ? 'unicast' : 'multicast'}, version ${e.version}, IPv${e.family}`;
  const title = `  ${bold(e.name)}  VRID ${e.virtual_router_id} on ${e.interface}, ${LINKS[e.link]}; ${wire}`;
  return [title, ...rows.map(([label, text]) => `    ${label.padEnd(LABEL_WIDTH)}${text}`)].join('\n');
}

const LABEL_WIDTH = 13;

function takeoverRows({ by, from, skewMs, downMs, afterDeathMs }: Takeover, interval: string): [string, string][] {
  const { best, mean, worst } = afterDeathMs;
  return [
    ['takeover', `${by} follows ${rounded(best)} to ${rounded(worst)} after ${from} dies, ${rounded(mean)} on average`],
    [
      '',
      `down timer ${rounded(downMs)} = 3 x ${interval} + skew ${rounded(skewMs)}; after a clean stop: the skew alone`,
    ],
  ];
}

function roles({ priorities, preempt, preferred }: InstanceExplanation, members: readonly [string, string]): string {
  const values = members.map((member, index) => `${member} ${priorities[index]}`).join(', ');
  if (preferred) return `priority ${values}; ${preferred} is MASTER, and takes the VIPs back when it returns`;
  const why = preempt ? 'equal priorities' : 'nopreempt';
  return `priority ${values}; whoever is MASTER stays so until it fails (${why})`;
}

function vips({ vips: { advertised, advertisedMax, excluded } }: InstanceExplanation): string {
  const more = excluded > 0 ? `; ${excluded} more are excluded from the adverts, which has no limit` : '';
  return `${advertised} in the adverts, ${advertisedMax} at most${more}`;
}

/** Milliseconds that people read: to the millisecond below a second, to the hundredth above. */
const rounded = (value: Millis): string =>
  value < 1000 ? `${Math.round(value)}ms` : `${Math.round(value / 10) / 100}s`;
