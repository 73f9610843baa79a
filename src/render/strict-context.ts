/**
 * A template's data behind a Proxy that throws on a name it does not have: Handlebars' strict mode alone lets
 * `{{#if typo}}` and `{{#each typo}}` pass in silence.
 */

/** A template used a name that stands nowhere in its data; `near` are the names that do. */
export class UnknownName extends Error {
  readonly unknown: string;
  readonly near: readonly string[];

  constructor(unknown: string, near: readonly string[]) {
    super(`"${unknown}" is not known here`);
    this.unknown = unknown;
    this.near = near;
  }
}

/**
 * The same data, guarded all the way down. Objects and lists may not be printed as they are: `[object Object]`
 * in a router's file helps nobody.
 */
export function strictContext<T>(value: T): T {
  if (Array.isArray(value)) return strictList(value) as T;
  if (typeof value !== 'object' || value === null || isGuarded(value)) return value;
  return new Proxy(value, GUARD) as T;
}

const GUARDED = Symbol('guarded');
const isGuarded = (value: object): boolean => Reflect.get(value, GUARDED) === true;

const GUARD: ProxyHandler<object> = {
  get(target, name) {
    if (name === GUARDED) return true;
    if (name === Symbol.toPrimitive) return refusePrinting;
    if (typeof name === 'symbol') return Reflect.get(target, name);
    requireName(target, name);
    return strictContext(Reflect.get(target, name));
  },
  /** Handlebars asks `name in context` before it prints. */
  has(target, name) {
    if (typeof name === 'string') requireName(target, name);
    return true;
  },
};

function requireName(target: object, name: string): void {
  if (!Object.hasOwn(target, name)) throw new UnknownName(name, Object.keys(target));
}

function strictList(list: readonly unknown[]): unknown[] {
  const guarded = list.map(strictContext);
  Object.defineProperty(guarded, Symbol.toPrimitive, { value: refusePrinting });
  return guarded;
}

function refusePrinting(): never {
  throw new Error('this is a list or a group of values, not a text: use {{#each}}, or name one of its values');
}
