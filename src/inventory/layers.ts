/**
 * Layers and how they merge: defaults < groups (in listed order) < router < pair < instance < overrides.
 * Maps merge key by key, lists replace as a whole, null removes. Where a merged value came from is worked out
 * from the layers when someone asks, never carried along: 5,000 pairs merge, a handful of values are asked for.
 */
import type { Location } from '../base/problem.ts';
import type { Path, YamlDocument } from './yaml.ts';

/** A map somewhere in a document that has a say about a router or an instance. */
export interface Layer<T extends object> {
  /** As people call it: `defaults`, `group ams`, `router rtr-core01`, `pair core`, `overrides`. */
  readonly name: string;
  readonly document: YamlDocument;
  /** Where the map stands in its document. */
  readonly base: Path;
  readonly value: T;
  /** Only these keys count, where a map holds other things too. */
  readonly keys?: ReadonlySet<string>;
}

/** Layers, the weakest first, with what they give together. */
export interface Stack<T extends object> {
  readonly layers: readonly Layer<T>[];
  /** A null in here stands for "removed": readers take it as absent. */
  readonly merged: T;
}

/** Merges layers, the weakest first. What only one layer says is shared with it, not copied. */
export function stack<T extends object>(layers: readonly Layer<T>[]): Stack<T> {
  const merged: Record<string, unknown> = {};
  for (const layer of layers) overlay(merged, layer.value as Record<string, unknown>, layer.keys);
  return { layers, merged: merged as T };
}

export const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function overlay(into: Record<string, unknown>, from: Record<string, unknown>, keys?: ReadonlySet<string>): void {
  for (const key of Object.keys(from)) {
    if (keys && !keys.has(key)) continue;
    const [weaker, stronger] = [into[key], from[key]];
    if (isMap(weaker) && isMap(stronger)) {
      const both = { ...weaker };
      overlay(both, stronger);
      into[key] = both;
    } else {
      into[key] = stronger;
    }
  }
}

/** What one layer says about a path. */
export interface Said {
  readonly layer: string;
  readonly value: unknown;
  readonly at: Location;
  /** Where the path stands in its document, for places inside the value. */
  readonly document: YamlDocument;
  readonly path: Path;
}

/** What the layers say about a path, the weakest first; the last one holds (a null: nothing does). */
export function saidAbout(layers: readonly Layer<object>[], path: Path): Said[] {
  const said: Said[] = [];
  for (const { name, document, base, value, keys } of layers) {
    if (keys && !keys.has(String(path[0]))) continue;
    const found = valueAt(value, path);
    if (found === undefined) continue;
    const full = [...base, ...path.slice(0, found.depth)];
    // A null, a list or a scalar on the way replaces everything below it.
    said.push({ layer: name, value: found.value, at: document.at(full), document, path: full });
  }
  return said;
}

/** The place of what holds at a path: the strongest layer's word, or where nothing does, the last layer itself. */
export function placeOf(layers: readonly Layer<object>[], path: Path): { document: YamlDocument; path: Path } {
  for (let i = layers.length - 1; i >= 0; i--) {
    const { document, base, value, keys } = layers[i]!;
    if (keys && !keys.has(String(path[0]))) continue;
    const found = valueAt(value, path);
    if (found) return { document, path: [...base, ...path.slice(0, found.depth)] };
  }
  const last = layers[layers.length - 1]!;
  return { document: last.document, path: last.base };
}

export function locate(layers: readonly Layer<object>[], path: Path): Location {
  const place = placeOf(layers, path);
  return place.document.at(place.path);
}

function valueAt(value: unknown, path: Path): { readonly value: unknown; readonly depth: number } | undefined {
  let found = value;
  for (const [depth, step] of path.entries()) {
    if (!isMap(found) && !Array.isArray(found)) return { value: found, depth };
    if (!Object.hasOwn(found, step)) return Array.isArray(found) ? { value: found, depth } : undefined;
    found = (found as Record<string | number, unknown>)[step];
  }
  return { value: found, depth: path.length };
}
