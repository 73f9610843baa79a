/**
 * What an instance watches. The file names some of it; the rest follows from where it sends and what it owns:
 * its interface and the device of every VIP, route and rule are watched without weight, unless the line says
 * no_track. Measured with keepalived 2.2.7: a weight given for such a device does not count.
 *
 * `dont_track_primary` means that the primary interface is not watched, by whatever line names it. keepalived takes
 * the keyword back when a virtual route or rule names that interface; people who set it have never meant that.
 */
import { groupOf } from '../keepalived/defaults.ts';
import type { Config, Instance, SyncGroup, Track } from '../keepalived/model.ts';
import { type Tracker, type TrackerKind, trackerKey } from './tracking.ts';

export function trackersOf(config: Config, instance: Instance, primary: string): readonly Tracker[] {
  const group = groupOf(config, instance.name);
  const weighty = group === undefined || group.sync_group_tracking_weight === true;
  const trackers = new Map<string, Tracker>();
  for (const name of [primary, ...devicesOf(instance)]) {
    if (name === primary && instance.dont_track_primary) continue;
    const tracker: Tracker = { kind: 'interface', name, weight: 0, reverse: false };
    trackers.set(trackerKey(tracker), tracker);
  }
  for (const tracker of [...named(config, instance), ...(group ? named(config, group) : [])]) {
    // keepalived refuses the primary in track_interface, and ignores weights inside a sync group.
    if (tracker.kind === 'interface' && tracker.name === primary) continue;
    if (tracker.weight !== 0 && !weighty) continue;
    if (trackers.get(trackerKey(tracker))?.weight !== 0) trackers.set(trackerKey(tracker), tracker);
  }
  return [...trackers.values()];
}

/** In the order of the file; thousands of lines name a few. */
function devicesOf(instance: Instance): ReadonlySet<string> {
  const devices = new Set<string | undefined>();
  for (const { dev, flags } of [
    ...(instance.virtual_ipaddress ?? []),
    ...(instance.virtual_ipaddress_excluded ?? []),
  ]) {
    if (!flags?.includes('no_track')) devices.add(dev);
  }
  for (const { dev, nexthops = [], no_track } of instance.virtual_routes ?? []) {
    if (no_track) continue;
    devices.add(dev);
    for (const hop of nexthops) devices.add(hop.dev);
  }
  for (const { iif, oif, no_track } of instance.virtual_rules ?? []) {
    if (!no_track) devices.add(iif).add(oif);
  }
  devices.delete(undefined);
  return devices as ReadonlySet<string>;
}

interface Definition {
  readonly name: string;
  readonly weight?: number;
  readonly reverse?: true;
}

/** A weight in the tracking line counts before the definition's, and its `reverse` with it. */
function named(config: Config, owner: Instance | SyncGroup): readonly Tracker[] {
  const trackers = (
    kind: TrackerKind,
    tracks: readonly Track[] = [],
    definitions: readonly Definition[] = [],
    weight = 0,
  ): readonly Tracker[] =>
    tracks.map((track) => {
      const definition = definitions.find(({ name }) => name === track.name);
      const { reverse } = track.weight === undefined ? (definition ?? track) : track;
      return {
        kind,
        name: track.name,
        weight: track.weight ?? definition?.weight ?? weight,
        reverse: reverse === true,
      };
    });
  return [
    ...trackers('interface', owner.track_interface),
    ...trackers('script', owner.track_script, config.vrrp_script),
    ...trackers('file', owner.track_file, config.track_file, 1),
    ...trackers('process', owner.track_process, config.track_process, 1),
  ];
}
