/**
 * What the kernel's devices and addresses mean to the virtual routers: an interface is up while it is UP and RUNNING,
 * keepalived's condition; a source is the address that advertisements are sent from. Only differences to what an
 * instance knows already become events, so this may be asked as often as anything changes.
 */
import { type Ip, isLinkLocal } from '../base/address.ts';
import { type Address, IFA_F } from '../linux/address.ts';
import type { Link } from '../linux/link.ts';
import type { InstanceConfig, RouterConfig } from '../vrrp/config.ts';
import type { Event } from '../vrrp/state.ts';
import type { Router } from '../vrrp/sync.ts';
import { type Status, trackerKey, type Surroundings as Watched } from '../vrrp/tracking.ts';

export interface Surroundings {
  link(name: string): Link | undefined;
  /** In the kernel's order. */
  addresses(dev: string): readonly Address[];
}

export interface NamedEvent {
  readonly name: string;
  readonly event: Event;
}

/** @param owned VIPs of any instance, by their text: none of them is ever a source */
export function surroundingEvents(
  config: RouterConfig,
  router: Router,
  kernel: Surroundings,
  owned: ReadonlySet<string>,
): readonly NamedEvent[] {
  return config.instances.flatMap((instance) => {
    const { watched } = router.instances[instance.name]!;
    const events: Event[] = [];
    // The source first: with the address there already, an interface that comes up is no reason for a fault.
    const source = sourceOf(instance, watched.sourcePresent ? watched.source : undefined, kernel, owned);
    if (watched.sourcePresent !== (source !== undefined) || (source && watched.source?.text !== source.text)) {
      events.push({ kind: 'source', ...(source && { source }) });
    }
    for (const tracker of instance.trackers) {
      if (tracker.kind !== 'interface') continue;
      const status = isUp(kernel.link(tracker.name));
      const key = trackerKey(tracker);
      if (watched.statuses[key] !== status) events.push({ kind: 'tracked', tracker: key, status });
    }
    return events.map((event) => ({ name: instance.name, event }));
  });
}

/**
 * The same all at once, for a configuration that is new: devices and addresses as they are, of scripts, files and
 * processes what is known. A source that was known stays known, though it is gone.
 */
export function surroundingsOf(
  config: InstanceConfig,
  known: Watched,
  kernel: Surroundings,
  owned: ReadonlySet<string>,
): Watched {
  const present = sourceOf(config, known.sourcePresent ? known.source : undefined, kernel, owned);
  const source = present ?? config.source ?? known.source;
  const statuses: Record<string, Status> = {};
  for (const tracker of config.trackers) {
    const key = trackerKey(tracker);
    const status = tracker.kind === 'interface' ? isUp(kernel.link(tracker.name)) : known.statuses[key];
    if (status !== undefined) statuses[key] = status;
  }
  return { statuses, sourcePresent: present !== undefined, ...(source && { source }) };
}

const isUp = (link: Link | undefined): boolean => link?.up === true && link.running;

/** The file's source where it is on the interface; else what was taken before, else the first that will do. */
function sourceOf(
  { interface: dev, family, source }: InstanceConfig,
  before: Ip | undefined,
  kernel: Surroundings,
  owned: ReadonlySet<string>,
): Ip | undefined {
  const present = kernel.addresses(dev);
  const isUsable = ({ address, flags }: Address): boolean =>
    address.family === family && (flags & (IFA_F.TENTATIVE | IFA_F.DADFAILED)) === 0;
  const wanted = source ?? before;
  const known = wanted && present.find((one) => one.address.text === wanted.text && isUsable(one));
  if (known || source) return known && wanted;
  // RFC 9568 section 5.1.2.1: over IPv6 it is a link-local address.
  const found = present.find(
    (one) => !owned.has(one.address.text) && isUsable(one) && (family === 4 || isLinkLocal(one.address)),
  );
  return found && { family, text: found.address.text };
}
