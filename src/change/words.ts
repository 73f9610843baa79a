/** Values in keepalived's words, one line each, for a reader of the plan. */
import { printAddress } from '../keepalived/address-line.ts';
import { KEYWORDS } from '../keepalived/keywords.ts';
import type { AddressLine, OtherLine, RouteLine, RuleLine, Track } from '../keepalived/model.ts';
import { printRoute } from '../keepalived/route-line.ts';
import { printRule } from '../keepalived/rule-line.ts';
import { canonical, compareText } from './lines.ts';

export const addressWords = (line: AddressLine): string => printAddress(line);
export const routeWords = (line: RouteLine): string => printRoute({ ...line, ...sortedOptions(line) });
export const ruleWords = (line: RuleLine): string => printRule({ ...line, ...sortedOptions(line) });

/** The text must not depend on the order in which the file has the options. */
const sortedOptions = ({ options }: RouteLine | RuleLine): Pick<RouteLine, 'options'> =>
  options ? { options: Object.fromEntries(Object.entries(options).sort(([a], [b]) => compareText(a, b))) } : {};

export const trackWords = ({ name, weight, reverse }: Track): string =>
  [name, weight === undefined ? '' : `weight ${weight}`, reverse ? 'reverse' : ''].filter(Boolean).join(' ');

/** Keywords whose values are secret wherever they stand. */
const SENSITIVE = new Set(['auth_pass', 'auth_hmac', 'key']);

export const isSensitive = (keyword: string): boolean => SENSITIVE.has(keyword);

export function otherWords(line: OtherLine): string {
  const block = line.block && `{ ${line.block.map(otherWords).join('; ')} }`;
  return [line.keyword, ...line.args, ...(block ? [block] : [])].join(' ');
}

/** How the file spells the value of a field of the model; fields of one name are spelled alike in every block. */
const SPELLING = new Map<string, (value: unknown) => string>(
  KEYWORDS.flatMap(({ field, form }) => {
    if (form.kind === 'value') return [[field, (value: unknown) => form.shape.write(value)] as const];
    if (form.kind !== 'lines') return [];
    return [
      [field, (value: unknown) => (value as readonly unknown[]).map((v) => form.shape.write(v)).join(' ')] as const,
    ];
  }),
);

/** A keyword's value as the file would spell it; empty for a keyword without one. */
export function valueWords(keyword: string, value: unknown): string {
  if (value === true) return '';
  if (value === false) return 'off';
  if (typeof value === 'string') return value;
  return SPELLING.get(keyword)?.(value) ?? (typeof value === 'number' ? String(value) : canonical(value));
}
