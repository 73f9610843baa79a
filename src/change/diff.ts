/**
 * `diff` compares two models of one router's keepalived.conf and lists what differs in meaning: what the daemon
 * executes on a reload and the plan prints.
 *
 * 1. Instances are found again as a reload finds them: by VRID, family, interface, mode and VMAC; a rename is a
 *    change of its own. What is left is paired by name: such an instance changed its identity.
 * 2. An address is the same address whatever its prefix, label, scope or device: an edit of a line, a move between
 *    virtual_ipaddress and virtual_ipaddress_excluded and a move between instances are one change each.
 * 3. Lists are sets: order alone is no change (see lines.ts for the kernel's order).
 * 4. Every field of the model is compared, also those added later: what has no words of its own is a keyword.
 *
 * The list is in a fixed order, whatever the order of the files.
 */
import type { Config, SyncGroup, Track } from '../keepalived/model.ts';
import type { Change } from './change.ts';
import { byName, diffFields, diffMembers, diffNamed, diffOthers, diffTracks, type Place } from './diff-keywords.ts';
import { diffInstanceLines, diffStatics } from './diff-lines.ts';
import { type InstancePair, pairInstances } from './instances.ts';
import { asSet, canonical, pairUp } from './lines.ts';

export function diff(before: Config, after: Config): Change[] {
  const instances = pairInstances(before, after);
  return [
    ...diffFields({ subject: 'global' }, before.global_defs, after.global_defs, ['other']),
    ...diffOthers({ subject: 'raw' }, before.global_defs.other, after.global_defs.other),
    ...diffOthers({ subject: 'raw' }, before.other, after.other),
    ...diffStatics(before, after),
    ...diffNamed('track_group', before.track_group, after.track_group),
    ...diffNamed('script', before.vrrp_script, after.vrrp_script),
    ...diffNamed('track_file', before.track_file, after.track_file),
    ...diffNamed('track_process', before.track_process, after.track_process),
    ...diffSyncGroups(before.vrrp_sync_group, after.vrrp_sync_group, instances),
    ...instances.flatMap(diffInstance),
    ...diffInstanceLines(instances),
  ];
}

/** Lists that diff-lines.ts and diffTracks compare. */
const INSTANCE_LISTS = [
  'virtual_ipaddress',
  'virtual_ipaddress_excluded',
  'virtual_routes',
  'virtual_rules',
  'track_interface',
  'track_script',
  'track_file',
  'track_process',
  'track_bfd',
  'other',
] as const;

const TRACKS = ['track_interface', 'track_script', 'track_file', 'track_process', 'track_bfd'] as const;

function diffInstance({ before, after }: InstancePair): Change[] {
  const b = before?.instance;
  const a = after?.instance;
  if (!b || !a) {
    const instance = (a ?? b)!.name;
    const change: Change = {
      op: a ? 'add' : 'remove',
      subject: 'instance',
      instance,
      keyword: 'vrrp_instance',
      text: `vrrp_instance ${instance}`,
      ...(!a && { withdraws: { vips: [], routes: [], rules: [], instances: [instance] } }),
    };
    // The keywords of a whole instance come and go with it; its lines are listed, for they are what is served.
    return [change];
  }
  const place = { subject: 'instance', instance: a.name } as const;
  return [
    ...diffFields(place, b, a, [...INSTANCE_LISTS, 'authentication']),
    ...diffFields(place, b.authentication ?? {}, a.authentication ?? {}, []),
    ...diffTracksOf({ subject: 'track', instance: a.name }, b, a),
    ...diffOthers({ subject: 'raw', instance: a.name }, b.other, a.other),
  ];
}

function diffSyncGroups(
  before: readonly SyncGroup[],
  after: readonly SyncGroup[],
  instances: readonly InstancePair[],
): Change[] {
  // Members by their new names: a rename of an instance alone leaves its group as it was.
  const renamed = new Map(
    instances.flatMap((p) => (p.before && p.after ? [[p.before.instance.name, p.after.instance.name]] : [])),
  );
  const old = before.map((g) => ({ ...g, group: asSet(g.group.map((m) => renamed.get(m) ?? m)) }));
  const now = after.map((g) => ({ ...g, group: asSet(g.group) }));
  const { pairs, removed, added } = pairUp(old, now, [(g) => g.name, (g) => canonical(g.group)]);
  const whole = (op: 'add' | 'remove', g: SyncGroup): Change => ({
    op,
    subject: 'sync_group',
    group: g.name,
    keyword: 'vrrp_sync_group',
    text: `vrrp_sync_group ${g.name} { ${g.group.join(' ')} }`,
  });
  const changes = [
    ...removed.map((g) => whole('remove', g)),
    ...added.map((g) => whole('add', g)),
    ...pairs.flatMap(([b, a]) => [
      ...diffFields({ subject: 'sync_group', group: a.name }, b, a, [...TRACKS, 'group', 'other']),
      ...diffMembers({ subject: 'sync_group', group: a.name }, 'group', b.group, a.group),
      ...diffTracksOf({ subject: 'track', group: a.name }, b, a),
      ...diffOthers({ subject: 'raw', group: a.name }, b.other, a.other),
    ]),
  ];
  return byName(changes, (change) => change.group);
}

function diffTracksOf(
  place: Place,
  before: { readonly [K in (typeof TRACKS)[number]]?: readonly Track[] },
  after: { readonly [K in (typeof TRACKS)[number]]?: readonly Track[] },
): Change[] {
  return TRACKS.flatMap((keyword) => diffTracks(place, keyword, before[keyword], after[keyword]));
}
