/**
 * Lines of the new file that stand in the old one too, made the very same objects: what has not changed is then told
 * by `===`, by `diff` and by whoever keeps something for each line. A file of ten thousand lines of which one is new
 * costs little more than the one.
 */
import { STEP_LINES, type Steps } from '../base/steps.ts';
import type { AddressLine, Config, Instance, RouteLine, RuleLine } from '../keepalived/model.ts';

type Line = AddressLine | RouteLine | RuleLine;

/** The new configuration with the old one's lines where they are the same, word by word. */
export function* withSameLines(before: Config, after: Config): Steps<Config> {
  const known = new Map<string, Line>();
  for (const list of listsOf(before)) {
    for (const [i, line] of list.entries()) {
      if (i % STEP_LINES === 0) yield;
      known.set(JSON.stringify(line), line);
    }
  }
  const same = function* <T extends Line>(list: readonly T[]): Steps<readonly T[]> {
    const lines: T[] = [];
    for (const [i, line] of list.entries()) {
      if (i % STEP_LINES === 0) yield;
      lines.push((known.get(JSON.stringify(line)) as T | undefined) ?? line);
    }
    return lines;
  };
  const instances: Instance[] = [];
  for (const instance of after.vrrp_instance) {
    const { virtual_ipaddress, virtual_ipaddress_excluded, virtual_routes, virtual_rules } = instance;
    instances.push({
      ...instance,
      ...(virtual_ipaddress && { virtual_ipaddress: yield* same(virtual_ipaddress) }),
      ...(virtual_ipaddress_excluded && {
        virtual_ipaddress_excluded: yield* same(virtual_ipaddress_excluded),
      }),
      ...(virtual_routes && { virtual_routes: yield* same(virtual_routes) }),
      ...(virtual_rules && { virtual_rules: yield* same(virtual_rules) }),
    });
  }
  return {
    ...after,
    vrrp_instance: instances,
    static_ipaddress: yield* same(after.static_ipaddress),
    static_routes: yield* same(after.static_routes),
    static_rules: yield* same(after.static_rules),
  };
}

const listsOf = (config: Config): readonly (readonly Line[])[] => [
  config.static_ipaddress,
  config.static_routes,
  config.static_rules,
  ...config.vrrp_instance.flatMap((instance) => [
    instance.virtual_ipaddress ?? [],
    instance.virtual_ipaddress_excluded ?? [],
    instance.virtual_routes ?? [],
    instance.virtual_rules ?? [],
  ]),
];
