/** What the daemon tells of itself: over the control socket, and into keepalived's two dump files. */
import type { Millis } from '../base/units.ts';
import {
  CONTROL_VERSION,
  type ConfigReply,
  type CountersReply,
  type Reply,
  type Request,
  type StatusReply,
} from '../control/messages.ts';
import type { Config } from '../keepalived/model.ts';
import { printSteps } from '../keepalived/printer.ts';
import type { InstanceConfig, RouterConfig } from '../vrrp/config.ts';
import { keepalivedState } from '../vrrp/names.ts';
import type { Instance } from '../vrrp/state.ts';
import type { Router } from '../vrrp/sync.ts';
import { trackerKey } from '../vrrp/tracking.ts';
import type { History } from './history.ts';
import { inSlices } from './slices.ts';

/** All that a status is made of, as it is at this moment. */
export interface Condition {
  readonly daemon: StatusReply['daemon'];
  /** The file as it was read, with the scripts that are left out. */
  readonly written: Config;
  readonly config: RouterConfig;
  readonly router: Router;
  /** On the clock of the deadlines. */
  readonly now: Millis;
  readonly history: History;
  failed(name: string): readonly string[];
}

/** @param forget ends the former speech of an instance */
export function answer(request: Request, condition: Condition, forget: (name: string) => void): Reply | Promise<Reply> {
  switch (request.ask) {
    case 'status':
      return statusOf(condition);
    case 'counters':
      return countersOf(condition);
    case 'config':
      return configOf(condition);
    case 'forget': {
      const { router, now } = condition;
      const instances = Object.keys(router.instances).filter((name) => formerStatus(router.instances[name]!, now));
      for (const name of instances) forget(name);
      return { kind: 'forgotten', version: CONTROL_VERSION, instances };
    }
    case 'version':
      return { kind: 'version', version: CONTROL_VERSION, daemon: condition.daemon.version };
  }
}

async function configOf({ daemon, written }: Condition): Promise<ConfigReply> {
  const { pid, config: file, loadedAt } = daemon;
  return { kind: 'config', version: CONTROL_VERSION, pid, ...(await printed(written)), file, loadedAt };
}

type Printed = Pick<ConfigReply, 'text' | 'sha256'>;

/** Printed once a load: 10,000 VIPs and as many routes take 30 ms, in which an advertisement may be due. */
const PRINTED = new WeakMap<Config, Promise<Printed>>();

function printed(config: Config): Promise<Printed> {
  const known = PRINTED.get(config);
  if (known !== undefined) return known;
  const made = inSlices(printSteps(config)).then((text) => {
    // Only now: it takes 0.5 MB, and few ask.
    const { createHash } = process.getBuiltinModule('node:crypto');
    return { text, sha256: createHash('sha256').update(text).digest('hex') };
  });
  PRINTED.set(config, made);
  return made;
}

export function statusOf(condition: Condition): StatusReply {
  const { daemon, config, router } = condition;
  return {
    kind: 'status',
    version: CONTROL_VERSION,
    daemon,
    instances: config.instances.map((instance) =>
      instanceStatus(instance, router.instances[instance.name]!, condition),
    ),
    groups: config.syncGroups.map(({ name, members }) => ({
      name,
      state: router.groups[name]!,
      members: [...members],
    })),
  };
}

function instanceStatus(
  config: InstanceConfig,
  state: Instance,
  { history, failed, now }: Condition,
): StatusReply['instances'][number] {
  const { activeRouter, activePriority, watched } = state;
  const master = activeRouter && {
    address: activeRouter.text,
    ...(activePriority !== undefined && { priority: activePriority }),
  };
  const former = formerStatus(state, now);
  return {
    name: config.name,
    state: keepalivedState(state),
    interface: config.interface,
    family: config.family,
    version: config.version,
    vrid: config.vrid,
    priority: config.priority,
    effectivePriority: state.priority,
    advertIntMs: config.advertisementInterval,
    masterAdvertIntMs: state.activeInterval,
    ...(master && state.state === 'Backup' && { master }),
    ...(watched.source && { source: watched.source.text }),
    ...(config.syncGroup !== undefined && { syncGroup: config.syncGroup }),
    faults: [...state.faults],
    waiting: [...state.waiting],
    trackers: config.trackers.map((tracker) => {
      const status = watched.statuses[trackerKey(tracker)];
      return { tracker: trackerKey(tracker), weight: tracker.weight, ...(status !== undefined && { status }) };
    }),
    ...(former && { former }),
    addresses: config.addresses.map(({ text }) => text),
    failed: [...failed(config.name)],
    transitions: [...history.of(config.name)],
  };
}

/** Of several the latest, which goes on longest. */
function formerStatus({ formers: [former] }: Instance, now: Millis): StatusReply['instances'][number]['former'] {
  if (former === undefined || former.until <= now) return undefined;
  const { version, advertisementInterval } = former.config;
  return { version, advertIntMs: advertisementInterval, secondsLeft: (former.until - now) / 1000 };
}

export function countersOf({ config, router }: Pick<Condition, 'config' | 'router'>): CountersReply {
  const instances = config.instances.map(({ name }) => {
    const { counters } = router.instances[name]!;
    const { received, sent, priorityZeroReceived, priorityZeroSent, dropped, differed } = counters;
    return {
      name,
      received,
      sent,
      becameMaster: counters.becameActive,
      releasedMaster: counters.releasedActive,
      priorityZeroReceived,
      priorityZeroSent,
      dropped: { ...dropped },
      differed: { ...differed },
    };
  });
  return { kind: 'counters', version: CONTROL_VERSION, instances };
}
