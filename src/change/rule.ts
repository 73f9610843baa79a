/** The shape of a rule of impact. */
import type { Case } from './case.ts';
import type { PairInstance } from './context.ts';
import type { ImpactClass, Transitions } from './impact-model.ts';
import type { Column } from './version.ts';

export interface Rule {
  /** Stable: reports name it. */
  readonly id: string;
  /** What changes, in words for the documentation. */
  readonly what: string;
  readonly classes: Readonly<Record<Column, ImpactClass>>;
  /** `wire`: the router of the pair that forgives less decides; `router`: the one that is changed. */
  readonly on: 'wire' | 'router';
  /** One short sentence. */
  readonly reason: string;
  /** The sentence in the columns where it is hot, if the other one speaks of what an engine does that this is not. */
  readonly hot?: string;
  /** Which router goes first where the class is `ordered`; `higher`: the one whose priority will be higher. */
  readonly first?: 'master' | 'backup' | 'higher';
  /** The MASTER gives its role up first, so that the change finds a BACKUP. */
  readonly demote?: true;
  /** Where the class alone does not tell how often a router becomes MASTER. */
  readonly transitions?: (c: Case, instance: PairInstance) => Transitions;
  readonly test: (c: Case) => boolean;
}

export const NO_TRANSITION: Transitions = { count: 0, bound: 'exactly' };

/** Shorthand for the rows: keepalived up to 2.3.2, from 2.3.3, tandemd. */
export const classes = (
  keepalived: ImpactClass,
  keepalived233: ImpactClass,
  tandemd: ImpactClass,
): Rule['classes'] => ({
  keepalived,
  keepalived233,
  tandemd,
});
