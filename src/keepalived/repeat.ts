/**
 * `~SEQ(var, start, step, end)`, `~SEQx(...)` (hexadecimal) and `~LST(var, a, b)`, `~LST({v, w}, {a, b}, ...)`:
 * man keepalived.conf, "Sequence blocks" and "List blocks". The rest of the line is read once for each binding.
 */

export type Repeat =
  /** The line starts with neither. */
  | { readonly kind: 'none' }
  | { readonly kind: 'wrong'; readonly message: string }
  | {
      readonly kind: 'bindings';
      /** For each pass the variables and their values. */
      readonly bindings: readonly (readonly (readonly [name: string, value: string])[])[];
      /** Where the rest of the line starts. */
      readonly restAt: number;
    };

/** VRIDs and octets give a few hundred passes; more is a mistake, or means harm. */
const PASSES_MAX = 65_536;

/** Reads the block at the head of a line that starts (after blanks) with `~`; the numbers of `~SEQ` may be variables. */
export function expandRepeat(text: string, lookUp: (name: string) => string | undefined): Repeat {
  const head = /^\s*~(SEQx?|LST)\s*\(/.exec(text);
  if (!head) return { kind: 'none' };
  const close = text.indexOf(')', head[0].length);
  if (close < 0) return { kind: 'wrong', message: `"~${head[1]}(" has no closing ")"` };
  const inside = text.slice(head[0].length, close);
  const result = head[1] === 'LST' ? list(inside) : sequence(inside, head[1] === 'SEQx', lookUp);
  return typeof result === 'string'
    ? { kind: 'wrong', message: result }
    : { kind: 'bindings', bindings: result, restAt: close + 1 };
}

type Bindings = readonly (readonly (readonly [string, string])[])[];

function sequence(
  inside: string,
  hexadecimal: boolean,
  lookUp: (name: string) => string | undefined,
): Bindings | string {
  const [name, ...written] = inside.split(',').map((part) => part.trim());
  if (!name || !isName(name)) return '~SEQ needs a variable name first: ~SEQ(var, start, step, end)';
  const numbers = written.map((number) => integer(withValues(number, lookUp)));
  if (numbers.length < 1 || numbers.length > 3 || numbers.some((n) => n === undefined)) {
    return '~SEQ takes one to three whole numbers after the name: ~SEQ(var, start, step, end)';
  }
  const end = numbers.at(-1)!;
  const start = numbers.length > 1 ? numbers[0]! : end < 0 ? -1 : 1;
  const step = numbers.length > 2 ? numbers[1]! : end < start ? -1 : 1;
  if (step === 0) return '~SEQ has a step of 0 and would never end';
  const passes = Math.floor((end - start) / step) + 1;
  if (passes < 1) return '~SEQ starts beyond its end';
  if (passes > PASSES_MAX) return `~SEQ repeats the line more than ${PASSES_MAX} times`;
  return Array.from({ length: passes }, (_v, i) => [
    [name, (start + i * step).toString(hexadecimal ? 16 : 10)] as const,
  ]);
}

/** Variables in the numbers: their values may name others, a few deep. */
function withValues(text: string, lookUp: (name: string) => string | undefined, depth = 0): string {
  if (depth > VALUES_DEPTH_MAX || !text.includes('$')) return text;
  const replaced = text.replace(/\$(?:\{(\w+)\}|(\w+))/g, (all, a, b) => lookUp(a ?? b) ?? all);
  return replaced === text || replaced.length > NUMBER_LENGTH_MAX ? replaced : withValues(replaced, lookUp, depth + 1);
}

const VALUES_DEPTH_MAX = 16;
/** No number is as long. */
const NUMBER_LENGTH_MAX = 64;

function list(inside: string): Bindings | string {
  const items = inside.split(/,(?![^{}]*\})/).map((item) => item.trim());
  const wrong = items.find(
    (item) => !/^(\{[^{}]*\}|[^{}\s]*)$/.test(item) || itemParts(item).some((one) => /\s/.test(one)),
  );
  if (wrong !== undefined) return `~LST: "${wrong}" is neither a word nor {words, with commas}`;
  const names = itemParts(items[0]!);
  if (!names.every(isName)) return '~LST needs a variable name first: ~LST(var, value, ...)';
  if (items.length < 2) return '~LST needs at least one value';
  const bindings: (readonly [string, string])[][] = [];
  for (const item of items.slice(1)) {
    const values = itemParts(item);
    if (values.length !== names.length) return `~LST: "${item}" has ${values.length} values for ${names.length} names`;
    bindings.push(names.map((name, i) => [name, values[i]!] as const));
  }
  return bindings;
}

const itemParts = (item: string): string[] =>
  item.startsWith('{')
    ? item
        .slice(1, -1)
        .split(',')
        .map((part) => part.trim())
    : [item];

const isName = (text: string): boolean => /^[A-Za-z_]\w*$/.test(text);

function integer(text: string): number | undefined {
  const match = /^(-?)(0[xX][0-9a-fA-F]{1,8}|\d{1,10})$/.exec(text);
  return match ? Number(match[2]) * (match[1] ? -1 : 1) : undefined;
}
