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

/** Reads the block at the head of a line that starts (after blanks) with `~`. */
export function expandRepeat(text: string): Repeat {
  const head = /^\s*~(SEQx?|LST)\(/.exec(text);
  if (!head) return { kind: 'none' };
  const close = text.indexOf(')', head[0].length);
  if (close < 0) return { kind: 'wrong', message: `"~${head[1]}(" has no closing ")"` };
  const inside = text.slice(head[0].length, close);
  const result = head[1] === 'LST' ? list(inside) : sequence(inside, head[1] === 'SEQx');
  return typeof result === 'string'
    ? { kind: 'wrong', message: result }
    : { kind: 'bindings', bindings: result, restAt: close + 1 };
}

type Bindings = readonly (readonly (readonly [string, string])[])[];

function sequence(inside: string, hexadecimal: boolean): Bindings | string {
  const [name, ...written] = inside.split(',').map((part) => part.trim());
  if (!name || !isName(name)) return '~SEQ needs a variable name first: ~SEQ(var, start, step, end)';
  const numbers = written.map(integer);
  if (numbers.length < 1 || numbers.length > 3 || numbers.some((n) => n === undefined)) {
    return '~SEQ takes one to three whole numbers after the name: ~SEQ(var, start, step, end)';
  }
  const end = numbers.at(-1)!;
  const start = numbers.length > 1 ? numbers[0]! : end < 0 ? -1 : 1;
  const step = numbers.length > 2 ? numbers[1]! : end < start ? -1 : 1;
  if (step === 0) return '~SEQ has a step of 0 and would never end';
  const passes = Math.floor((end - start) / step) + 1;
  if (passes > PASSES_MAX) return `~SEQ repeats the line more than ${PASSES_MAX} times`;
  return Array.from({ length: Math.max(0, passes) }, (_v, i) => [
    [name, (start + i * step).toString(hexadecimal ? 16 : 10)] as const,
  ]);
}

function list(inside: string): Bindings | string {
  const items = splitItems(inside);
  const names = itemParts(items[0] ?? '');
  if (names.length === 0 || !names.every(isName)) return '~LST needs a variable name first: ~LST(var, value, ...)';
  if (items.length < 2) return '~LST needs at least one value';
  const bindings: (readonly [string, string])[][] = [];
  for (const item of items.slice(1)) {
    const values = names.length === 1 && !item.startsWith('{') ? [item] : itemParts(item);
    if (values.length !== names.length) return `~LST: "${item}" has ${values.length} values for ${names.length} names`;
    bindings.push(names.map((name, i) => [name, values[i]!] as const));
  }
  return bindings;
}

/** Splits at commas outside `{}`. */
function splitItems(text: string): string[] {
  return [...text.matchAll(/\s*(\{[^}]*\}|[^,{}]*)\s*(?:,|$)/g)]
    .map((match) => match[1]!.trim())
    .filter((item, i, all) => item !== '' || i < all.length - 1);
}

const itemParts = (item: string): string[] =>
  (item.startsWith('{') ? item.slice(1, -1) : item).split(',').map((part) => part.trim());

const isName = (text: string): boolean => /^[A-Za-z_]\w*$/.test(text);

function integer(text: string): number | undefined {
  const match = /^(-?)(0[xX][0-9a-fA-F]{1,8}|\d{1,10})$/.exec(text);
  return match ? Number(match[2]) * (match[1] ? -1 : 1) : undefined;
}
