/**
 * What is to be done next for one thing in the kernel, as a function of what is wanted, what stands, and how it stands;
 * and in which order such work is done. Whatever changes what is wanted or what stands, the rest follows from here: a
 * release in the middle of a takeover is no case of its own.
 */
import type { Address } from '../linux/address.ts';
import type { Route } from '../linux/route.ts';
import type { Owner } from './owner.ts';
import type { Thing } from './things.ts';

/**
 * In the order of their urgency. What has to fall silent and what has to answer comes first, by local routes where that
 * is quicker (`early`); then what a transition has given up, so that two routers hold it for as short as can be; then
 * what is new, each before what may hang on it; then what only changes, what a reload takes away, and in the end the
 * addresses that nobody waits for.
 */
export const LANES = [
  'undecided',
  'silence',
  'answer',
  'release-rule',
  'release-route',
  'release-address',
  'add-address',
  'add-route',
  'add-rule',
  'swap',
  'remove-rule',
  'remove-route',
  'remove-address',
  'empty',
  'behind',
  'unhold',
] as const;
export type Lane = (typeof LANES)[number];

export interface Entry {
  readonly key: string;
  /** Who wants it, or wanted it last. */
  owner: Owner;
  wanted: Thing | undefined;
  /** The reload that asked for it last. */
  wished: number;
  /** What the kernel has under its key, as far as we know. */
  stands: Thing | undefined;
  /** What stands is not what is wanted, though the kernel knows both by one key. */
  differs: boolean;
  /** A route or rule that has been superseded, and still stands behind the new one. */
  leftover: Thing | undefined;
  /** IPv6 routes: somebody else's stands under the same key, and would be replaced with ours; undefined: not known. */
  shared: boolean | undefined;
  /** The route to its subnet that was put in place with `held`. */
  subnetRoute: Route | undefined;
  /** IPv4 addresses: whether local routes go first, both ways; undefined: to be decided with all that wait. */
  early: boolean | undefined;
  /** The address that a local route of ours stands in for. */
  held: Address | undefined;
  /** The kernel's local route is deleted: the address stands and answers nothing. */
  silent: boolean;
  /** Given up by a transition, not by a reload. */
  urgent: boolean;
  /** The kernel refused it: it waits until something has changed. */
  refused: boolean;
  /** A change of it is being carried out. */
  underWay: boolean;
  /** When it was last changed, in slices. */
  touched: number;
  /** When it was put back, on the kernel's clock. */
  repairs: readonly number[];
  lane: Lane | undefined;
}

export const newEntry = (key: string): Entry => ({
  key,
  owner: undefined,
  wanted: undefined,
  wished: 0,
  stands: undefined,
  differs: false,
  leftover: undefined,
  shared: undefined,
  subnetRoute: undefined,
  early: undefined,
  held: undefined,
  silent: false,
  urgent: false,
  refused: false,
  underWay: false,
  touched: 0,
  repairs: [],
  lane: undefined,
});

/** undefined: all is as it should be, or cannot be helped. */
export function laneOf(entry: Entry): Lane | undefined {
  const address = addressIn(entry);
  if (address?.address.family === 4) return entry.wanted ? wantedAddress(entry) : unwantedAddress(entry);
  const kind = (entry.wanted ?? entry.stands)?.add.kind;
  if (kind === undefined) return undefined;
  if (!entry.wanted) return `${entry.urgent ? 'release' : 'remove'}-${kind}`;
  if (entry.refused) return undefined;
  if (!entry.stands) return `add-${kind}`;
  if (entry.leftover) return `remove-${kind}`;
  return entry.differs ? 'swap' : undefined;
}

export const addressIn = ({ wanted, stands, held }: Entry): Address | undefined => {
  const change = (wanted ?? stands)?.add;
  return change?.kind === 'address' ? change.address : held;
};

/** Whether packets to it are taken. */
export const answers = ({ stands, held, silent }: Entry): boolean =>
  held !== undefined || (stands !== undefined && !silent);

function wantedAddress({ stands, early, held, silent, differs, refused }: Entry): Lane | undefined {
  if (silent) return 'answer';
  if (stands) return differs ? 'swap' : held ? 'unhold' : undefined;
  if (refused) return undefined;
  if (early === undefined) return 'undecided';
  if (!early) return 'add-address';
  return held ? 'behind' : 'answer';
}

function unwantedAddress({ stands, early, held, silent, urgent }: Entry): Lane | undefined {
  if (held) return 'silence';
  if (!stands) return undefined;
  if (!urgent) return 'remove-address';
  if (silent) return 'empty';
  if (early === undefined) return 'undecided';
  return early ? 'silence' : 'release-address';
}
