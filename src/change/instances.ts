/** Which instance of the old file a reload takes for which one of the new. */
import type { Config, Instance } from '../keepalived/model.ts';
import { effective, identityOf } from './effective.ts';
import { pairUp } from './lines.ts';

/** An instance in the old file and in the new one, each with its file. At least one side is there. */
export interface InstancePair {
  readonly before?: InstanceIn;
  readonly after?: InstanceIn;
}

export interface InstanceIn {
  readonly config: Config;
  readonly instance: Instance;
}

/** Which instance of the old file a reload takes for which one of the new; those with a new side by its name first. */
export function pairInstances(before: Config, after: Config): InstancePair[] {
  const inside = (config: Config): Candidate[] =>
    config.vrrp_instance.map((instance, index) => ({
      name: instance.name,
      identity: identityOf(effective(config, instance)),
      index,
    }));
  const { pairs, removed, added } = pairUp(inside(before), inside(after), [(c) => c.identity, (c) => c.name]);
  const at = (config: Config, c: Candidate): InstanceIn => ({ config, instance: config.vrrp_instance[c.index]! });
  return [
    ...pairs.map(([b, a]) => ({ before: at(before, b), after: at(after, a) })),
    ...added.map((a) => ({ after: at(after, a) })),
    ...removed.map((b) => ({ before: at(before, b) })),
  ];
}

/** The index comes last, so that only instances equal in name and identity are told apart by their place. */
interface Candidate {
  readonly name: string;
  readonly identity: string;
  readonly index: number;
}
