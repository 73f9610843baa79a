/**
 * Which addresses answer before they are there, by local routes, and fall silent before they are gone. That is decided
 * at each takeover and release anew, for each device, from what the kernel says at that moment.
 */
import type { Kernel } from '../linux/kernel.ts';
import type { Link } from '../linux/link.ts';
import { addressIn, type Entry } from './lanes.ts';

/**
 * From so many addresses on a device: fewer are in before it matters. 256 addresses take some 4 ms (500: 10 ms), their
 * local routes 1 ms, and those must be taken away again.
 */
const EARLY_MIN = 256;

export interface EarlyOptions {
  readonly kernel: Pick<Kernel, 'setting'>;
  readonly link: (dev: string) => Link | undefined;
  /** How many on this device are under way already, in the same direction. */
  readonly underWay: (dev: string, wanted: boolean) => number;
}

/** Decides it for all that wait, which must be IPv4 addresses. */
export function decideEarly(undecided: Iterable<Entry>, { kernel, link, underWay }: EarlyOptions): readonly Entry[] {
  const groups = new Map<string, Entry[]>();
  for (const entry of undecided) {
    const group = `${entry.wanted ? '+' : '-'}${addressIn(entry)!.dev}`;
    const members = groups.get(group);
    if (members) members.push(entry);
    else groups.set(group, [entry]);
  }
  for (const [group, entries] of groups) {
    const wanted = group.startsWith('+');
    const dev = group.slice(1);
    const worthIt = entries.length + underWay(dev, wanted) >= EARLY_MIN;
    const early = worthIt && (wanted ? answersByRoute(dev, link(dev), kernel) : hasOwnTable(link(dev)));
    for (const entry of entries) entry.early = early;
  }
  return [...groups.values()].flat();
}

/** The kernel answers ARP for a local route only with arp_ignore 0, and that is the larger of the device's and all's. */
function answersByRoute(dev: string, link: Link | undefined, kernel: Pick<Kernel, 'setting'>): boolean {
  if (!link?.up || link.type === 'macvlan' || !hasOwnTable(link)) return false;
  return ['all', dev].every((name) => kernel.setting(`ipv4/conf/${name}/arp_ignore`) === '0');
}

/** The addresses of a device in a VRF have their local routes in the VRF's table. */
const hasOwnTable = (link: Link | undefined): boolean => link !== undefined && link.master === undefined;
