/** Rules about who is MASTER: priorities, preemption, trackers. */
import { type Case, decidesAnew, hasKeyword, isMasterHere, isTrackKeyword, sideOf } from './case.ts';
import { isDeviceUp, type RoleOutcome, roleOutcome } from './roles.ts';
import { classes, NO_TRANSITION, type Rule } from './rule.ts';

export const ROLE_RULES: readonly Rule[] = [
  {
    id: 'tracker-unknown',
    what: 'a tracked script, file or process whose state is not known',
    classes: classes('failover', 'failover', 'failover'),
    on: 'router',
    reason: 'its state decides at once and is not known',
    transitions: () => ({ count: 1, bound: 'at most' }),
    test: (c) => {
      const tracker = decidesAnew(c);
      return tracker !== undefined && tracker.state === undefined;
    },
  },
  {
    id: 'tracker-fails',
    what: 'a tracked object without weight that fails now',
    classes: classes('failover', 'failover', 'failover'),
    on: 'router',
    reason: 'it fails now: the instance goes to FAULT at once',
    transitions: (c, instance) => (isMasterHere(c, instance) ? { count: 1, bound: 'exactly' } : NO_TRANSITION),
    test: (c) => {
      const tracker = decidesAnew(c);
      return tracker?.weight === 0 && tracker.state === 'down';
    },
  },
  {
    id: 'tracker-passes',
    what: 'a tracked object without weight that passes now',
    classes: classes('hot', 'hot', 'hot'),
    on: 'router',
    reason: 'it passes now',
    test: (c) => decidesAnew(c)?.weight === 0,
  },
  {
    id: 'interface-down-untracked',
    what: 'removal of dont_track_primary while the interface is down',
    classes: classes('failover', 'failover', 'failover'),
    on: 'router',
    reason: 'the interface is down: the instance goes to FAULT at once',
    transitions: (c, instance) => (isMasterHere(c, instance) ? { count: 1, bound: 'exactly' } : NO_TRANSITION),
    test: (c) =>
      c.change.op === 'remove' && hasKeyword(c, 'dont_track_primary') && c.instances.some((i) => isDark(c, i)),
  },
  {
    id: 'tracker-removed-in-fault',
    what: 'removal of a tracked object from an instance in FAULT',
    classes: classes('failover', 'failover', 'failover'),
    on: 'router',
    reason: 'the instance may leave FAULT and take over',
    transitions: () => ({ count: 1, bound: 'at most' }),
    test: (c) =>
      c.change.op === 'remove' &&
      c.change.subject === 'track' &&
      c.instances.some((i) => sideOf(c, i)?.state === 'FAULT'),
  },
  {
    id: 'role-moves',
    what: 'priority order where preemption is on; preemption switched on while the backup outranks the master',
    classes: classes('failover', 'failover', 'failover'),
    on: 'wire',
    reason: 'the backup will outrank the MASTER and preempts',
    // Members of a sync group wait for each other.
    transitions: (c, { name }) => ({
      count: 1,
      bound: c.router.after.vrrp_sync_group.some(({ group }) => group.includes(name)) ? 'at most' : 'exactly',
    }),
    test: (c) => hasOutcome(c, 'moves'),
  },
  {
    id: 'role-together',
    what: 'priorities or preemption that would move the role in either order of the routers',
    classes: classes('sync', 'sync', 'sync'),
    on: 'wire',
    reason: 'whichever router goes first, the backup outranks the MASTER until the other follows',
    test: (c) => hasOutcome(c, 'stays together'),
  },
  {
    id: 'role-master-first',
    what: 'priorities that keep their order in the end, but not if the backup goes first',
    classes: classes('ordered', 'ordered', 'ordered'),
    on: 'wire',
    reason: "the backup's new priority is above the MASTER's old one: the master goes first",
    first: 'master',
    test: (c) => hasOutcome(c, 'stays if the master goes first'),
  },
  {
    id: 'role-backup-first',
    what: 'priorities that keep their order in the end, but not if the master goes first',
    classes: classes('ordered', 'ordered', 'ordered'),
    on: 'wire',
    reason: "the MASTER's new priority is below the backup's old one: the backup goes first",
    first: 'backup',
    test: (c) => hasOutcome(c, 'stays if the backup goes first'),
  },
  {
    id: 'role-stays',
    what: 'priorities that keep the order, nopreempt added, weights that never turn the order',
    classes: classes('hot', 'hot', 'hot'),
    on: 'wire',
    reason: 'the MASTER still outranks the backup, or nobody preempts',
    test: isAboutRoles,
  },
];

/** The interface on which an instance speaks is down on the changed router. */
function isDark(c: Case, instance: Case['instances'][number]): boolean {
  const device = sideOf(c, instance)?.after?.effective.interface;
  return device !== undefined && !isDeviceUp(c.router.facts, device);
}

const hasOutcome = (c: Case, outcome: RoleOutcome): boolean =>
  isAboutRoles(c) && c.instances.some((instance) => roleOutcome(instance, c.pair.routers) === outcome);

function isAboutRoles(c: Case): boolean {
  const { change } = c;
  if (hasKeyword(c, 'priority', 'nopreempt', 'state') || isTrackKeyword(change.keyword)) return true;
  if (change.subject === 'sync_group') return change.keyword === 'sync_group_tracking_weight';
  return decidesAnew(c) !== undefined || change.keyword === 'weight' || change.keyword === 'reverse';
}
