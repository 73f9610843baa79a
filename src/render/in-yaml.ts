/** What is wrong with what was derived, told where the YAML says it: nobody can mend a rendered file. */
import type { Location, Problem } from '../base/problem.ts';
import type { Member } from '../inventory/model.ts';
import { check } from '../keepalived/check.ts';
import type { Config } from '../keepalived/model.ts';

/** @param config what derive() made of the member */
export function checkDerived(config: Config, member: Member): readonly Problem[] {
  const places = placesOf(config, member);
  return check({
    config,
    problems: [],
    at: (node, key) => (key === undefined ? places.get(node) : undefined),
    isVague: () => false,
  })
    .filter(({ severity }) => severity === 'error')
    .map((problem) => ({ at: member.at, ...problem }));
}

/** A VIP stands where it is written, everything else of an instance at the instance. */
function placesOf({ vrrp_instance }: Config, { instances }: Member): ReadonlyMap<object, Location> {
  const places = new Map<object, Location>();
  for (const [index, intent] of instances.entries()) {
    const note = (node: unknown): void => {
      if (typeof node !== 'object' || node === null || places.has(node)) return;
      places.set(node, intent.at);
      Object.values(node).forEach(note);
    };
    for (const { line, at } of intent.vips) places.set(line, at);
    note(vrrp_instance[index]);
  }
  return places;
}
