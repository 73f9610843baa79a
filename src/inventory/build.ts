/** One pair's document and the layers under it, to the pair that shall be. */
import type { Problem } from '../base/problem.ts';
import { didYouMean } from '../base/suggest.ts';
import { checkAgreement } from './agree.ts';
import { checkInstance } from './check.ts';
import { checkPair } from './check-pair.ts';
import type { BuildContext } from './context.ts';
import { type BuiltInstance, buildInstance, type InstanceContext } from './instance.ts';
import { checkShape } from './issues.ts';
import { buildMember } from './member.ts';
import type { Member, Pair } from './model.ts';
import { instanceLayers, instanceNames, layersOf } from './router-layers.ts';
import { type PairYaml, pairSchema, SETTING_NAMES } from './schema.ts';
import type { YamlDocument } from './yaml.ts';

export interface BuiltPair {
  readonly pair: Pair;
  readonly instances: readonly (readonly [BuiltInstance, BuiltInstance])[];
}

/** @param name the pair's name: the file's, without its ending. Undefined where problems leave no pair. */
export function buildPair(document: YamlDocument, name: string, context: BuildContext): BuiltPair | undefined {
  const wrongMembers = membersNotTwo(document);
  const shape = checkShape(pairSchema, document);
  const underMembers = (p: Problem) => wrongMembers && p.at && p.at.line >= document.keyAt(['members']).line;
  context.problems.push(...(wrongMembers ? [wrongMembers] : []), ...shape.problems.filter((p) => !underMembers(p)));
  if (!shape.value) return undefined;
  const yaml = shape.value;
  const names = [yaml.members.primary, yaml.members.secondary] as const;
  if (!knownRouters(document, names, context)) return undefined;
  checkOverrides(document, yaml, names, context);

  const sides = names.map((router) => layersOf(router, name, yaml, document, context.inventory));
  const [first, second] = [sides[0]!, sides[1]!];
  const members = [
    buildMember(names[0], document.at(['members', 'primary']), first, context),
    buildMember(names[1], document.at(['members', 'secondary']), second, context),
  ] as const;
  const lists = new Map();
  const instances: [BuiltInstance, BuiltInstance][] = [];
  for (const instance of instanceNames(yaml)) {
    const at = document.keyAt(['vrrp', instance]);
    const shared = { ...context, lists, instance, at, names, primary: names[0] };
    const forMember = (index: 0 | 1): InstanceContext => ({
      ...shared,
      router: names[index],
      member: members[index],
      peer: members[1 - index]!,
      layers: instanceLayers(sides[index]!, instance),
      peerLayers: instanceLayers(sides[1 - index]!, instance),
    });
    const pair = [buildInstance(forMember(0)), buildInstance(forMember(1))] as const;
    if (!pair[0] || !pair[1]) continue;
    for (const [index, built] of pair.entries()) checkInstance(built!, members[index]!, context.problems);
    checkAgreement(pair[0], pair[1], context.problems);
    instances.push([pair[0], pair[1]]);
  }
  return finish(document, name, yaml, members, instances, context);
}

function finish(
  document: YamlDocument,
  name: string,
  yaml: PairYaml,
  members: readonly [Member, Member],
  instances: [BuiltInstance, BuiltInstance][],
  context: BuildContext,
): BuiltPair {
  const complete = (index: 0 | 1): Member => ({
    ...members[index],
    instances: instances.map((pair) => pair[index].intent),
    files: [
      ...new Map(
        [...members[index].files, ...instances.flatMap((p) => p[index].files)].map((f) => [f.path, f]),
      ).values(),
    ],
  });
  const pair: Pair = {
    name,
    at: document.at(['members']),
    members: [complete(0), complete(1)],
    acceptDualMaster: yaml.accept_dual_master ?? false,
  };
  checkPair(pair, instances, document, context.problems);
  return { pair, instances };
}

/** Three members or one: an error that says why, in the place of what the schema would say. */
function membersNotTwo(document: YamlDocument): Problem | undefined {
  const members = (document.value as { members?: unknown } | undefined)?.members;
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

function knownRouters(
  document: YamlDocument,
  names: readonly [string, string],
  { inventory, problems }: BuildContext,
): boolean {
  for (const [role, router] of [
    ['primary', names[0]],
    ['secondary', names[1]],
  ] as const) {
    if (inventory.routers.has(router)) continue;
    const hint = didYouMean(router, inventory.routers.keys()) ?? 'define it under routers: in a file of inventory/';
    problems.push({
      code: 'unknown-name',
      severity: 'error',
      message: `there is no router "${router}"`,
      at: document.at(['members', role]),
      hint,
    });
  }
  if (names[0] === names[1]) {
    problems.push({
      code: 'members-not-two',
      severity: 'error',
      message: `${names[0]} cannot be its own partner`,
      at: document.at(['members', 'secondary']),
    });
  }
  return names[0] !== names[1] && names.every((router) => inventory.routers.has(router));
}

function checkOverrides(
  document: YamlDocument,
  yaml: PairYaml,
  names: readonly string[],
  { problems }: BuildContext,
): void {
  const known = new Set(instanceNames(yaml));
  for (const [router, layer] of Object.entries(yaml.overrides ?? {})) {
    if (!names.includes(router)) {
      problems.push(unknown(`"${router}" is no member of this pair`, router, names, document, ['overrides', router]));
    }
    for (const [key, value] of Object.entries(layer?.vrrp ?? {})) {
      if (SETTING_NAMES.has(key) || known.has(key) || value === null) continue;
      problems.push(
        unknown(`this pair has no instance "${key}"`, key, known, document, ['overrides', router, 'vrrp', key]),
      );
    }
  }
}

function unknown(
  message: string,
  word: string,
  names: Iterable<string>,
  document: YamlDocument,
  path: readonly string[],
): Problem {
  const hint = didYouMean(word, names);
  return { code: 'unknown-name', severity: 'error', message, at: document.keyAt(path), ...(hint && { hint }) };
}
