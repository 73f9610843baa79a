/**
 * What a virtual router watches, and what that does to it. A tracker without weight decides over fault or not;
 * one with a weight moves the priority: a positive weight is added while it is up, a negative one taken off while
 * it is down; `reverse` turns the sign, and for one without weight the meaning. A tracked file's number is
 * multiplied by its weight; -254 or less is a fault. The result stays within 1 to 254; an owner's 255 never moves.
 * Source: man keepalived.conf (track_interface, track_script, track_file, track_process).
 */
import type { Ip } from '../base/address.ts';
import { type InstanceConfig, PRIORITY_OWNER } from './config.ts';

export type TrackerKind = 'interface' | 'script' | 'file' | 'process';

export interface Tracker {
  readonly kind: TrackerKind;
  readonly name: string;
  readonly weight: number;
  readonly reverse: boolean;
}

/** Up or down; a file's number. */
export type Status = boolean | number;
/** By `trackerKey`. What is not in it has not been heard of yet. */
export type Statuses = Readonly<Record<string, Status>>;

export const trackerKey = ({ kind, name }: Pick<Tracker, 'kind' | 'name'>): string => `${kind} ${name}`;

/** How the rest of its sync group keeps an instance down: another member is at fault, or waits for a first result. */
export type GroupHold = 'none' | 'waiting' | 'fault';

/** What is looked at outside of VRRP. */
export interface Surroundings {
  readonly statuses: Statuses;
  /** The address that advertisements are sent from; absent while there is none. */
  readonly source?: Ip;
  /** Whether that address is on the interface now. */
  readonly sourcePresent: boolean;
}

export interface Watched extends Surroundings {
  readonly groupHold: GroupHold;
}

export interface Assessment {
  /** Why it must not take part, by name; empty: it may. */
  readonly faults: readonly string[];
  /** Scripts without a first result: they keep it from starting, and are no fault. */
  readonly waiting: readonly string[];
  /** The effective priority. */
  readonly priority: number;
}

/** @param base the priority before trackers; the file's, or 254 once an owner has met another owner */
export function assess(config: InstanceConfig, watched: Watched, base: number): Assessment {
  const faults: string[] = [];
  const waiting: string[] = [];
  let total = base;
  if (sourceFault(config, watched)) faults.push('source address');
  for (const tracker of config.trackers) {
    const verdict = judge(tracker, watched.statuses[trackerKey(tracker)]);
    if (verdict === 'fault') faults.push(trackerKey(tracker));
    else if (verdict === 'waiting') waiting.push(trackerKey(tracker));
    else total += verdict;
  }
  if (watched.groupHold === 'fault') faults.push('sync group');
  else if (watched.groupHold === 'waiting') waiting.push('sync group');
  const priority = base === PRIORITY_OWNER ? base : Math.min(Math.max(total, 1), PRIORITY_OWNER - 1);
  return { faults, waiting, priority };
}

/**
 * Under `dont_track_primary` an address that is known, from the file or from before, is enough: a dark link loses
 * its address under some network managers, and that must not undo the keyword.
 */
function sourceFault(config: InstanceConfig, watched: Watched): boolean {
  if (config.source) return config.trackSource && !watched.sourcePresent;
  return config.dontTrackPrimary ? watched.source === undefined : !watched.sourcePresent;
}

/** Below this a file's number times its weight is a fault; above the other it counts no further. */
const FILE_FAULT = -254;
const FILE_MAX = 253;

function judge(tracker: Tracker, status: Status | undefined): 'fault' | 'waiting' | number {
  if (tracker.kind === 'file') return judgeFile(tracker, Number(status ?? 0));
  if (tracker.kind === 'script' && status === undefined) return tracker.weight === 0 ? 'waiting' : 0;
  const up = Boolean(status);
  if (tracker.weight === 0) return up === tracker.reverse ? 'fault' : 0;
  const counts = tracker.weight > 0 ? up : !up;
  return counts ? signed(tracker) : 0;
}

function judgeFile(tracker: Tracker, value: number): 'fault' | number {
  if (tracker.weight === 0) return (value !== 0) !== tracker.reverse ? 'fault' : 0;
  const moved = value * signed(tracker);
  return moved <= FILE_FAULT ? 'fault' : Math.min(moved, FILE_MAX);
}

const signed = ({ weight, reverse }: Tracker): number => (reverse ? -weight : weight);
