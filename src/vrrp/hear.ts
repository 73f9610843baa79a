/**
 * What an advertisement does to the one who hears it. RFC 9568 section 6.4.2 (Backup) and 6.4.3
 * (Active), with keepalived's options where it has some.
 */
import { compareIps } from '../base/bytes.ts';
import { PRIORITY_OWNER } from './config.ts';
import type { Advertisement } from './packet.ts';
import { type Packet, type Received, receive } from './receive.ts';
import type { TransitionReason } from './state.ts';
import {
  advertise,
  advertiseNow,
  after,
  assessAgain,
  downTimer,
  formersOf,
  leaveActive,
  longestInterval,
  note,
  noteOnce,
  notify,
  setDeadlines,
  skewTimer,
  type Turn,
} from './transitions.ts';

/** keepalived: whoever is in FAULT, or has not begun, does not listen. */
export function hear(turn: Turn, packet: Packet): void {
  const { next } = turn;
  if (next.state === 'Initialize') return;
  const received = receiveEither(turn, packet);
  const { source } = packet;
  const { counters } = next;
  if (received.kind === 'dropped') {
    const { reason } = received;
    next.counters = { ...counters, dropped: { ...counters.dropped, [reason]: (counters.dropped[reason] ?? 0) + 1 } };
    noteOnce(turn, `dropped ${reason}`, { about: 'dropped', reason, source });
    return;
  }
  const { advertisement, differences } = received;
  if (next.state === 'Backup' && advertisement.priority > 0 && next.activeRouter?.text !== source.text) {
    next.activeRouter = source;
    next.told = [];
  }
  let { differed } = counters;
  for (const about of differences) {
    differed = { ...differed, [about]: (differed[about] ?? 0) + 1 };
    noteOnce(turn, about, { about, source });
  }
  const zero = advertisement.priority === 0 ? 1 : 0;
  const priorityZeroReceived = counters.priorityZeroReceived + zero;
  next.counters = { ...counters, received: counters.received + 1, priorityZeroReceived, differed };
  if (zero) note(turn, { about: 'priority-zero', source });
  if (next.state === 'Backup') hearAsBackup(turn, packet, advertisement);
  else hearAsActive(turn, packet, advertisement);
}

/** In the present form, or in one before it that still counts; what is neither is wrong by the present one. */
function receiveEither(turn: Turn, packet: Packet): Received {
  const { config, next } = turn;
  const received = receive(config, next, packet);
  if (received.kind === 'accepted') return received;
  for (const former of formersOf(turn)) {
    const again = receive(former, next, packet);
    if (again.kind === 'accepted') return again;
  }
  return received;
}

/** RFC 9568 section 6.4.2. */
function hearAsBackup(turn: Turn, { source }: Packet, advertisement: Advertisement): void {
  const { config, next } = turn;
  const { priority } = advertisement;
  if (priority === 0) {
    next.takeoverReason = 'priority-zero';
    setDeadlines(turn, { activeDown: skewTimer(turn) });
    return;
  }
  const delayed = config.preemptDelay > 0 && (next.preemptAt === undefined || next.preemptAt > turn.now);
  if (config.preempt && priority < next.priority && !delayed) {
    next.takeoverReason = 'preemption';
    note(turn, { about: 'preempting', source, priority });
    return;
  }
  next.activePriority = priority;
  next.takeoverReason = 'no-advertisement';
  next.wantsActive = false;
  learnInterval(turn, advertisement);
  setDeadlines(turn, { activeDown: downTimer(turn) });
  if (config.preemptDelay > 0) keepPreemptDelay(turn, priority);
}

/** keepalived: the delay starts with the first advertisement of lower priority, and ends with one that is not. */
function keepPreemptDelay(turn: Turn, priority: number): void {
  const { config, next, now } = turn;
  const running = next.preemptAt !== undefined;
  if (running === priority < next.priority) return;
  next.preemptAt = running ? undefined : after(now, config.preemptDelay);
  note(turn, { about: 'preempt-delay', until: next.preemptAt });
}

/** RFC 9568 section 6.4.3. */
function hearAsActive(turn: Turn, { source }: Packet, advertisement: Advertisement): void {
  const { config, next } = turn;
  const { priority } = advertisement;
  if (priority === 0) {
    advertiseNow(turn);
    return;
  }
  const equal = priority === next.priority;
  const address = equal && next.watched.source ? compareIps(source, next.watched.source) : 0;
  if (equal && address === 0) {
    noteOnce(turn, 'own-address', { about: 'own-address', source });
    return;
  }
  if (equal && priority === PRIORITY_OWNER) meetOwner(turn, source);
  if (priority > next.priority || address > 0) {
    if (config.higherPrioritySendAdvert) advertise(turn, next.priority);
    next.activeRouter = source;
    next.activePriority = priority;
    const higher = priority > next.priority;
    giveWay(turn, higher ? 'higher-priority' : 'equal-priority-higher-address', advertisement);
    return;
  }
  note(turn, { about: 'lower-priority', source, priority });
  if (!config.lowerPriorityNoAdvert) advertiseNow(turn);
  announceLowerPriority(turn);
  notify(turn, 'MASTER_RX_LOWER_PRI');
}

/** keepalived from 2.3 on: of two owners the lower address backs off; if it does not, the other takes 254. */
const OWNER_CONFLICTS_MAX = 2;

function meetOwner(turn: Turn, source: Packet['source']): void {
  const { next } = turn;
  noteOnce(turn, 'owner-conflict', { about: 'owner-conflict', source });
  next.ownerConflicts += 1;
  if (next.ownerConflicts < OWNER_CONFLICTS_MAX) return;
  next.basePriority = PRIORITY_OWNER - 1;
  assessAgain(turn);
}

/** Active no more, without priority 0: another router is Active already. */
export function giveWay(turn: Turn, reason: TransitionReason, advertisement?: Advertisement): void {
  leaveActive(turn, { to: 'Backup', reason, farewells: 0, notification: 'BACKUP' });
  if (advertisement) learnInterval(turn, advertisement);
  setDeadlines(turn, { activeDown: downTimer(turn) });
}

/**
 * RFC 9568 section 6.4.2. An interval of 0 would leave no down timer at all: it is not learned. In v2 it is the
 * configured one; of two that count side by side the longer one.
 */
function learnInterval(turn: Turn, { interval: heard }: Advertisement): void {
  const { config, next } = turn;
  const interval = config.version === 2 ? longestInterval(turn) : heard;
  if (interval === 0 || interval === next.activeInterval) return;
  next.activeInterval = interval;
  note(turn, { about: 'interval-learned', interval });
}

/** keepalived: neighbours that believed the other router are told again, now and a little later. */
export function announceLowerPriority(turn: Turn): void {
  const { lowerPriorityRepeat: repeat, lowerPriorityDelay: delay } = turn.config.announce;
  if (repeat === 0) return;
  turn.actions.push({ kind: 'announce', repeat });
  if (delay > 0) setDeadlines(turn, { announceLower: after(turn.now, delay) });
}
