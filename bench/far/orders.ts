/** What the prober is told, and what it answers. */

export interface ProberOptions {
  /** Its number. */
  readonly device: number;
  readonly mac: readonly number[];
  readonly routerMac: readonly number[];
  /** What it asks from. */
  readonly address: string;
  /** What it advertises from. */
  readonly speaker: string;
  /** What it asks for, in the order of the file. */
  readonly vips: readonly string[];
  /** From the beginning of a round to the next, at least. */
  readonly periodMs: number;
  readonly advert: {
    readonly version: 2 | 3;
    readonly vrid: number;
    readonly intervalMs: number;
    readonly addresses: readonly string[];
  };
}

export type Order =
  | { readonly kind: 'begin'; readonly options: ProberOptions }
  /** Says now, and once an interval, that a router with this priority is there. */
  | { readonly kind: 'advertise'; readonly priority: number }
  | { readonly kind: 'silence' }
  | { readonly kind: 'ask'; readonly what: Wanted }
  /** What was heard before counts no more. */
  | { readonly kind: 'forget' }
  | { readonly kind: 'signal'; readonly pid: number; readonly signal: NodeJS.Signals }
  | { readonly kind: 'look' };

/**
 * `missing`: the samples that have not answered; as soon as one has, all for which it stands, until they have answered.
 * `samples`: the hundred or so, whether they answer or not. `all`: everything.
 */
export type Wanted = 'missing' | 'samples' | 'all' | 'nothing';

/** Times are milliseconds since 1970; NaN: it never happened. */
export interface Sight {
  /** When the order began to be carried out. */
  readonly at: number;
  /** Its own last advertisement. */
  readonly spokeAt: number;
  readonly adverts: readonly AdvertHeard[];
  readonly answers: Tally;
  readonly replies: Tally;
  readonly announcements: Tally;
  /** The longest time between two questions about one sample. */
  readonly roundMs: number;
}

export interface AdvertHeard {
  readonly at: number;
  readonly source: string;
  readonly priority: number;
}

export interface Tally {
  /** About how many of the addresses that it asks for there were any. */
  readonly addresses: number;
  /** Of announcements: those of other addresses too. */
  readonly frames: number;
  readonly first: number;
  /** The latest of every address's first. */
  readonly allBy: number;
  readonly last: number;
}
