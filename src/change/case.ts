/** One change as the rules look at it, and the questions that they ask about it. */
import type { AddressLine, RouteLine, RuleLine } from '../keepalived/model.ts';
import type { Change, KeywordChange, VipChange } from './change.ts';
import { other, type PairContext, type PairInstance, type Place, type RouterContext, type Side } from './context.ts';
import type { Effective } from './effective.ts';
import { isDeviceUp, TRACK_KEYWORDS, type TrackKeyword, trackerState, weightOf } from './roles.ts';

export interface Case {
  readonly pair: PairContext;
  readonly router: RouterContext;
  readonly place: Place;
  readonly change: Change;
  /** The instances that the change touches: one, or all that a global, a script or a sync group reaches. */
  readonly instances: readonly PairInstance[];
}

export function caseOf(pair: PairContext, place: Place, change: Change): Case {
  const router = pair.routers[place];
  return {
    pair,
    router,
    place,
    change,
    instances: pair.instances.filter((i) => concerns(change, i.sides[place], router)),
  };
}

function concerns(change: Change, side: Side | undefined, router: RouterContext): boolean {
  if (!side) return false;
  const names = [side.before?.instance.name, side.after?.instance.name].filter((name) => name !== undefined);
  if (change.instance !== undefined) {
    return [change.instance, ...placesOf(change)].some((name) => names.includes(name));
  }
  if ('group' in change && change.group !== undefined) {
    return [router.before, router.after].some((config) =>
      config.vrrp_sync_group.some((g) => g.name === change.group && g.group.some((name) => names.includes(name))),
    );
  }
  const keyword = TRACKED_BY[change.subject as keyof typeof TRACKED_BY] as TrackKeyword | undefined;
  if (keyword === undefined) return change.subject === 'global' || change.subject === 'raw';
  const { name } = change as KeywordChange;
  const tracks = [side.before, side.after].flatMap((at) => at?.instance[keyword] ?? []);
  const inGroups = [router.before, router.after].flatMap((config) =>
    config.vrrp_sync_group.filter((g) => g.group.some((n) => names.includes(n))).flatMap((g) => g[keyword] ?? []),
  );
  return [...tracks, ...inGroups].some((track) => track.name === name);
}

const TRACKED_BY = { script: 'track_script', track_file: 'track_file', track_process: 'track_process' } as const;

/** The instances between which a line moved. */
function placesOf(change: Change): string[] {
  if (!('aspects' in change) || change.subject === 'static') return [];
  return [change.before?.instance, change.after?.instance].filter((name) => name !== undefined);
}

export const sideOf = (c: Case, instance: PairInstance): Side | undefined => instance.sides[c.place];
export const peerOf = (c: Case, instance: PairInstance): Side | undefined => instance.sides[other(c.place)];
export const isMasterHere = (c: Case, instance: PairInstance): boolean => instance.master === c.place;

export const hasKeyword = (c: Case, ...keywords: readonly string[]): boolean =>
  (c.change.subject === 'instance' || c.change.subject === 'global') && keywords.includes(c.change.keyword);

/** Whether one of the instances differs in this before and after, where it is on both sides. */
export function differs(c: Case, ...fields: readonly (keyof Effective)[]): boolean {
  return c.instances.some((instance) => {
    const side = sideOf(c, instance);
    if (!side?.before || !side.after) return false;
    const { before, after } = side;
    return fields.some((field) => before.effective[field] !== after.effective[field]);
  });
}

/** Whether the two routers will differ in this for good. */
export function disagreesAfter(c: Case, ...fields: readonly (keyof Effective)[]): boolean {
  return c.instances.some((instance) => {
    const own = sideOf(c, instance)?.after?.effective;
    const peer = peerOf(c, instance)?.after?.effective;
    return own && peer && fields.some((field) => own[field] !== peer[field]);
  });
}

/** Whether the change comes with an instance that is new to this router, or goes with one that leaves it. */
export const isOfNew = (c: Case): boolean =>
  c.change.op === 'add' &&
  c.change.instance !== undefined &&
  c.instances.length > 0 &&
  c.instances.every((i) => !sideOf(c, i)?.before);
export const isOfRemoved = (c: Case): boolean =>
  c.change.op === 'remove' &&
  c.change.instance !== undefined &&
  c.instances.length > 0 &&
  c.instances.every((i) => !sideOf(c, i)?.after);

export const isVip = (change: Change): change is VipChange =>
  change.subject === 'vip' || change.subject === 'vip-excluded';

/** Whether the set of advertised addresses changes: an edit of a line in it does not. */
export function changesAdvert({ change }: Case): boolean {
  return change.subject === 'vip' && (change.op !== 'change' || change.aspects.includes('keyword'));
}

export const hasAspect = (change: Change, ...aspects: readonly string[]): boolean =>
  'aspects' in change && aspects.some((aspect) => change.aspects.includes(aspect));

export const isMove = (c: Case): boolean => hasAspect(c.change, 'instance');

/** The device that the change lets an instance track, where that device is down: it sends the instance to FAULT. */
export function newlyTrackedDeadDevice(c: Case): string | undefined {
  const { change } = c;
  if (!('aspects' in change) || change.subject === 'static' || change.op === 'remove') return undefined;
  const devices = devicesOf(change.after!.line).filter((dev) => !isDeviceUp(c.router.facts, dev));
  const before = change.before ? devicesOf(change.before.line) : [];
  return devices.find((dev) => !before.includes(dev));
}

/** The devices that keepalived tracks because a line names them. */
function devicesOf(line: AddressLine | RouteLine | RuleLine): string[] {
  if (('no_track' in line && line.no_track) || ('flags' in line && line.flags?.includes('no_track'))) return [];
  const named = [
    'dev' in line ? line.dev : undefined,
    'iif' in line ? line.iif : undefined,
    'oif' in line ? line.oif : undefined,
    ...('nexthops' in line ? (line.nexthops ?? []).map((hop) => hop.dev) : []),
  ];
  return named.filter((dev) => dev !== undefined);
}

/** A tracked object whose state decides anew because of the change. */
export interface Decides {
  readonly state: 'up' | 'down' | undefined;
  /** 0: it decides about FAULT; otherwise about the priority. */
  readonly weight: number;
}

/** Fields of a definition that make it look at something else. */
const NEW_OBJECT: Readonly<Record<string, readonly string[]>> = {
  script: ['script'],
  track_file: ['file'],
  track_process: ['process', 'quorum', 'quorum_max'],
};

export function decidesAnew(c: Case): Decides | undefined {
  const { change } = c;
  if (!('name' in change) || change.name === undefined || change.op === 'remove') return undefined;
  const { name } = change;
  if (change.subject === 'track') {
    const keyword = change.keyword as TrackKeyword;
    return { state: trackerState(c.router.facts, keyword, name), weight: weightAfter(c, keyword, name) };
  }
  const keyword = TRACKED_BY[change.subject as keyof typeof TRACKED_BY] as TrackKeyword | undefined;
  const fields = [...(NEW_OBJECT[change.subject] ?? []), 'weight', 'reverse'];
  if (keyword === undefined || !fields.includes(change.keyword) || c.instances.length === 0) return undefined;
  return { state: trackerState(c.router.facts, keyword, name), weight: weightAfter(c, keyword, name) };
}

function weightAfter(c: Case, keyword: TrackKeyword, name: string): number {
  const { after } = c.router;
  const names = c.instances.map((instance) => sideOf(c, instance)?.after?.instance.name);
  const instances = after.vrrp_instance.filter((block) => names.includes(block.name));
  const groups = after.vrrp_sync_group.filter(({ group }) => group.some((member) => names.includes(member)));
  const weights = [...instances, ...groups]
    .flatMap((block) => block[keyword] ?? [])
    .filter((track) => track.name === name)
    .map((track) => weightOf(after, keyword, track));
  // Where one of them has none, that is the gravest.
  return weights.includes(0) ? 0 : (weights[0] ?? weightOf(after, keyword, { name }));
}

export const isTrackKeyword = (keyword: string): boolean => (TRACK_KEYWORDS as readonly string[]).includes(keyword);
