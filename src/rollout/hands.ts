/** What the rollout asks of one router: the seam between the machine and SSH. */
import type { Observed } from '../change/observed.ts';
import type { Finding } from '../plan/proof.ts';
import type { Move } from '../plan/schedule.ts';

export type Readiness =
  | { readonly kind: 'ready'; readonly observed: Observed }
  | { readonly kind: 'not-ready'; readonly findings: readonly Finding[]; readonly stale?: true };

export type Moved =
  | { readonly kind: 'moved' }
  | { readonly kind: 'refused'; readonly findings: readonly Finding[]; readonly stale?: true };

export type Restored =
  | { readonly kind: 'restored' }
  /** No connection could be made: the router runs whatever it ran. */
  | { readonly kind: 'not-reached'; readonly finding: Finding };

/**
 * Every method rejects with what the world did (a RemoteError) when no answer came: then it is not known whether
 * the router carried it out.
 */
export interface Hands {
  readonly router: string;
  /** From now on no other apply touches this router: undefined, or who does already. */
  lock(): Promise<Finding | undefined>;
  unlock(): Promise<void>;
  /** Files of every generation beside their targets, tested by the router's own daemon; nothing is signalled. */
  stage(): Promise<Readiness>;
  /** Puts a generation's files in place and lets the daemon know, if it has to. Refuses if the router moved since. */
  move(move: Move): Promise<Moved>;
  /** Whether the daemon has loaded what it was last signalled for: undefined when it has, else what is wrong. */
  loaded(): Promise<Finding | undefined>;
  /** Generation 0 again, whatever runs now, over a connection that is known to be alive. */
  restore(signal: boolean): Promise<Restored>;
  observe(): Promise<Observed>;
  /** Takes away what staging left. @param done whether the new generation stays */
  finish(done: boolean): Promise<void>;
}
