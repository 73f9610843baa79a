/** What zod found wrong with a document, as problems at their places. */
import * as z from 'zod';
import type { Problem } from '../base/problem.ts';
import { didYouMean, suggest } from '../base/suggest.ts';
import { type Refusal, refusals } from './fields.ts';
import type { Path, YamlDocument } from './yaml.ts';

type Issue = z.core.$ZodIssue;
type Schema = z.core.$ZodType;

/** An issue, or what is wrong inside the form of a union that is meant. */
export function innermost(issue: Issue): Issue[] {
  const branch = issue.code === 'invalid_union' ? meantBranch(issue.errors) : undefined;
  if (!branch) return [issue];
  return branch.flatMap((inner) => innermost({ ...inner, path: [...issue.path, ...inner.path] } as Issue));
}

/** @param root the type of the whole document */
export function problemsOf(issue: Issue, root: Schema, document: YamlDocument): Problem[] {
  const path = issue.path as (string | number)[];
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(root, path);
    return issue.keys.map((key) => unknownKey(key, known, document, path));
  }
  const at = issue.code === 'invalid_key' ? document.keyAt(path) : document.at(path);
  const own = issue.code === 'custom' ? (issue.params?.refusal as Refusal | undefined) : undefined;
  const refusal =
    own ??
    (issue.code === 'invalid_key' ? keyTypesAt(root, path.slice(0, -1)) : schemasAt(root, path))
      .map((schema) => refusals.get(schema))
      .find((found) => found !== undefined);
  const says = !isOfAnotherKind(issue) || (NUMBERS_TOO.includes(refusal?.code) && document.has(path));
  if (refusal && says) return [{ severity: 'error', at, ...refusal }];
  if (issue.code === 'invalid_key') {
    const message = issue.issues[0]?.message ?? 'this key is not allowed';
    return [{ code: 'inventory-value', severity: 'error', message: `not a name that can stand here: ${message}`, at }];
  }
  const setting = path.length > 0 && issue.code === 'invalid_type' ? meantSetting(root, path) : undefined;
  if (setting) return [unknownKey(String(path.at(-1)), setting, document, path.slice(0, -1))];
  if (missing(issue, document, path) && isMisspelt(path, root, document)) return [];
  const quote = quoteIt(issue, document, path);
  return [
    {
      code: missing(issue, document, path) ? 'inventory-missing' : 'inventory-value',
      severity: 'error',
      message: missing(issue, document, path)
        ? `${JSON.stringify(String(path.at(-1)))} is missing`
        : `${nameOf(path, (name) => `${name}: `)}${inWords(issue)}`,
      at,
      ...(quote && { hint: quote }),
    },
  ];
}

/** Whether a key beside the missing one is meant as it: that is told as an unknown key. */
function isMisspelt(path: Path, root: Schema, document: YamlDocument): boolean {
  const parent = path.slice(0, -1);
  const known = keysAt(root, parent);
  const said = Object.keys((valueAt(document.value, parent) as object | undefined) ?? {});
  return said.some((key) => !known.includes(key) && suggest(key, known) === path.at(-1));
}

/** A number where a text or a list belongs, and the like. */
const isOfAnotherKind = (issue: Issue): boolean =>
  issue.code === 'invalid_type' ||
  (issue.code === 'invalid_union' &&
    issue.errors.every((branch) => branch.some((i) => i.path.length === 0 && isOfAnotherKind(i as Issue))));

/** What says how to write its text better than "quote it" does, where YAML has read a number: `advert_int: 1`. */
const NUMBERS_TOO: readonly (string | undefined)[] = ['bad-duration', 'bad-address'];

function unknownKey(key: string, known: readonly string[], document: YamlDocument, path: Path): Problem {
  const hint = didYouMean(key, known);
  return {
    code: 'unknown-key',
    severity: 'error',
    message: `unknown key "${key}"${nameOf(path, (name) => ` in ${name}`)}`,
    at: document.keyAt([...path, key]),
    hint: key === '<<' ? NO_MERGE_KEYS : (hint ?? `known here: ${known.join(', ')}`),
  };
}

const NO_MERGE_KEYS = 'YAML 1.2 has no merge keys: what routers have in common stands in defaults or in a group';

/** What people call the value at a path: its key, for an item of a list the list's; of the document itself nothing. */
function nameOf(path: Path, say: (name: string) => string): string {
  const name = path.findLast((step) => typeof step === 'string');
  return name === undefined ? '' : say(name);
}

/** Beside named maps (instances) stand settings: a word near one of them, with a value that is no map, is meant as it. */
function meantSetting(root: Schema, path: Path): string[] | undefined {
  const parent = schemasAt(root, path.slice(0, -1)).find(
    (s) => s instanceof z.ZodObject && s.def.catchall instanceof z.ZodNullable,
  );
  if (!(parent instanceof z.ZodObject)) return undefined;
  const settings = Object.keys(parent.shape);
  const word = String(path.at(-1));
  return settings.includes(word) || !didYouMean(word, settings) ? undefined : settings;
}

const missing = (issue: Issue, document: YamlDocument, path: Path): boolean =>
  isOfAnotherKind(issue) && path.length > 0 && !document.has(path);

/** Of a union's branches, the one that the value has the outer form of, where just one has. */
function meantBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const meant = branches.filter(
    (issues) => !issues.some((i) => i.path.length === 0 && (i.code === 'invalid_type' || i.code === 'invalid_value')),
  );
  return meant.length === 1 ? meant[0] : undefined;
}

/** `12e4` for a password reads as a number: the way out is to quote it. */
function quoteIt(issue: Issue, document: YamlDocument, path: Path): string | undefined {
  const expectsText =
    (issue.code === 'invalid_type' && issue.expected === 'string') ||
    (issue.code === 'invalid_union' &&
      issue.errors.flat().some((i) => i.code === 'invalid_type' && i.expected === 'string'));
  if (!expectsText || !document.has(path)) return undefined;
  const source = document.sourceOf(path);
  return /^[^\s"'[{|>&*-][^\s"']*$/.test(source) ? `YAML reads it as something else than text: quote it` : undefined;
}

function inWords(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `this must be ${KIND[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `this must be ${oneOf(issue.values.map(String))}`;
    case 'too_small':
      return `this must be at least ${issue.minimum}`;
    case 'too_big':
      return `this must be at most ${issue.maximum}`;
    case 'invalid_union':
      return `this must be ${oneOf(unionKinds(issue))}`;
    default:
      return 'this value is not allowed here';
  }
}

const KIND: Readonly<Record<string, string>> = {
  object: 'a map',
  record: 'a map',
  array: 'a list',
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
};

function unionKinds(issue: Extract<Issue, { code: 'invalid_union' }>): string[] {
  const kinds = issue.errors.flatMap((branch) =>
    branch
      .filter((inner) => inner.path.length === 0)
      .flatMap((inner) => {
        if (inner.code === 'invalid_type') return [KIND[inner.expected] ?? inner.expected];
        return inner.code === 'invalid_value' ? inner.values.map(String) : [];
      }),
  );
  return [...new Set(kinds)];
}

const oneOf = (words: readonly string[]): string =>
  words.length < 2 ? (words[0] ?? 'something else') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;

/** The keys that the map at a path may have. */
export function keysAt(root: Schema, path: Path): string[] {
  return [...new Set(schemasAt(root, path).flatMap((s) => (s instanceof z.ZodObject ? Object.keys(s.shape) : [])))];
}

/** The types that a key of the map at a path must have. */
const keyTypesAt = (root: Schema, path: Path): Schema[] =>
  schemasAt(root, path).flatMap((schema) => (schema instanceof z.ZodRecord ? [schema.keyType] : []));

/** The types that a path may stand for: several where a union has several forms. */
function schemasAt(root: Schema, path: Path): Schema[] {
  let found = unwrap(root);
  for (const step of path) {
    found = found.flatMap((schema) => child(schema, step)).flatMap(unwrap);
  }
  return found;
}

/** The type itself, without what makes it optional, and each branch of a union (the union too: it may have a refusal). */
function unwrap(schema: Schema): Schema[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) return unwrap(schema.unwrap());
  if (schema instanceof z.ZodUnion) return [schema, ...schema.options.flatMap(unwrap)];
  return [schema];
}

function child(schema: Schema, step: string | number): Schema[] {
  if (schema instanceof z.ZodObject) {
    const own = Object.hasOwn(schema.shape, step) ? schema.shape[step] : schema.def.catchall;
    return own ? [own] : [];
  }
  if (schema instanceof z.ZodRecord) return [schema.valueType];
  return schema instanceof z.ZodArray && typeof step === 'number' ? [schema.element] : [];
}

/** The value at a path, as far as maps and lists of their own lead. */
export const valueAt = (root: unknown, path: Path): unknown =>
  path.reduce<unknown>(
    (value, step) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, step) ? Reflect.get(value, step) : undefined,
    root,
  );
