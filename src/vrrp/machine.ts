/**
 * The VRRP state machine without I/O: an event at a time goes in, the new state and a list of actions come out.
 * The caller sends packets, touches the kernel and sleeps until `nextDeadline`.
 *
 *   Initialize   startup, no fault          owner: Active; else: Backup with the full down timer
 *   Backup       down timer                 Active; in a sync group only when every member wants it
 *                priority 0                 the down timer becomes the skew time
 *                priority >= ours, or no    the down timer starts again
 *                  preemption, or its delay
 *                lower priority             nothing: the down timer runs on, and ends in preemption
 *   Active       advertisement timer        advertise
 *                priority 0, lower priority advertise at once, stay
 *                higher priority, or equal  Backup
 *                  from a higher address
 *                a VIP taken away           priority 0, Backup with the skew time: back soon, and clean
 *   any          a fault                    Initialize; an Active router says priority 0 first
 *
 * RFC 9568 section 6.4, RFC 3768 section 6.4; where they leave a choice, keepalived's is taken and named. An event
 * that means nothing in a state changes nothing. Packets that wait must be handed in before a timer that is due.
 */
import { type Millis, ms } from '../base/units.ts';
import { skewTime } from '../keepalived/timing.ts';
import { type InstanceConfig, PRIORITY_OWNER } from './config.ts';
import { announceLowerPriority, giveWay, hear } from './hear.ts';
import { takeConfiguration } from './reconfigure.ts';
import { type Action, type Event, type Instance, NEVER, NO_DEADLINES } from './state.ts';
import { assess, type Watched } from './tracking.ts';
import {
  advertise,
  advertisementInterval,
  after,
  assessAgain,
  becomeActive,
  begin,
  downTimer,
  leaveActive,
  note,
  notify,
  setDeadlines,
  skewTimer,
  type Turn,
  timing,
} from './transitions.ts';

export interface Step {
  readonly instance: Instance;
  /** In the order in which they must happen. */
  readonly actions: readonly Action[];
}

/** @param now on any clock that never goes back; it is compared with the deadlines only */
export function step(config: InstanceConfig, instance: Instance, event: Event, now: Millis): Step {
  const turn: Turn = { config, now, next: { ...instance }, actions: [] };
  switch (event.kind) {
    case 'startup':
      startUp(turn, event.heldBack === true);
      break;
    case 'packet':
      hear(turn, event.packet);
      break;
    case 'timer':
      expire(turn);
      break;
    case 'tracked':
      watch(turn, { statuses: { ...instance.watched.statuses, [event.tracker]: event.status } });
      break;
    case 'source':
      watch(turn, {
        sourcePresent: event.source !== undefined,
        ...(event.source && !config.source && { source: event.source }),
      });
      break;
    case 'group-hold':
      watch(turn, { groupHold: event.hold });
      break;
    case 'group-active':
      if (turn.next.state === 'Backup') becomeActive(turn, turn.next.takeoverReason);
      break;
    case 'group-backup':
      if (turn.next.state === 'Active') giveWay(turn, 'sync-group');
      break;
    case 'group-lower-priority':
      if (turn.next.state === 'Active') announceLowerPriority(turn);
      break;
    case 'removed':
      if (turn.next.state === 'Active') loseOwned(turn, event.what);
      break;
    case 'configured':
      reconfigure(turn, event);
      break;
    case 'forget':
      turn.next.formers = [];
      break;
    case 'shutdown':
      shutDown(turn, event.deleted ? 'DELETED' : 'STOP');
      break;
  }
  return { instance: turn.next, actions: turn.actions };
}

/** RFC 9568 section 6.4.1. */
function startUp(turn: Turn, heldBack: boolean): void {
  const { config, next } = turn;
  if (next.running) return;
  next.running = true;
  if (next.faults.length > 0) {
    enterFault(turn);
    return;
  }
  if (next.waiting.length > 0) return;
  begin(turn, 'startup');
  next.wantsActive = config.syncGroup !== undefined && config.startState === 'Active';
  // keepalived lets a MASTER that its group holds back ask again after one advertisement and the shortest skew.
  if (!heldBack) return;
  const shortest = skewTime({ ...timing(turn), priority: PRIORITY_OWNER });
  setDeadlines(turn, { activeDown: ms(turn.now + config.advertisementInterval + shortest) });
}

function expire(turn: Turn): void {
  const { config, next, now, actions } = turn;
  const { announce } = config;
  const due = next.deadlines;
  if (due.activeDown <= now) {
    if (config.syncGroup === undefined) {
      becomeActive(turn, next.takeoverReason);
      return;
    }
    next.wantsActive = true;
    setDeadlines(turn, { activeDown: downTimer(turn) });
    return;
  }
  if (due.advertisement <= now) {
    advertise(turn, next.priority);
    setDeadlines(turn, { advertisement: tick(due.advertisement, advertisementInterval(turn), now) });
  }
  if (due.announceAgain <= now) {
    actions.push({ kind: 'announce', repeat: announce.repeat });
    setDeadlines(turn, { announceAgain: NEVER });
  }
  if (due.announceLower <= now) {
    actions.push({ kind: 'announce', repeat: announce.lowerPriorityRepeat });
    setDeadlines(turn, { announceLower: NEVER });
  }
  if (due.refresh <= now) {
    actions.push({ kind: 'announce', repeat: announce.refreshRepeat });
    setDeadlines(turn, { refresh: tick(due.refresh, announce.refresh, now) });
  }
  if (due.elsewhere <= now && announce.elsewhere) {
    actions.push({ kind: 'announce-elsewhere' });
    setDeadlines(turn, { elsewhere: tick(due.elsewhere, announce.elsewhere.interval, now) });
  }
}

/** The next of a regular series: without drift, and after a stall once instead of for every one missed. */
function tick(due: Millis, interval: Millis, now: Millis): Millis {
  return due + interval > now ? after(due, interval) : after(now, interval);
}

function watch(turn: Turn, change: Partial<Watched>): void {
  const { next } = turn;
  next.watched = { ...next.watched, ...change };
  if (!next.running) {
    Object.assign(next, assess(turn.config, next.watched, next.basePriority));
    return;
  }
  const wasFaulty = next.faults.length > 0;
  assessAgain(turn);
  followFaults(turn, wasFaulty);
}

/** To and from FAULT, as what is watched asks for it. */
function followFaults(turn: Turn, wasFaulty: boolean): void {
  const { next } = turn;
  const faulty = next.faults.length > 0;
  if (faulty && !(wasFaulty && next.state === 'Initialize')) {
    enterFault(turn);
    return;
  }
  if (next.state === 'Initialize' && !faulty && next.waiting.length === 0) leaveFault(turn);
}

/** An Active router says priority 0 twice, as keepalived does: one of them may be lost. A group's followers once. */
function enterFault(turn: Turn): void {
  const { next } = turn;
  note(turn, { about: 'faults', faults: next.faults });
  const own = next.faults.some((fault) => fault !== 'sync group');
  if (next.state === 'Active') {
    const reason = own ? 'fault' : 'sync-group';
    leaveActive(turn, { to: 'Initialize', reason, farewells: own ? 2 : 1, notification: 'FAULT' });
    return;
  }
  turn.actions.push({ kind: 'transition', from: next.state, to: 'Initialize', reason: own ? 'fault' : 'sync-group' });
  next.state = 'Initialize';
  next.deadlines = NO_DEADLINES;
  next.wantsActive = false;
  notify(turn, 'FAULT');
}

function leaveFault(turn: Turn): void {
  begin(turn, 'fault-cleared');
  if (turn.config.peers) turn.actions.push({ kind: 'announce-source' });
}

/** keepalived does not put it back: it hands over cleanly and, with only the skew to wait, soon has all again. */
function loseOwned(turn: Turn, what: string): void {
  note(turn, { about: 'removed', what });
  leaveActive(turn, { to: 'Backup', reason: 'removed-by-someone-else', farewells: 1, notification: 'BACKUP' });
  setDeadlines(turn, { activeDown: skewTimer(turn) });
}

/** What the new configuration makes a fault, or none, counts as when it happens to a running one. */
function reconfigure(turn: Turn, event: Extract<Event, { readonly kind: 'configured' }>): void {
  const faulty = turn.next.faults.length > 0;
  takeConfiguration(turn, event);
  if (turn.next.running) followFaults(turn, faulty);
}

/** RFC 9568 sections 6.4.2 and 6.4.3: the Shutdown event. */
function shutDown(turn: Turn, notification: 'STOP' | 'DELETED'): void {
  const { next } = turn;
  if (!next.running) return;
  next.running = false;
  if (next.state === 'Active') {
    leaveActive(turn, { to: 'Initialize', reason: 'shutdown', farewells: 1, notification });
    return;
  }
  if (next.state !== 'Initialize') {
    turn.actions.push({ kind: 'transition', from: next.state, to: 'Initialize', reason: 'shutdown' });
  }
  next.state = 'Initialize';
  next.deadlines = NO_DEADLINES;
  notify(turn, notification);
}
