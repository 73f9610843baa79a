/** The files under inventory/, put together: defaults, groups and routers, each thing defined once. */
import type { Location, Problem } from '../base/problem.ts';
import { didYouMean } from '../base/suggest.ts';
import type { Refused } from './doubts.ts';
import type { Layer } from './layers.ts';
import { inventorySchema, type LayerYaml, type RouterYaml } from './schema.ts';
import { checkShape } from './shape.ts';
import type { YamlDocument } from './yaml.ts';

export interface Inventory {
  /** One a file that has a `defaults:`; no two of them say the same key. */
  readonly defaults: readonly Layer<LayerYaml>[];
  readonly groups: ReadonlyMap<string, Defined<LayerYaml>>;
  readonly routers: ReadonlyMap<string, Defined<RouterYaml>>;
  /** What was refused in these files, and is as if nobody had said it; by what it is about, see `refusedAbout`. */
  readonly refused: ReadonlyMap<string, readonly Refused[]>;
  /** Every file, and every part of it, could be read: what is not in here is nowhere. */
  readonly complete: boolean;
}

export interface Defined<T extends object> {
  readonly layer: Layer<T>;
  /** Where its name stands. */
  readonly at: Location;
}

/**
 * Puts the documents of inventory/ together, in the given order.
 * @param allRead whether these are all of its files: one that cannot be read may define anything
 */
export function collectInventory(
  documents: readonly YamlDocument[],
  allRead: boolean,
): {
  readonly inventory: Inventory;
  readonly problems: Problem[];
} {
  const problems: Problem[] = [];
  const defaults: Layer<LayerYaml>[] = [];
  const groups = new Map<string, Defined<LayerYaml>>();
  const routers = new Map<string, Defined<RouterYaml>>();
  const defaultKeys = new Map<string, Location>();
  const refused = new Map<string, Refused[]>();
  let complete = allRead;
  for (const document of documents) {
    if (document.value == null) continue;
    const shape = checkShape(inventorySchema, document);
    problems.push(...shape.problems);
    for (const one of shape.refused) {
      const about = subject(one.path[0], one.path[1]);
      const known = refused.get(about);
      if (known) known.push(one);
      else refused.set(about, [one]);
    }
    if (!shape.value || shape.refused.some(({ path }) => path.length <= 1)) complete = false;
    const { defaults: own, groups: ownGroups, routers: ownRouters } = shape.value ?? {};
    if (own) {
      defaults.push({ name: 'defaults', document, base: ['defaults'], value: own as LayerYaml });
      for (const key of Object.keys(own))
        once(defaultKeys, `the default "${key}"`, key, document.keyAt(['defaults', key]), problems);
    }
    define(groups, 'group', 'groups', ownGroups, document, problems);
    define(routers, 'router', 'routers', ownRouters, document, problems);
  }
  const inventory = { defaults, groups, routers, refused, complete };
  checkGroups(inventory, problems);
  return { inventory, problems };
}

/** A refused value is about the defaults, or about one group or router: 10,000 of them are looked up, not gone through. */
const subject = (part: unknown, name: unknown): string => (part === 'defaults' ? part : `${part} ${name}`);

/** What was refused about these routers, their groups and the defaults. */
export function refusedAbout({ refused, routers }: Inventory, names: readonly string[]): readonly Refused[] {
  const groups = names.flatMap((name) => routers.get(name)?.layer.value.groups ?? []);
  const subjects = new Set([
    subject('defaults', undefined),
    ...groups.map((group) => subject('groups', group)),
    ...names.map((name) => subject('routers', name)),
  ]);
  return [...subjects].flatMap((about) => refused.get(about) ?? []);
}

function once(seen: Map<string, Location>, what: string, key: string, at: Location, problems: Problem[]): boolean {
  const first = seen.get(key);
  if (!first) seen.set(key, at);
  else problems.push(twice(what, at, first));
  return !first;
}

const twice = (what: string, at: Location, first: Location): Problem => ({
  code: 'defined-twice',
  severity: 'error',
  message: `${what} is defined twice`,
  at,
  related: [{ at: first, message: 'it is defined here first' }],
});

function define<T extends object>(
  into: Map<string, Defined<T>>,
  kind: 'group' | 'router',
  key: 'groups' | 'routers',
  from: Readonly<Record<string, object | null>> | null | undefined,
  document: YamlDocument,
  problems: Problem[],
): void {
  for (const [name, value] of Object.entries(from ?? {})) {
    const at = document.keyAt([key, name]);
    const first = into.get(name);
    if (first) problems.push(twice(`the ${kind} "${name}"`, at, first.at));
    else
      into.set(name, {
        at,
        layer: { name: `${kind} ${name}`, document, base: [key, name], value: (value ?? {}) as T },
      });
  }
}

function checkGroups({ routers, groups, complete }: Inventory, problems: Problem[]): void {
  if (!complete) return;
  for (const { layer } of routers.values()) {
    for (const [index, group] of (layer.value.groups ?? []).entries()) {
      if (groups.has(group)) continue;
      const hint = didYouMean(group, groups.keys()) ?? 'define it under groups: in a file of inventory/';
      const at = layer.document.at([...layer.base, 'groups', index]);
      problems.push({ code: 'unknown-name', severity: 'error', message: `there is no group "${group}"`, at, hint });
    }
  }
}
