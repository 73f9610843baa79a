/** Reads a tree's inventory/ and pairs/ into the fleet that shall be, with every problem of all of it. */
import { resolve } from 'node:path';
import { TextDecoder } from 'node:util';
import type { SourceText } from '../base/caret.ts';
import { type Checked, hasErrors, type Problem } from '../base/problem.ts';
import { isPrintable } from '../keepalived/quote.ts';
import { buildPair } from './build.ts';
import { collectInventory, type Inventory } from './collect.ts';
import type { BuildContext } from './context.ts';
import { type Explained, explain, unknownPath } from './explain.ts';
import type { Fleet, Pair } from './model.ts';
import { pairSchema } from './schema.ts';
import { type Claims, claimSegments } from './segments.ts';
import { checkShape } from './shape.ts';
import { diskTree, readWhole, type Tree } from './tree.ts';
import { parseYaml, type YamlDocument } from './yaml.ts';

/** 10,000 routers in one file are about 3 MB; beyond this a file is something else. */
const YAML_SIZE_MAX = 16 * 1024 * 1024;
/** A check script, even one with a payload in it. */
const SCRIPT_SIZE_MAX = 1024 * 1024;
const SECRET_SIZE_MAX = 64 * 1024;

export interface LoadOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where the files come from; default: the folder on disk. */
  readonly tree?: Tree;
}

export interface Loaded extends Checked<Fleet> {
  /** The text of a file of the tree, for excerpts. */
  readonly source: SourceText;
  /** Every secret value that was met: output is masked with them. */
  readonly secrets: ReadonlySet<string>;
}

/** The fleet, where nothing is wrong with it, and everything that is wrong or doubtful, in the order of its places. */
export async function loadFleet(root: string, options: LoadOptions): Promise<Loaded> {
  const tree = options.tree ?? diskTree(root);
  const { inventory, problems } = readInventory(tree);
  const context: BuildContext = {
    inventory,
    problems,
    secretValues: new Set(),
    secrets: { env: options.env, file: (path) => decode(readWhole(resolve(root, path), SECRET_SIZE_MAX)) },
    readFile: cached((path) => tree.read(path, SCRIPT_SIZE_MAX)),
  };
  const claims: Claims = new Map();
  const pairOf = new Map<string, Pair>();
  const pairs: Pair[] = [];
  const files = tree.list('pairs', { deep: false }).filter(isYaml);
  if (files.length === 0) problems.push(noPairs);
  for (const file of files) {
    if (!isPrintable(pairName(file)) || pairName(file) === '') {
      problems.push(badName(file));
      continue;
    }
    // One document at a time: places of 5,000 of them would fill the memory.
    const document = readYaml(tree, file, problems);
    const built = document && buildPair(document, pairName(file), context);
    if (!built) continue;
    if (pairs.at(-1)?.name === built.pair.name) problems.push(twoFiles(built.pair.name, file));
    pairs.push(built.pair);
    claimSegments(built, claims, problems);
    claimRouters(built.pair, pairOf, problems);
  }
  const sorted = inOrder(problems);
  return {
    ...(!hasErrors(sorted) && { value: { pairs: pairs.sort((a, b) => (a.name < b.name ? -1 : 1)) } }),
    problems: sorted,
    source: sourceOf(tree),
    secrets: context.secretValues,
  };
}

/**
 * Explains where a value comes from, once a router.
 * @param target a pair's name or file, then after a colon a path in it: `pairs/core.yaml:vrrp.VI_0.advert_int`
 */
export function explainPath(root: string, target: string, tree: Tree = diskTree(root)): Checked<readonly Explained[]> {
  const { inventory, problems } = readInventory(tree);
  const colon = target.indexOf(':');
  const [named, path] = colon < 0 ? [target, ''] : [target.slice(0, colon), target.slice(colon + 1)];
  const file = tree.list('pairs', { deep: false }).find((f) => isYaml(f) && (f === named || pairName(f) === named));
  if (!file) {
    problems.push({
      code: 'unknown-name',
      severity: 'error',
      message: `there is no pair "${named}"`,
      hint: 'name it as in pairs/NAME.yaml',
    });
    return { problems };
  }
  const document = readYaml(tree, file, problems);
  const shape = document && checkShape(pairSchema, document);
  problems.push(...(shape?.problems ?? []));
  const unknown = shape?.value && unknownPath(shape.value, path);
  if (unknown) problems.push(unknown);
  // With a value refused somewhere, what would hold without it is no answer.
  if (!document || !shape?.value || hasErrors(problems)) return { problems: inOrder(problems) };
  return {
    value: explain({ name: pairName(file), document, yaml: shape.value }, path, inventory),
    problems: inOrder(problems),
  };
}

const noPairs: Problem = {
  code: 'inventory-missing',
  severity: 'error',
  message: 'there is no file under pairs/',
  hint: 'the inventory/ and pairs/ of this package are an example to start from; -C names another folder',
};

/** The name stands in the routers' files. */
const badName = (file: string): Problem => ({
  code: 'text-unprintable',
  severity: 'error',
  message: `no pair can be called ${JSON.stringify(pairName(file))}`,
  at: { file, line: 1, column: 1 },
  hint: 'name the file by a plain word: pairs/NAME.yaml',
});

const twoFiles = (name: string, file: string): Problem => ({
  code: 'defined-twice',
  severity: 'error',
  message: `the pair ${name} has two files`,
  at: { file, line: 1, column: 1 },
});

const isYaml = (path: string): boolean => /\.ya?ml$/.test(path);
const pairName = (file: string): string => file.replace(/^pairs\//, '').replace(/\.ya?ml$/, '');

function readInventory(tree: Tree): { readonly inventory: Inventory; readonly problems: Problem[] } {
  const problems: Problem[] = [];
  const files = tree.list('inventory', { deep: true }).filter(isYaml);
  const documents = files.flatMap((file) => readYaml(tree, file, problems) ?? []);
  const collected = collectInventory(documents, documents.length === files.length);
  return { inventory: collected.inventory, problems: [...problems, ...collected.problems] };
}

function readYaml(tree: Tree, file: string, problems: Problem[]): YamlDocument | undefined {
  let text: string;
  try {
    text = decode(tree.read(file, YAML_SIZE_MAX));
  } catch (error) {
    const message = `${file} cannot be read: ${(error as Error).message}`;
    problems.push({ code: 'inventory-file', severity: 'error', message, at: { file, line: 1, column: 1 } });
    return undefined;
  }
  const parsed = parseYaml(text, file);
  problems.push(...parsed.problems);
  return parsed.value;
}

const strict = new TextDecoder('utf-8', { fatal: true });
const decode = (bytes: Uint8Array): string => {
  try {
    return strict.decode(bytes);
  } catch (error) {
    throw new Error('it is not UTF-8 text', { cause: error });
  }
};

function cached(read: (path: string) => Uint8Array): (path: string) => Uint8Array {
  const known = new Map<string, Uint8Array>();
  return (path) => {
    const found = known.get(path) ?? read(path);
    known.set(path, found);
    return found;
  };
}

/** The text of a file of the tree, for excerpts. */
export function sourceOf(tree: Tree): SourceText {
  return (file) => {
    try {
      return decode(tree.read(file, YAML_SIZE_MAX));
    } catch {
      return undefined; // an excerpt is left out; the problem itself stands
    }
  };
}

function claimRouters(pair: Pair, pairOf: Map<string, Pair>, problems: Problem[]): void {
  for (const member of pair.members) {
    const first = pairOf.get(member.name);
    if (!first) {
      pairOf.set(member.name, pair);
      continue;
    }
    const at = first.members.find(({ name }) => name === member.name)!.at;
    problems.push({
      code: 'router-in-two-pairs',
      severity: 'error',
      message: `${member.name} is a member of ${first.name} and of ${pair.name}; a router is in one pair`,
      at: member.at,
      related: [{ at, message: `it is a member of ${first.name} here` }],
    });
  }
}

/** By file and place; what both members of a pair have in common is said once. */
function inOrder(problems: readonly Problem[]): readonly Problem[] {
  const once = new Map<string, Problem>();
  for (const problem of problems) {
    const { at } = problem;
    const key = at ? `${problem.code} ${at.file}:${at.line}:${at.column}` : `${problem.code} ${problem.message}`;
    if (!once.has(key)) once.set(key, problem);
  }
  const place = ({ at }: Problem): string => at?.file ?? '';
  return [...once.values()].sort(
    (a, b) =>
      (place(a) < place(b) ? -1 : place(a) > place(b) ? 1 : 0) ||
      (a.at?.line ?? 0) - (b.at?.line ?? 0) ||
      (a.at?.column ?? 0) - (b.at?.column ?? 0),
  );
}
