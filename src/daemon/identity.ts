/** Which instance of the running configuration a new one goes on with. */
import { effective, identityOf } from '../change/effective.ts';
import { type InstanceIn, pairInstances } from '../change/instances.ts';
import type { Config } from '../keepalived/model.ts';

/**
 * Old names by new ones. As `diff` pairs them, but for those that only share a name: with another VRID, interface or
 * mode it is another virtual router, of which nothing that was learned holds.
 */
export function keptInstances(before: Config, after: Config): ReadonlyMap<string, string> {
  const pairs = pairInstances(before, after).flatMap(({ before: old, after: now }) =>
    old && now && identity(old) === identity(now) ? [[now.instance.name, old.instance.name] as const] : [],
  );
  return new Map(pairs);
}

const identity = ({ config, instance }: InstanceIn): string => identityOf(effective(config, instance));
