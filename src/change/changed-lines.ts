/**
 * Of ten thousand lines that are the same objects in both files (known-lines.ts) nothing has to be compared: what is
 * left are those that are not, and those that could mean the same as one of them.
 */
import type { AddressLine, Instance, RouteLine, RuleLine } from '../keepalived/model.ts';

/** What a line is about: lines that mean the same have it in common. */
const ABOUT = {
  virtual_ipaddress: ({ address }: AddressLine) => address.text,
  virtual_ipaddress_excluded: ({ address }: AddressLine) => address.text,
  virtual_routes: ({ to }: RouteLine) => ('default' in to || to.prefix === 0 ? 'default' : to.text),
  virtual_rules: ({ priority }: RuleLine) => priority,
};

export type ListName = keyof typeof ABOUT;
export type Lines<Name extends ListName> = NonNullable<Instance[Name]>;

/** Both lists of an instance without the lines that stand in both, wherever that changes nothing of what differs. */
export function changedLines<Name extends ListName>(
  name: Name,
  before: Lines<Name>,
  after: Lines<Name>,
): readonly [before: Lines<Name>, after: Lines<Name>] {
  const [old, now]: readonly object[][] = differentParts(before, after);
  const [inOld, inNow] = [new Set(old), new Set(now)];
  const about = ABOUT[name] as (line: object) => unknown;
  const changed = [...old!.filter((line) => !inNow.has(line)), ...now!.filter((line) => !inOld.has(line))];
  if (changed.length === 0) return [[], []] as const;
  const subjects = new Set(changed.map(about));
  const concerned = (lines: readonly object[]): Lines<Name> =>
    lines.filter((line) => subjects.has(about(line))) as unknown as Lines<Name>;
  return [concerned(before), concerned(after)];
}

/** Without what both begin and end with. */
function differentParts(one: readonly object[], other: readonly object[]): [object[], object[]] {
  const shortest = Math.min(one.length, other.length);
  let from = 0;
  while (from < shortest && one[from] === other[from]) from += 1;
  let behind = 0;
  while (behind < shortest - from && one.at(-1 - behind) === other.at(-1 - behind)) behind += 1;
  return [one.slice(from, one.length - behind), other.slice(from, other.length - behind)];
}
