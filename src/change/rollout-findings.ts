/** What comes with a rollout as a whole, beside the single changes. */
import { assert } from '../base/assert.ts';
import type { Config } from '../keepalived/model.ts';
import { skewTime } from '../keepalived/timing.ts';
import { putAhead } from './ahead.ts';
import type { Change } from './change.ts';
import { other, type PairContext, type PairInstance, type Place, type RouterContext } from './context.ts';
import type { Finding, PairInput, Transitions } from './impact-model.ts';
import { anyOrder, downTimer, type Wish } from './order.ts';
import { returns } from './roles.ts';
import { classes, NO_TRANSITION, type Rule } from './rule.ts';

/** These have no test in a row: the code below finds them. */
export const ROLLOUT_RULES: readonly Pick<Rule, 'id' | 'what' | 'classes' | 'reason'>[] = [
  {
    id: 'bring-up',
    what: 'a router that runs no VRRP yet (apart: bring-up)',
    classes: classes('hot', 'hot', 'hot'),
    reason: 'VRRP starts here: nothing runs that could be disturbed',
  },
  {
    id: 'bring-up-above',
    what: 'a router that runs no VRRP yet and outranks the one that does (apart: bring-up)',
    classes: classes('failover', 'failover', 'failover'),
    reason: 'VRRP starts here and outranks the other router, which is MASTER now',
  },
  {
    id: 'engine',
    what: 'another engine on a router that is MASTER (apart: engine)',
    classes: classes('failover', 'failover', 'failover'),
    reason: 'the old daemon is stopped when the new one is ready, and its peer serves meanwhile',
  },
  {
    id: 'engine-on-backup',
    what: 'another engine on a router that is only BACKUP (apart: engine)',
    classes: classes('hot', 'hot', 'hot'),
    reason: 'the old daemon is stopped when the new one is ready; it holds nothing',
  },
  {
    id: 'restart',
    what: 'a restart or an upgrade of the daemon on a router that is MASTER',
    classes: classes('failover', 'failover', 'failover'),
    reason: 'a daemon that stops releases everything, and its peer serves meanwhile',
  },
  {
    id: 'restart-of-backup',
    what: 'a restart or an upgrade of the daemon on a router that is only BACKUP',
    classes: classes('hot', 'hot', 'hot'),
    reason: 'it holds nothing',
  },
  {
    id: 'reload-outlasts-timer',
    what: 'any reload of a MASTER with so many lines that it takes longer than the down timer of the backup',
    classes: classes('failover', 'failover', 'hot'),
    reason: 'keepalived sends no advert while it reloads, and the backup waits for a shorter time',
  },
];

const rowOf = (id: string): Pick<Rule, 'id' | 'classes' | 'reason'> => {
  const row = ROLLOUT_RULES.find((rule) => rule.id === id);
  assert(row, `a row ${id}`);
  return row;
};

export interface RolloutFinding {
  readonly finding: Finding;
  readonly wish?: Wish;
}

export function rolloutFindings(input: PairInput, pair: PairContext, changes: readonly Finding[]): RolloutFinding[] {
  const isReplaced = ({ facts: { daemon }, engine, restart }: PairInput['routers'][number]): boolean =>
    daemon.kind === 'running' && (daemon.engine !== engine || restart !== undefined);
  const both = input.routers.every(isReplaced);
  return input.routers.flatMap((router, i) => {
    const context = pair.routers[i]!;
    if (!context.running) return [];
    const { daemon } = router.facts;
    if (daemon.kind === 'running' && daemon.engine !== router.engine) {
      return [stopAndStart(pair, context, { what: `${daemon.engine} -> ${router.engine}`, apart: 'engine', both })];
    }
    if (router.restart !== undefined) return [stopAndStart(pair, context, { what: router.restart, both })];
    const reloads = changes.some((finding) => finding.router === context.name && finding.class !== 'none');
    return reloads ? tooLong(pair, context) : [];
  });
}

interface Replacement {
  readonly what: string;
  readonly apart?: 'engine';
  /** The peer's daemon is replaced as well. */
  readonly both: boolean;
}

/** A daemon that is stopped and started: a MASTER gives its role up first; on a mere backup nobody notices. */
function stopAndStart(pair: PairContext, router: RouterContext, { what, apart, both }: Replacement): RolloutFinding {
  const held = pair.instances.filter((instance) => instance.master === router.place);
  const isBackup = held.length === 0;
  const row = rowOf(apart ? (isBackup ? 'engine-on-backup' : 'engine') : isBackup ? 'restart-of-backup' : 'restart');
  const isFailover = row.classes[router.column] === 'failover';
  const back = held.some((instance) => returns(instance, router.place, pair.routers));
  const peer = pair.routers[other(router.place)];
  const isRelieved = putAhead(peer.before, router.before) !== undefined;
  const shared = both && pair.instances.some(({ master }) => master === peer.place);
  // Where both serve something, all of it goes to the second router, then to the first, then to where it belongs.
  const isFirst = shared && anyOrder(pair) === router.place;
  const count = back || isFirst ? 2 : 1;
  const prediction: Transitions = shared && !isRelieved ? { count: 3, bound: 'at most' } : { count, bound: 'exactly' };
  const cost = isRelieved ? RELIEVED : unserved(held, peer.place);
  return {
    finding: {
      router: router.name,
      instances: held.map((instance) => instance.name),
      class: row.classes[router.column],
      rule: row.id,
      reason: `${what}: ${row.reason}${isBackup ? '' : `; ${cost}`}`,
      prediction: isFailover ? prediction : NO_TRANSITION,
      ...(apart && { apart }),
    },
    ...(isFailover && { wish: { kind: 'demote', router: router.name } }),
  };
}

/** Measured in test/netns/tandemd-engine.test.ts, both ways: keepalived says that it is MASTER a moment before it is. */
const RELIEVED =
  'its peer is put ahead of it and takes over while it still serves (measured: 0 or 1 packet of 10 ms lost)';

/** Priority 0 is the last that a daemon says; its peer answers to it after its skew time. */
function unserved(held: readonly PairInstance[], peer: Place): string {
  const skews = held.flatMap(({ sides }) => {
    const side = sides[peer]?.after;
    return side ? [skewTime(side.effective)] : [];
  });
  const longest = Math.round(Math.max(0, ...skews));
  return `no priority is above its own: nobody serves for about ${longest} ms, until its peer has taken over`;
}

/**
 * How long keepalived sends nothing while it reloads, a line of its file: 1.9 s for 10,000 addresses and as many
 * routes (2.2.7, 2 cores), rounded up. A size, not a constant.
 */
const RELOAD_MS_PER_LINE = 0.1;

/** A reload of a MASTER that outlasts the backup's down timer: both hold the VIPs until it is over. */
function tooLong(pair: PairContext, router: RouterContext): RolloutFinding[] {
  if (router.column === 'tandemd') return [];
  const lines = Math.max(lineCount(router.before), lineCount(router.after));
  const reloadMs = lines * RELOAD_MS_PER_LINE;
  const outlasted = pair.instances.filter(
    (instance) => instance.master === router.place && shortestTimer(instance) < reloadMs,
  );
  if (outlasted.length === 0) return [];
  const row = rowOf('reload-outlasts-timer');
  return [
    {
      finding: {
        router: router.name,
        instances: outlasted.map((instance) => instance.name),
        class: row.classes[router.column],
        rule: row.id,
        reason: `${row.reason}: about ${Math.round(reloadMs)} ms for ${lines} lines`,
        prediction: { count: 2, bound: 'at most' },
      },
      wish: { kind: 'demote', router: router.name },
    },
  ];
}

const lineCount = (config: Config): number =>
  config.vrrp_instance
    .flatMap((i) => [i.virtual_ipaddress, i.virtual_ipaddress_excluded, i.virtual_routes, i.virtual_rules])
    .reduce((sum, list) => sum + (list?.length ?? 0), 0);

const shortestTimer = (instance: PairInstance): number =>
  Math.min(...downTimer(instance, 'before'), ...downTimer(instance, 'after'));

/** A line of a router that runs no VRRP yet: it starts with it, and its peer may be running already. */
export function bringUpFinding(pair: PairContext, router: RouterContext, change: Change): RolloutFinding {
  const instances = pair.instances.filter((i) => i.sides[router.place]?.after && isConcerned(change, i, router));
  const peerRuns = pair.routers[other(router.place)].running;
  const takesOver = peerRuns && instances.some((i) => returns(i, router.place, pair.routers));
  const row = rowOf(takesOver ? 'bring-up-above' : 'bring-up');
  return {
    finding: {
      router: router.name,
      change,
      instances: instances.map((instance) => instance.name),
      class: row.classes[router.column],
      rule: row.id,
      reason: row.reason,
      prediction: peerRuns && !takesOver ? NO_TRANSITION : { count: instances.length > 0 ? 1 : 0, bound: 'exactly' },
      apart: 'bring-up',
    },
    wish: { kind: 'first', first: peerRuns ? 'backup' : 'higher', instances },
  };
}

const isConcerned = (change: Change, instance: PairInstance, router: RouterContext): boolean =>
  change.instance === undefined || change.instance === instance.sides[router.place]?.after?.instance.name;
