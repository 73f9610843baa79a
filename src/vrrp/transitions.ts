/**
 * The ways from state to state, each with its actions in the order in which they must happen. That order is
 * keepalived's: the advertisement goes out before the addresses come, so that the old Active router lets go of
 * them first; scripts run last. RFC 9568 section 6.4.
 */
import { type Millis, ms } from '../base/units.ts';
import { activeDownInterval, skewTime, type Timing } from '../keepalived/timing.ts';
import { type InstanceConfig, PRIORITY_LEAVING, PRIORITY_OWNER } from './config.ts';
import {
  type Action,
  type Deadlines,
  type Instance,
  NEVER,
  NO_DEADLINES,
  type Note,
  type Notification,
  type State,
  type TransitionReason,
} from './state.ts';
import { assess } from './tracking.ts';

/** One step in the making: `next` is its own copy, so it may be written to. */
export interface Turn {
  readonly config: InstanceConfig;
  readonly now: Millis;
  readonly next: { -readonly [Key in keyof Instance]: Instance[Key] };
  readonly actions: Action[];
}

/** RFC 9568 section 6.4.2: from Backup, or from Initialize for the owner, to Active. */
export function becomeActive(turn: Turn, reason: TransitionReason): void {
  const { config, next, now, actions } = turn;
  const { announce } = config;
  const from = enter(turn, 'Active');
  advertise(turn, next.priority);
  actions.push({ kind: 'transition', from, to: 'Active', reason });
  actions.push({ kind: 'install', what: 'addresses' }, { kind: 'install', what: 'excluded' });
  actions.push({ kind: 'install', what: 'routes' }, { kind: 'install', what: 'rules' });
  actions.push({ kind: 'announce', repeat: announce.repeat });
  next.counters = { ...next.counters, becameActive: next.counters.becameActive + 1 };
  next.activeInterval = config.advertisementInterval;
  next.deadlines = {
    ...NO_DEADLINES,
    advertisement: after(now, advertisementInterval(turn)),
    announceAgain: announce.delay > 0 ? after(now, announce.delay) : NEVER,
    refresh: announce.refresh > 0 ? after(now, announce.refresh) : NEVER,
    elsewhere: announce.elsewhere ? after(now, announce.elsewhere.interval) : NEVER,
  };
  notify(turn, 'MASTER');
}

export interface Leaving {
  readonly to: 'Backup' | 'Initialize';
  readonly reason: TransitionReason;
  /** How many advertisements of priority 0 go out: they make the Backup take over within its skew time. */
  readonly farewells: number;
  readonly notification: Notification;
}

/** RFC 9568 section 6.4.3: from Active. The deadlines are left empty: the caller knows what it waits for. */
export function leaveActive(turn: Turn, { to, reason, farewells, notification }: Leaving): void {
  const { next, actions } = turn;
  const from = enter(turn, to);
  actions.push({ kind: 'transition', from, to, reason });
  for (let i = 0; i < farewells; i += 1) advertise(turn, PRIORITY_LEAVING);
  actions.push({ kind: 'remove', what: 'rules' }, { kind: 'remove', what: 'routes' });
  actions.push({ kind: 'cancel-announcements' });
  actions.push({ kind: 'remove', what: 'addresses' }, { kind: 'remove', what: 'excluded' });
  next.counters = { ...next.counters, releasedActive: next.counters.releasedActive + 1 };
  notify(turn, notification);
}

/** From Initialize to Backup: RFC 9568 section 6.4.1. The local interval counts until another is learned. */
export function becomeBackup(turn: Turn, reason: TransitionReason): void {
  const { config, next } = turn;
  const from = enter(turn, 'Backup');
  turn.actions.push({ kind: 'transition', from, to: 'Backup', reason });
  next.activeInterval = config.advertisementInterval;
  setDeadlines(turn, { activeDown: downTimer(turn) });
  notify(turn, 'BACKUP');
}

/** The owner of the addresses does not wait: RFC 9568 section 6.4.1. Inside a sync group it asks the group. */
export function begin(turn: Turn, reason: TransitionReason): void {
  const { config, next, now } = turn;
  const owner = next.basePriority === PRIORITY_OWNER && config.startState === 'Active';
  if (owner && config.syncGroup === undefined) {
    becomeActive(turn, 'owner');
    return;
  }
  becomeBackup(turn, reason);
  if (owner) setDeadlines(turn, { activeDown: now });
}

export function advertise(turn: Turn, priority: number): void {
  const { next, actions } = turn;
  const zero = priority === PRIORITY_LEAVING ? 1 : 0;
  // The present form first: who understands both must not take the former one for a change back.
  for (const form of [{}, ...formersOf(turn).map((former) => ({ former }))]) {
    const { sent, priorityZeroSent } = next.counters;
    next.counters = { ...next.counters, sent: sent + 1, priorityZeroSent: priorityZeroSent + zero };
    actions.push({ kind: 'advertise', priority, id: sent + 1, ...form });
  }
}

/** How it spoke before, while the peer may not have followed. */
export const formersOf = ({ next, now }: Pick<Turn, 'next' | 'now'>): readonly InstanceConfig[] =>
  next.formers.filter(({ until }) => until > now).map(({ config }) => config);

const intervalsOf = (turn: Turn): readonly Millis[] =>
  [turn.config, ...formersOf(turn)].map((config) => config.advertisementInterval);

/** Advertisement_Interval; while a former speech goes on, the shortest one: no reader may miss any. */
export const advertisementInterval = (turn: Turn): Millis => ms(Math.min(...intervalsOf(turn)));

/** An advertisement out of turn, after which the next one is a whole interval away. */
export function advertiseNow(turn: Turn): void {
  advertise(turn, turn.next.priority);
  setDeadlines(turn, { advertisement: after(turn.now, advertisementInterval(turn)) });
}

export const notify = ({ actions }: Turn, what: Notification): void => {
  actions.push({ kind: 'notify', what });
};

export const note = ({ actions }: Turn, about: Note): void => {
  actions.push({ kind: 'note', note: about });
};

/** Told once until the state or the Active router changes: a wrong packet a second must not fill the log. */
export function noteOnce(turn: Turn, key: string, about: Note): void {
  if (turn.next.told.includes(key)) return;
  turn.next.told = [...turn.next.told, key];
  note(turn, about);
}

export function setDeadlines({ next }: Turn, deadlines: Partial<Deadlines>): void {
  next.deadlines = { ...next.deadlines, ...deadlines };
}

/** When the Active router counts as gone if nothing more is heard of it. */
export const downTimer = (turn: Turn): Millis => after(turn.now, activeDownInterval(timing(turn)));
export const skewTimer = (turn: Turn): Millis => after(turn.now, skewTime(timing(turn)));
export const after = (now: Millis, wait: Millis): Millis => ms(now + wait);

export function timing({ config, next }: { readonly config: InstanceConfig; readonly next: Heard }): Timing {
  return {
    version: config.version,
    priority: next.priority,
    advertInt: next.activeInterval,
    downTimerAdverts: config.downTimerAdverts,
  };
}

/** What a Backup must be ready to wait for. */
export const longestInterval = (turn: Turn): Millis => ms(Math.max(...intervalsOf(turn)));

type Heard = Pick<Instance, 'priority' | 'activeInterval'>;

/** Faults and effective priority. A down timer that runs moves with the skew, as in keepalived; NEVER stays NEVER. */
export function assessAgain(turn: Turn): void {
  const { config, next } = turn;
  const before = timing(turn);
  const { faults, waiting, priority } = assess(config, next.watched, next.basePriority);
  next.faults = faults;
  next.waiting = waiting;
  if (priority === next.priority) return;
  const from = next.priority;
  next.priority = priority;
  note(turn, { about: 'priority', from, priority });
  const moved = activeDownInterval(timing(turn)) - activeDownInterval(before);
  setDeadlines(turn, { activeDown: ms(next.deadlines.activeDown + moved) });
}

function enter({ next }: Turn, to: State): State {
  const from = next.state;
  next.state = to;
  next.deadlines = NO_DEADLINES;
  next.preemptAt = undefined;
  next.wantsActive = false;
  next.takeoverReason = 'no-advertisement';
  next.ownerConflicts = 0;
  next.told = [];
  return from;
}
