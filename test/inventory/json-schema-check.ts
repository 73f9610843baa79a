/**
 * A check of values against the part of JSON Schema (2020-12) that the shipped schemas use, so that they are tried
 * as an editor tries them. A keyword that it does not know is an error: nothing passes unseen.
 */
type Schema = Readonly<Record<string, unknown>>;

const ANNOTATIONS = new Set(['$schema', '$defs', 'title', 'description', 'default']);

export function jsonSchemaErrors(root: Schema, value: unknown): string[] {
  return errorsOf(root, value, '', root);
}

function errorsOf(schema: Schema, value: unknown, path: string, root: Schema): string[] {
  return Object.entries(schema).flatMap(([keyword, rule]) => {
    if (ANNOTATIONS.has(keyword)) return [];
    const check = KEYWORDS[keyword];
    if (!check) return [`${path}: the check does not know "${keyword}"`];
    return check(rule as never, value, path, { schema, root });
  });
}

interface Context {
  readonly schema: Schema;
  readonly root: Schema;
}
type Check = (rule: never, value: unknown, path: string, context: Context) => string[];

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const TYPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  object: isMap,
  array: Array.isArray,
  string: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number',
  integer: Number.isInteger,
  boolean: (value) => typeof value === 'boolean',
  null: (value) => value === null,
};
const when = (wrong: boolean, text: string): string[] => (wrong ? [text] : []);

const KEYWORDS: Readonly<Record<string, Check>> = {
  $ref: (ref: string, value, path, { root }) => {
    const found = ref
      .slice(2)
      .split('/')
      .reduce<unknown>((at, step) => (at as Schema)[step], root);
    return errorsOf(found as Schema, value, path, root);
  },
  type: (types: string | string[], value, path) =>
    when(![types].flat().some((type) => TYPES[type]!(value)), `${path}: not ${types}`),
  const: (only: unknown, value, path) => when(value !== only, `${path}: not ${only}`),
  enum: (all: unknown[], value, path) => when(!all.includes(value), `${path}: not one of ${all}`),
  minimum: (min: number, value, path) => when((value as number) < min, `${path}: below ${min}`),
  maximum: (max: number, value, path) => when((value as number) > max, `${path}: above ${max}`),
  minLength: (min: number, value, path) => when((value as string).length < min, `${path}: too short`),
  minItems: (min: number, value, path) => when((value as unknown[]).length < min, `${path}: too few`),
  pattern: (pattern: string, value, path) =>
    when(!new RegExp(pattern, 'u').test(String(value)), `${path}: not ${pattern}`),
  required: (keys: string[], value, path) =>
    keys.flatMap((key) => when(!isMap(value) || !Object.hasOwn(value, key), `${path}: no ${key}`)),
  anyOf: (branches: Schema[], value, path, { root }) => {
    const all = branches.map((branch) => errorsOf(branch, value, path, root));
    return all.some((errors) => errors.length === 0) ? [] : [`${path}: fits no branch`, ...all.flat()];
  },
  items: (items: Schema, value, path, { root }) =>
    Array.isArray(value) ? value.flatMap((item, index) => errorsOf(items, item, `${path}[${index}]`, root)) : [],
  propertyNames: (names: Schema, value, path, { root }) =>
    isMap(value) ? Object.keys(value).flatMap((key) => errorsOf(names, key, `${path} key ${key}`, root)) : [],
  properties: (properties: Record<string, Schema>, value, path, { root }) =>
    Object.entries(properties).flatMap(([key, property]) =>
      isMap(value) && Object.hasOwn(value, key) ? errorsOf(property, value[key], `${path}.${key}`, root) : [],
    ),
  additionalProperties: (rule: Schema | false, value, path, { schema, root }) => {
    const known = new Set(Object.keys((schema.properties as object) ?? {}));
    const rest = isMap(value) ? Object.entries(value).filter(([key]) => !known.has(key)) : [];
    return rest.flatMap(([key, item]) =>
      rule === false ? [`${path}: unknown key ${key}`] : errorsOf(rule, item, `${path}.${key}`, root),
    );
  },
};
