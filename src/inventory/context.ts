/** What building a pair needs from outside, and what it gathers. */
import type { Problem } from '../base/problem.ts';
import type { Inventory } from './collect.ts';
import type { SecretSources } from './secrets.ts';

export interface BuildContext {
  readonly inventory: Inventory;
  readonly secrets: SecretSources;
  /** Reads a file of the tree; throws with the reason where it cannot be had. */
  readonly readFile: (path: string) => Uint8Array;
  /** Every secret value met, for masking. */
  readonly secretValues: Set<string>;
  readonly problems: Problem[];
}
