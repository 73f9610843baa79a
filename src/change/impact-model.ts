/** What impact takes and gives, as plain data. Classes: docs/impact.md. */
import type { Engine } from '../base/engine.ts';
import type { Millis } from '../base/units.ts';
import type { Config } from '../keepalived/model.ts';
import type { Change, KeywordChange } from './change.ts';
import type { Observed } from './observed.ts';

/** From the mildest to the gravest. */
export const IMPACT_CLASSES = ['none', 'hot', 'ordered', 'touch', 'sync', 'staged', 'failover', 'outage'] as const;
export type ImpactClass = (typeof IMPACT_CLASSES)[number];

/** What a class or a change needs before apply carries it out: the words of `--allow`. */
export type Allow = 'failover' | 'outage' | 'withdraw' | 'bring-up' | 'engine' | 'move';

/** What is read from a router and matters to impact. */
export type Facts = Pick<
  Observed,
  'daemon' | 'instances' | 'trackers' | 'interfaces' | 'addresses' | 'sysctls' | 'clock'
>;

export interface RouterInput {
  readonly router: string;
  /** The file that the daemon runs on; absent where there is none. */
  readonly before?: Config;
  readonly after: Config;
  /** The engine that shall run. */
  readonly engine: Engine;
  readonly facts: Facts;
  /** Contents of managed files that change. */
  readonly files?: readonly KeywordChange[];
  /** The daemon has to be restarted, and why (an upgrade). */
  readonly restart?: string;
}

export interface PairInput {
  readonly routers: readonly [RouterInput, RouterInput];
  /** Addresses (without prefix) that leave this pair or come to it, and the other pair. */
  readonly moved?: ReadonlyMap<string, string>;
}

/** What one change does, or what comes with the rollout as a whole (`change` absent). */
export interface Finding {
  readonly router: string;
  readonly change?: Change;
  /** The instances that it concerns, by their new names. */
  readonly instances: readonly string[];
  readonly class: ImpactClass;
  /** The row of rules.ts that decided: a difference between predicted and seen names it. */
  readonly rule: string;
  /** One short sentence. */
  readonly reason: string;
  readonly prediction: Transitions;
  /** Set where it is apart from the classes: it has its own steps and its own word of `--allow`. */
  readonly apart?: 'bring-up' | 'engine' | 'move';
  /** What apply offers to do about it. */
  readonly hint?: Hint;
}

/** How often a router becomes MASTER for an instance while the change is carried out. */
export interface Transitions {
  readonly count: number;
  readonly bound: 'exactly' | 'at most';
}

/** Set net.ipv4.conf.DEV.promote_secondaries to 1: the outage becomes a touch. */
export interface Hint {
  readonly kind: 'promote-secondaries';
  readonly router: string;
  readonly dev: string;
}

export interface Impact {
  /** The gravest of all findings. */
  readonly class: ImpactClass;
  readonly findings: readonly Finding[];
  readonly order: Order;
  /** By the instance's new name; every instance of either file has one. */
  readonly transitions: ReadonlyMap<string, Transitions>;
  readonly withdrawals: Withdrawals;
  /** What has to be allowed, in the order of the type; empty: apply goes ahead. */
  readonly allow: readonly Allow[];
}

/** Both routers are always named, also one on which nothing is to be done. */
export type Order =
  /** Nothing is signalled. */
  | { readonly kind: 'none' }
  /** One router, proof, then the next. `demote`: these give up their MASTER instances before their turn. */
  | {
      readonly kind: 'one-by-one';
      readonly routers: readonly string[];
      readonly reason: string;
      readonly demote: readonly string[];
    }
  /** Both within the budget, the clocks' uncertainty already taken off; 0 where the down timer leaves nothing. */
  | { readonly kind: 'together'; readonly routers: readonly string[]; readonly reason: string; readonly budget: Millis }
  /** Sub-generations, each rolled out and proven before the next; the last one is the wanted configuration. */
  | { readonly kind: 'staged'; readonly stages: readonly Stage[]; readonly reason: string };

export interface Stage {
  /** What this stage does: `VI_2 outside its sync group`. */
  readonly what: string;
  /** By router. */
  readonly configs: ReadonlyMap<string, Config>;
  readonly order: Exclude<Order, { readonly kind: 'staged' }>;
}

/** What stops being served, counted over both routers: one address on both counts once. */
export interface Withdrawals {
  readonly vips: readonly string[];
  readonly routes: readonly string[];
  readonly rules: readonly string[];
  readonly instances: readonly string[];
  /** Why `--allow withdraw` is needed; empty where it is not. */
  readonly reasons: readonly string[];
}
