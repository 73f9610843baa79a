/** Where a resolved value comes from: every layer that has a say, with its value and place. */
import type { Location, Problem } from '../base/problem.ts';
import { didYouMean } from '../base/suggest.ts';
import type { Inventory } from './collect.ts';
import { isMap, saidAbout } from './layers.ts';
import { instanceLayers, instanceNames, layersOf, routerLayers } from './router-layers.ts';
import { type PairYaml, ROUTER_KEYS, SETTING_NAMES } from './schema.ts';
import type { YamlDocument } from './yaml.ts';

export interface Explained {
  readonly router: string;
  /** `vrrp.VI_0.advert_int` */
  readonly path: string;
  /** The weakest first; the last one holds. None: nobody says it, the built-in default holds. */
  readonly layers: readonly { readonly layer: string; readonly value: string; readonly at: Location }[];
}

/**
 * Explains one path of a pair, once a member; a path that stops at an instance or above explains each setting below it.
 * @param path keys joined by dots, one that `unknownPath` lets through, as in the pair's file; '' explains all
 */
export function explain(
  pair: { readonly name: string; readonly document: YamlDocument; readonly yaml: PairYaml },
  path: string,
  inventory: Inventory,
): Explained[] {
  const steps = path === '' ? [] : path.split('.');
  const routers = [pair.yaml.members.primary, pair.yaml.members.secondary];
  return routers.flatMap((router) => {
    if (!inventory.routers.has(router)) return [];
    const layers = layersOf(router, pair.name, pair.yaml, pair.document, inventory);
    const settings = (instance: string, rest: readonly string[]): Explained[] =>
      explainIn(instanceLayers(layers, instance), router, ['vrrp', instance], rest);
    const [first, instance, ...rest] = steps;
    if (first === 'vrrp' && instance !== undefined) return settings(instance, rest);
    const instances =
      first === undefined || (first === 'vrrp' && instance === undefined) ? instanceNames(pair.yaml) : [];
    const own = first === 'vrrp' ? [] : explainIn(routerLayers(layers), router, [], steps);
    return [...own, ...instances.flatMap((name) => settings(name, []))];
  });
}

function explainIn(
  layers: ReturnType<typeof routerLayers> | ReturnType<typeof instanceLayers>,
  router: string,
  prefix: readonly string[],
  path: readonly string[],
): Explained[] {
  if (path.length === 0) {
    const keys = new Set(
      layers.flatMap(({ value, keys }) => Object.keys(value).filter((key) => !keys || keys.has(key))),
    );
    return [...keys].flatMap((key) => explainIn(layers, router, prefix, [key]));
  }
  const found = saidAbout(layers, path);
  // Maps merge: which layer holds is asked of each of their keys.
  const maps = found.filter((one) => isMap(one.value));
  if (maps.length > 1 && isMap(found.at(-1)?.value)) {
    const keys = new Set(maps.flatMap((one) => Object.keys(one.value as object)));
    return [...keys].flatMap((key) => explainIn(layers, router, prefix, [...path, key]));
  }
  const said = found.map(({ layer, value, at }) => ({ layer, at, value: masked(path, value) }));
  return [{ router, path: [...prefix, ...path].join('.'), layers: said }];
}

/** Why a path cannot be explained: there is no such instance or key. */
export function unknownPath(yaml: PairYaml, path: string): Problem | undefined {
  const [first, second, ...rest] = path === '' ? [] : path.split('.');
  if (first === undefined) return undefined;
  if (first !== 'vrrp') return known(first, [...ROUTER_KEYS, 'vrrp'], 'unknown-key');
  if (second === undefined) return undefined;
  if (SETTING_NAMES.has(second)) {
    const message = `${second} is explained for one instance`;
    return {
      code: 'unknown-name',
      severity: 'error',
      message,
      hint: `write vrrp.${instanceNames(yaml)[0] ?? 'NAME'}.${second}`,
    };
  }
  const setting = rest[0];
  return (
    known(second, instanceNames(yaml), 'unknown-name') ??
    (setting === undefined ? undefined : known(setting, SETTING_NAMES, 'unknown-key'))
  );
}

function known(word: string, words: Iterable<string>, code: 'unknown-key' | 'unknown-name'): Problem | undefined {
  const all = [...words];
  if (all.includes(word)) return undefined;
  const hint = didYouMean(word, all) ?? `known here: ${all.join(', ')}`;
  return { code, severity: 'error', message: `nothing here is called "${word}"`, hint };
}

/** Secrets are shown by their reference, never by their text. */
function masked(path: readonly string[], value: unknown): string {
  const key = path.at(-1);
  const secret = key === 'auth_pass' || key === 'sudo_password';
  if (secret && typeof value === 'string' && !value.startsWith('${')) return '(sensitive)';
  if (key === 'ssh' && typeof value === 'object' && value !== null && 'sudo_password' in value) {
    return printValue({ ...value, sudo_password: masked(['sudo_password'], value.sudo_password) });
  }
  return printValue(value);
}

/** The longest value that is shown in one line; a list of 200 VIPs is cut. */
const VALUE_LENGTH_MAX = 100;

/** A value of the YAML in one line. */
export function printValue(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > VALUE_LENGTH_MAX ? `${text.slice(0, VALUE_LENGTH_MAX)} ...` : text;
}
