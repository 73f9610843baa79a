/** Which two routers a pair's file names. */
import type { Problem } from '../base/problem.ts';
import { didYouMean } from '../base/suggest.ts';
import type { Inventory } from './collect.ts';
import { isMap } from './layers.ts';
import { pairSchema } from './schema.ts';
import { checkShape } from './shape.ts';
import type { YamlDocument } from './yaml.ts';

export interface FoundMembers {
  readonly members: { readonly primary: string; readonly secondary: string };
  /** Both are there: what is concluded from their layers is so. */
  readonly known: boolean;
  readonly problems: readonly Problem[];
}

/** Stand where a pair names no router, so that the rest of its file is checked: no router is called so. */
const NOBODY = { primary: '(primary)', secondary: '(secondary)' } as const;

const ONLY_MEMBERS = pairSchema.pick({ members: true });

export function findMembers(document: YamlDocument, inventory: Inventory): FoundMembers {
  const said = isMap(document.value) ? document.value.members : undefined;
  if (!isMap(document.value)) return { members: NOBODY, known: false, problems: [] };
  const notTwo = membersNotTwo(document, said);
  const problems = notTwo
    ? [notTwo]
    : [...checkShape(ONLY_MEMBERS, document, said === undefined ? {} : { members: said }).problems];
  const nameIn = (role: 'primary' | 'secondary'): string => {
    const name = isMap(said) ? said[role] : undefined;
    return typeof name === 'string' && name !== '' ? name : NOBODY[role];
  };
  const members = { primary: nameIn('primary'), secondary: nameIn('secondary') };
  if (problems.length === 0 && said !== undefined) problems.push(...checkNames(document, members, inventory));
  const known = problems.length === 0 && Object.values(members).every((name) => inventory.routers.has(name));
  return { members: members.primary === members.secondary ? { ...members, ...SECOND } : members, known, problems };
}

const SECOND = { secondary: NOBODY.secondary };

/** The document's value with these members in the place of what it says. */
export const withMembers = (value: unknown, members: FoundMembers['members']): unknown =>
  isMap(value) ? { ...value, members } : value;

/** Three members or one: an error that says why, in the place of what the schema would say. */
function membersNotTwo(document: YamlDocument, members: unknown): Problem | undefined {
  if (typeof members !== 'object' || members === null) return undefined;
  const count = Object.keys(members).length;
  if (count === 2 && !Array.isArray(members)) return undefined;
  return {
    code: 'members-not-two',
    severity: 'error',
    message:
      count === 2
        ? 'members are named by their roles'
        : `this pair has ${count} member${count === 1 ? '' : 's'}; a pair has exactly two`,
    at: document.at(['members']),
    hint:
      count > 2
        ? 'order, proof and rollback of a change rest on one partner that holds the VIPs meanwhile; make a second pair of the third router'
        : 'write members: { primary: ROUTER, secondary: ROUTER }',
  };
}

function checkNames(document: YamlDocument, members: FoundMembers['members'], inventory: Inventory): Problem[] {
  const problems: Problem[] = [];
  for (const role of ['primary', 'secondary'] as const) {
    const router = members[role];
    // A file that cannot be read may define it.
    if (inventory.routers.has(router) || !inventory.complete) continue;
    const hint = didYouMean(router, inventory.routers.keys()) ?? 'define it under routers: in a file of inventory/';
    const at = document.at(['members', role]);
    problems.push({ code: 'unknown-name', severity: 'error', message: `there is no router "${router}"`, at, hint });
  }
  if (members.primary === members.secondary) {
    const message = `${members.primary} cannot be its own partner`;
    const at = document.at(['members', 'secondary']);
    problems.push({ code: 'members-not-two', severity: 'error', message, at });
  }
  return problems;
}
