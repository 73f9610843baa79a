/**
 * Who is MASTER while a pair goes from the old configuration to the new one, one router after the other.
 * A BACKUP that preempts takes over as soon as its priority is above the MASTER's; equal priorities keep the order.
 */
import type { Config, Track } from '../keepalived/model.ts';
import { other, type PairInstance, type Place, type RouterContext, type Side } from './context.ts';
import type { Facts } from './impact-model.ts';

/** What the change of priorities and preemption does to the one who is MASTER now. */
export type RoleOutcome =
  | 'stays'
  | 'stays if the backup goes first'
  | 'stays if the master goes first'
  | 'stays together'
  | 'moves';

export function roleOutcome(instance: PairInstance, routers: readonly [RouterContext, RouterContext]): RoleOutcome {
  const { master } = instance;
  if (master === undefined) return 'stays';
  const backup = other(master);
  const takesOver = (masterIs: 'before' | 'after', backupIs: 'before' | 'after'): boolean => {
    const m = rank(instance.sides[master], masterIs, routers[master].facts);
    const b = rank(instance.sides[backup], backupIs, routers[backup].facts);
    return m !== undefined && b?.preempts === true && b.priority > m.priority;
  };
  if (takesOver('after', 'after')) return 'moves';
  const backupFirst = takesOver('before', 'after');
  const masterFirst = takesOver('after', 'before');
  if (backupFirst && masterFirst) return 'stays together';
  if (backupFirst) return 'stays if the master goes first';
  return masterFirst ? 'stays if the backup goes first' : 'stays';
}

/** Whether the router would take the role back from its peer, once it is a BACKUP with its new configuration. */
export function returns(
  instance: PairInstance,
  place: Place,
  routers: readonly [RouterContext, RouterContext],
): boolean {
  const own = rank(instance.sides[place], 'after', routers[place].facts);
  const peer = rank(instance.sides[other(place)], 'after', routers[other(place)].facts);
  return own?.preempts === true && own.priority > (peer?.priority ?? 0);
}

interface Rank {
  readonly priority: number;
  readonly preempts: boolean;
}

function rank(side: Side | undefined, which: 'before' | 'after', facts: Facts): Rank | undefined {
  const at = side?.[which];
  if (!at) return undefined;
  const { preempts, priority } = at.effective;
  return { preempts, priority: priority === 255 ? 255 : weighed(priority, at.config, at.instance.name, facts) };
}

/** The priority with its weighted trackers, 1 to 254. A tracker whose state is not known counts as up. */
function weighed(priority: number, config: Config, name: string, facts: Facts): number {
  const group = config.vrrp_sync_group.find((g) => g.group.includes(name));
  if (group && !group.sync_group_tracking_weight) return priority;
  const instance = config.vrrp_instance.find((i) => i.name === name);
  const sum = TRACK_KEYWORDS.flatMap((keyword) =>
    [...(instance?.[keyword] ?? []), ...(group?.[keyword] ?? [])].map((track) => {
      const weight = weightOf(config, keyword, track);
      const up = (trackerState(facts, keyword, track.name) ?? 'up') === 'up';
      const counts = up === weight > 0;
      return counts ? weight : 0;
    }),
  ).reduce((a, b) => a + b, 0);
  return Math.min(254, Math.max(1, priority + sum));
}

export const TRACK_KEYWORDS = ['track_interface', 'track_script', 'track_file', 'track_process', 'track_bfd'] as const;
export type TrackKeyword = (typeof TRACK_KEYWORDS)[number];

const DEFINITIONS = { track_script: 'vrrp_script', track_file: 'track_file', track_process: 'track_process' } as const;

/**
 * The weight given here, else the definition's; 0 means that the tracker alone decides about FAULT. A reversed one
 * counts the other way round.
 */
export function weightOf(config: Config, keyword: TrackKeyword, track: Track): number {
  const definition =
    keyword in DEFINITIONS
      ? config[DEFINITIONS[keyword as keyof typeof DEFINITIONS]].find((d) => d.name === track.name)
      : undefined;
  const weight = track.weight ?? definition?.weight ?? (keyword === 'track_file' ? 1 : 0);
  return (track.reverse ?? definition?.reverse) ? -weight : weight;
}

/** What a tracked object says now; undefined where it is not known. An interface must be up with its carrier. */
export function trackerState(facts: Facts, keyword: TrackKeyword, name: string): 'up' | 'down' | undefined {
  return keyword === 'track_interface' ? (isDeviceUp(facts, name) ? 'up' : 'down') : facts.trackers?.[name];
}

export function isDeviceUp(facts: Facts, name: string): boolean {
  const device = facts.interfaces.find((i) => i.name === name);
  return device?.up === true && device.carrier;
}
