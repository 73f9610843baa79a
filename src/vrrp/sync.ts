/**
 * Sync groups: virtual routers that are Active together or not at all. keepalived's rules:
 *
 *   a member's fault keeps every member down, until no member has one of its own
 *   a member becomes Active only when every other one wants to be (or a member is Active already); it waits
 *     another down timer for that, and an accepted advertisement ends its wish
 *   the first member that goes to Backup takes the others along, without priority 0
 *   an advertisement of lower priority makes every member announce its addresses again
 *
 * A router is stepped through here as a whole; an instance without a group goes straight to the machine.
 */
import type { Millis } from '../base/units.ts';
import type { InstanceConfig, RouterConfig, SyncGroupConfig } from './config.ts';
import { step } from './machine.ts';
import { type Action, type Event, type Instance, initialInstance } from './state.ts';
import type { GroupHold, Surroundings } from './tracking.ts';

export interface Router {
  readonly instances: Readonly<Record<string, Instance>>;
  readonly groups: Readonly<Record<string, GroupState>>;
}

/** A group as its notify scripts know it; INIT until its members have begun. */
export type GroupState = 'INIT' | 'MASTER' | 'BACKUP' | 'FAULT' | 'STOP';

export type Effect =
  | { readonly kind: 'instance'; readonly name: string; readonly action: Action }
  | { readonly kind: 'group'; readonly name: string; readonly notify: GroupState };

export interface RouterStep {
  readonly router: Router;
  /** In the order in which they must happen. */
  readonly effects: readonly Effect[];
}

export function initialRouter(config: RouterConfig): Router {
  return {
    instances: Object.fromEntries(config.instances.map((instance) => [instance.name, initialInstance(instance)])),
    groups: Object.fromEntries(config.syncGroups.map((group) => [group.name, 'INIT'])),
  };
}

/** Starts every instance. What is known of its trackers is handed in before, so that no fault comes as a surprise. */
export function startRouter(config: RouterConfig, router: Router, now: Millis): RouterStep {
  const round = newRound(config, router, now);
  for (const group of config.syncGroups) spreadHolds(round, group);
  for (const instance of config.instances) {
    deliver(round, instance, { kind: 'startup', ...(isHeldBack(round, instance) && { heldBack: true }) });
  }
  for (const group of config.syncGroups) tellGroup(round, group);
  return { router: round.router, effects: round.effects };
}

/** One event for one instance, with all that its sync group makes of it. */
export function stepRouter(config: RouterConfig, router: Router, name: string, event: Event, now: Millis): RouterStep {
  const round = newRound(config, router, now);
  const instance = instanceConfig(round, name);
  const before = instanceOf(round, name);
  const actions = deliver(round, instance, event);
  const group = config.syncGroups.find((candidate) => candidate.members.includes(name));
  if (group) {
    const asks = event.kind === 'timer' && before.deadlines.activeDown <= now;
    if (asks && mayBecomeActive(round, group, name)) becomeActiveTogether(round, group, name);
    const gaveWay = before.state === 'Active' && instanceOf(round, name).state === 'Backup';
    if (gaveWay) deliverToOthers(round, group, name, { kind: 'group-backup' });
    const lower = actions.some((action) => action.kind === 'notify' && action.what === 'MASTER_RX_LOWER_PRI');
    if (lower) deliverToOthers(round, group, name, { kind: 'group-lower-priority' });
    spreadHolds(round, group);
    tellGroup(round, group);
  }
  return { router: round.router, effects: round.effects };
}

/** What becomes of each instance where the configuration changes. */
export interface Reconfiguration {
  readonly before: RouterConfig;
  readonly after: RouterConfig;
  /** Instances that go on: their old names by their new ones. */
  readonly kept: ReadonlyMap<string, string>;
  /** What an instance of the new configuration wants watched, as it is now; `known`: what one that goes on knew. */
  readonly watched: (config: InstanceConfig, known: Surroundings | undefined) => Surroundings;
  /** `tandem_grace` of the new configuration. */
  readonly grace: Millis;
  /** Whether instances take part already; else the new ones start with the others. */
  readonly started: boolean;
}

export interface ReconfiguredStep extends RouterStep {
  /** What instances that are in the new configuration no more want done, under their old names: to be done first. */
  readonly farewell: RouterStep;
}

/** A new configuration: who is in both goes on, who is only in the old one leaves, who is new starts. */
export function reconfigureRouter(router: Router, change: Reconfiguration, now: Millis): ReconfiguredStep {
  const { before, after, kept } = change;
  const leaving = newRound(before, router, now);
  const stays = new Set(kept.values());
  for (const config of before.instances) {
    if (!stays.has(config.name)) deliver(leaving, config, { kind: 'shutdown', deleted: true });
  }
  const round = newRound(after, carriedOver(router, change), now);
  for (const config of after.instances) {
    const old = before.instances.find(({ name }) => name === kept.get(config.name));
    if (!old) continue;
    const watched = change.watched(config, instanceOf(round, config.name).watched);
    deliver(round, config, { kind: 'configured', before: old, watched, grace: change.grace });
  }
  for (const group of after.syncGroups) spreadHolds(round, group);
  for (const config of after.instances) {
    if (!change.started || kept.has(config.name)) continue;
    deliver(round, config, { kind: 'startup', ...(isHeldBack(round, config) && { heldBack: true }) });
  }
  for (const group of after.syncGroups) tellGroup(round, group);
  const farewell = { router: leaving.router, effects: leaving.effects };
  return { router: round.router, effects: round.effects, farewell };
}

/** Under their new names; instances that are new have not begun. */
function carriedOver(router: Router, { after, kept, watched }: Reconfiguration): Router {
  const instances = after.instances.map((config) => {
    const old = router.instances[kept.get(config.name) ?? ''];
    return [config.name, kept.has(config.name) && old ? old : initialInstance(config, watched(config, undefined))];
  });
  const groups = after.syncGroups.map(({ name }) => [name, router.groups[name] ?? 'INIT']);
  return { instances: Object.fromEntries(instances), groups: Object.fromEntries(groups) };
}

/** A step of the router in the making. */
interface Round {
  readonly config: RouterConfig;
  readonly now: Millis;
  router: Router;
  readonly effects: Effect[];
}

const newRound = (config: RouterConfig, router: Router, now: Millis): Round => ({ config, now, router, effects: [] });

function deliver(round: Round, config: InstanceConfig, event: Event): readonly Action[] {
  const { instance, actions } = step(config, instanceOf(round, config.name), event, round.now);
  round.router = { ...round.router, instances: { ...round.router.instances, [config.name]: instance } };
  for (const action of actions) round.effects.push({ kind: 'instance', name: config.name, action });
  return actions;
}

function deliverToOthers(round: Round, group: SyncGroupConfig, name: string, event: Event): void {
  for (const member of group.members) if (member !== name) deliver(round, instanceConfig(round, member), event);
}

function mayBecomeActive(round: Round, group: SyncGroupConfig, name: string): boolean {
  const others = group.members.filter((member) => member !== name).map((member) => instanceOf(round, member));
  return others.some(({ state }) => state === 'Active') || others.every(({ wantsActive }) => wantsActive);
}

function becomeActiveTogether(round: Round, group: SyncGroupConfig, name: string): void {
  deliver(round, instanceConfig(round, name), { kind: 'group-active' });
  deliverToOthers(round, group, name, { kind: 'group-active' });
}

/** Tells every member how the others fare, where that has changed. */
function spreadHolds(round: Round, group: SyncGroupConfig): void {
  for (const name of group.members) {
    const hold = holdOf(group.members.filter((member) => member !== name).map((other) => instanceOf(round, other)));
    if (instanceOf(round, name).watched.groupHold === hold) continue;
    deliver(round, instanceConfig(round, name), { kind: 'group-hold', hold });
  }
}

function holdOf(others: readonly Instance[]): GroupHold {
  if (others.some((other) => own(other.faults).length > 0)) return 'fault';
  return others.some((other) => own(other.waiting).length > 0) ? 'waiting' : 'none';
}

const own = (reasons: readonly string[]): readonly string[] => reasons.filter((reason) => reason !== 'sync group');

function tellGroup(round: Round, group: SyncGroupConfig): void {
  const { groups } = round.router;
  const told = groups[group.name]!;
  const state = groupState(
    group.members.map((member) => instanceOf(round, member)),
    told,
  );
  if (state === told) return;
  round.router = { ...round.router, groups: { ...groups, [group.name]: state } };
  if (state !== 'INIT') round.effects.push({ kind: 'group', name: group.name, notify: state });
}

/** It stays what it was while its members begin or leave one by one, and while a new one follows the others. */
function groupState(members: readonly Instance[], told: GroupState): GroupState {
  if (members.some(({ running }) => running !== members[0]!.running)) return told;
  if (!members[0]!.running) return told === 'INIT' ? 'INIT' : 'STOP';
  if (members.some(({ faults }) => faults.length > 0)) return 'FAULT';
  if (members.some(({ state }) => state === 'Initialize')) return 'INIT';
  if (members.every(({ state }) => state === 'Active')) return 'MASTER';
  return members.some(({ state }) => state === 'Active') ? told : 'BACKUP';
}

/** keepalived: a member that the file calls MASTER, in a group where another one is not. */
function isHeldBack(round: Round, { syncGroup, startState }: InstanceConfig): boolean {
  const group = round.config.syncGroups.find(({ name }) => name === syncGroup);
  if (!group || startState !== 'Active') return false;
  const members = group.members.map((member) => instanceConfig(round, member));
  return members.some((member) => member.startState !== 'Active');
}

const instanceOf = ({ router }: Round, name: string): Instance => router.instances[name]!;
const instanceConfig = ({ config }: Round, name: string): InstanceConfig =>
  config.instances.find((instance) => instance.name === name)!;
