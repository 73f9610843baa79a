/** One pair's document and the layers under it, to the pair that shall be. */
import type { Problem } from '../base/problem.ts';
import { didYouMean } from '../base/suggest.ts';
import { isPrintable } from '../keepalived/quote.ts';
import { checkAgreement } from './agree.ts';
import { checkInstance } from './check.ts';
import { checkPair } from './check-pair.ts';
import { refusedAbout } from './collect.ts';
import type { BuildContext } from './context.ts';
import { certain, type Doubts, doubtsIn, EVERYTHING, type Refused } from './doubts.ts';
import { type BuiltInstance, buildInstance, type InstanceContext } from './instance.ts';
import type { Layer } from './layers.ts';
import { buildMember } from './member.ts';
import { findMembers, withMembers } from './members.ts';
import type { Member, Pair } from './model.ts';
import { instanceLayers, instanceNames, layersOf, routerLayers } from './router-layers.ts';
import { type PairYaml, pairSchema, SETTING_NAMES } from './schema.ts';
import { checkShape } from './shape.ts';
import type { YamlDocument } from './yaml.ts';

export interface BuiltPair {
  readonly pair: Pair;
  readonly instances: readonly (readonly [BuiltInstance, BuiltInstance])[];
}

/**
 * What is refused in the pair's file, and names that are nowhere, are as if nobody had said them: the rest is built
 * and checked all the same.
 * @param name the pair's name: the file's, without its ending. Undefined where the file holds no pair at all.
 */
export function buildPair(document: YamlDocument, name: string, context: BuildContext): BuiltPair | undefined {
  const { inventory, problems } = context;
  const found = findMembers(document, inventory);
  const shape = checkShape(pairSchema, document, withMembers(document.value, found.members));
  problems.push(...found.problems, ...shape.problems);
  if (!shape.value) return undefined;
  const yaml = shape.value;
  const names = [yaml.members.primary, yaml.members.secondary] as const;
  const refused = [...refusedAbout(inventory, names), ...shape.refused];
  hideRefused(refused, context.secretValues);

  const first = layersOf(names[0], name, yaml, document, inventory);
  const second = layersOf(names[1], name, yaml, document, inventory);
  const doubtsOf = (layers: readonly Layer<object>[]): Doubts =>
    found.known && inventory.complete ? doubtsIn(layers, refused) : new Set([EVERYTHING]);
  const doubts = doubtsOf([...routerLayers(first), ...routerLayers(second)]);
  const own: Problem[] = [];
  const forPair = { ...context, problems: own, doubts };
  const installed = [new Map<string, string>(), new Map<string, string>()] as const;
  const members = [
    buildMember(names[0], document.at(['members', 'primary']), first, { ...forPair, installed: installed[0] }),
    buildMember(names[1], document.at(['members', 'secondary']), second, { ...forPair, installed: installed[1] }),
  ] as const;
  const lists = new Map();
  const instances = namedInstances(document, yaml, problems).map((instance) => {
    const layers = [instanceLayers(first, instance), instanceLayers(second, instance)] as const;
    const inInstance = new Set([...doubts, ...doubtsOf([...layers[0], ...layers[1]])]);
    const at = document.keyAt(['vrrp', instance]);
    const shared: Shared = { ...context, problems: [], lists, instance, at, names, refused, doubts: inInstance };
    return buildBoth(shared, layers, members, installed, problems);
  });
  checkOverrides(document, yaml, names, forPair);
  const unnamed = shape.refused.some(({ path }) => path[0] === 'vrrp' && path.length <= 2);
  const all = new Set([
    ...doubts,
    ...(unnamed ? ['vrrp'] : []),
    ...instances.flatMap(([one, other]) => [...one.doubts, ...other.doubts]),
  ]);
  const built = finish(document, name, yaml, members, instances);
  checkPair(built.pair, instances, document, own);
  problems.push(...certain(own, all));
  return built;
}

/** The instances whose names can stand in keepalived.conf; the others are problems. */
function namedInstances(document: YamlDocument, yaml: PairYaml, problems: Problem[]): string[] {
  return instanceNames(yaml).filter((name) => {
    if (name !== '' && isPrintable(name)) return true;
    const at = document.keyAt(['vrrp', name]);
    const message = `no instance can be called ${JSON.stringify(name)}: keepalived.conf cannot carry it`;
    problems.push({ code: 'text-unprintable', severity: 'error', message, at, hint: 'choose a plain word' });
    return false;
  });
}

/** A password that YAML reads as a number (12e4) is one all the same: it is not shown above its caret. */
function hideRefused(refused: readonly Refused[], secretValues: Set<string>): void {
  for (const { document, path } of refused) {
    const source = SECRETS.has(path.at(-1)) && document.has(path) ? document.sourceOf(path) : '';
    if (/^[-+.\d]+\w*$/.test(source)) secretValues.add(source);
  }
}

const SECRETS: ReadonlySet<unknown> = new Set(['auth_pass', 'sudo_password']);

type Shared = Omit<InstanceContext, 'installed' | 'router' | 'member' | 'peer' | 'layers' | 'peerLayers'>;

/** One instance on both members, with what is certainly wrong with it. */
function buildBoth(
  shared: Shared,
  layers: readonly [readonly Layer<object>[], readonly Layer<object>[]],
  members: readonly [Member, Member],
  installed: readonly [Map<string, string>, Map<string, string>],
  problems: Problem[],
): readonly [BuiltInstance, BuiltInstance] {
  const forMember = (index: 0 | 1): BuiltInstance =>
    buildInstance({
      ...shared,
      router: shared.names[index],
      member: members[index],
      installed: installed[index],
      peer: members[1 - index]!,
      layers: layers[index],
      peerLayers: layers[1 - index]!,
    });
  const pair = [forMember(0), forMember(1)] as const;
  for (const index of [0, 1] as const) checkInstance(pair[index], members[index], shared.problems);
  checkAgreement(pair[0], pair[1], shared.problems);
  problems.push(...certain(shared.problems, new Set([...pair[0].doubts, ...pair[1].doubts])));
  return pair;
}

function finish(
  document: YamlDocument,
  name: string,
  yaml: PairYaml,
  members: readonly [Member, Member],
  instances: BuiltPair['instances'],
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
  return { pair, instances };
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
