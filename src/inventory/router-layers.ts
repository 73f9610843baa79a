/** Which layers have a say about a router, and about one instance on it. */
import type { Inventory } from './collect.ts';
import type { Layer } from './layers.ts';
import { type LayerYaml, type PairYaml, ROUTER_KEYS, SETTING_NAMES } from './schema.ts';
import type { YamlDocument } from './yaml.ts';

/** The layers that have a say about a router, the weakest first. */
export interface RouterLayers {
  readonly common: readonly Layer<LayerYaml>[];
  /** The pair's own layer and the override for this router, which know instances by name. */
  readonly own: readonly Layer<LayerYaml>[];
  readonly groups: readonly string[];
}

/** The layers of a router in a pair. An unknown router or group is skipped here and reported where it is named. */
export function layersOf(
  router: string,
  pair: string,
  yaml: PairYaml,
  document: YamlDocument,
  inventory: Inventory,
): RouterLayers {
  const own = inventory.routers.get(router);
  const groups = own?.layer.value.groups ?? [];
  const fromGroups = groups.flatMap((group) => inventory.groups.get(group)?.layer ?? []);
  const override = Object.hasOwn(yaml.overrides ?? {}, router) ? yaml.overrides?.[router] : undefined;
  return {
    groups,
    common: [...inventory.defaults, ...fromGroups, ...(own ? [own.layer as Layer<LayerYaml>] : [])],
    own: [
      { name: `pair ${pair}`, document, base: [], value: yaml as LayerYaml },
      ...(override ? [{ name: `overrides of ${router}`, document, base: ['overrides', router], value: override }] : []),
    ],
  };
}

/** Every layer about a router itself. */
export const routerLayers = ({ common, own }: RouterLayers): Layer<LayerYaml>[] =>
  [...common, ...own].map((layer) => ({ ...layer, keys: ROUTER_KEYS }));

/** Every layer about one instance: its settings for all instances, then for this one, layer by layer. */
export function instanceLayers({ common, own }: RouterLayers, instance: string): Layer<object>[] {
  const layers: Layer<object>[] = [];
  for (const { name, document, base, value } of [...common, ...own]) {
    if (value.vrrp) layers.push({ name, document, base: [...base, 'vrrp'], value: value.vrrp, keys: SETTING_NAMES });
    const named = own.some((o) => o.value === value)
      ? (value.vrrp as Record<string, unknown> | null)?.[instance]
      : undefined;
    if (typeof named !== 'object' || named === null) continue;
    const called = name.startsWith('pair') ? `instance ${instance}` : name;
    layers.push({ name: called, document, base: [...base, 'vrrp', instance], value: named });
  }
  return layers;
}

/** The names of a pair's instances, in the file's order. */
export const instanceNames = (yaml: PairYaml): string[] =>
  Object.entries(yaml.vrrp ?? {}).flatMap(([key, value]) => (SETTING_NAMES.has(key) || value === null ? [] : [key]));
