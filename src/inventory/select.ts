/**
 * `--limit`: which pairs a command is about. Terms are joined by commas: a name, a glob or `label=value`, with `!`
 * in front to leave out. A term selects a pair when it fits the pair or either of its routers: never half a pair.
 */
import type { Checked, Problem } from '../base/problem.ts';
import { didYouMean } from '../base/suggest.ts';
import type { Fleet, Pair } from './model.ts';

interface Term {
  /** Without the `!`. */
  readonly word: string;
  readonly exclude: boolean;
  readonly matches: (pair: Pair) => boolean;
}

/**
 * The pairs that an expression selects, in the fleet's order; all where there is none. One that selects nothing is an
 * error, and so is an empty one: a variable that is not set must not mean the whole fleet.
 */
export function selectPairs(fleet: Fleet, expression: string | undefined): Checked<readonly Pair[]> {
  if (expression === undefined) return { value: fleet.pairs, problems: [] };
  if (expression.trim() === '') {
    return { problems: [problem('--limit is empty', "leave it out, or write --limit '*', for every pair")] };
  }
  const texts = expression.split(',').map((text) => text.trim());
  if (texts.some((text) => text === '' || text === '!')) {
    return {
      problems: [
        problem(`--limit ${expression} has an empty term`, 'write NAME, GLOB, label=value, or !TERM, joined by commas'),
      ],
    };
  }
  const terms = texts.map(readTerm);
  // A name that is mistyped behind `!` would let in what was to be left out; a pattern may fit nothing today.
  const lost = terms.filter((term) => !(term.exclude && /[*?]/.test(term.word)) && !fleet.pairs.some(term.matches));
  if (lost.length > 0)
    return { problems: lost.map((term) => problem(`--limit: nothing is called ${term.word}`, hintFor(term, fleet))) };
  const wanted = terms.filter((term) => !term.exclude);
  const value = fleet.pairs.filter(
    (pair) =>
      (wanted.length === 0 || wanted.some((term) => term.matches(pair))) &&
      !terms.some((term) => term.exclude && term.matches(pair)),
  );
  if (value.length === 0)
    return {
      problems: [problem(`--limit ${expression} leaves no pair`, 'everything that it selects is excluded again')],
    };
  return { value, problems: [] };
}

const problem = (message: string, hint: string | undefined): Problem => ({
  code: 'select-nothing',
  severity: 'error',
  message,
  ...(hint !== undefined && { hint }),
});

function readTerm(text: string): Term {
  const exclude = text.startsWith('!');
  const word = exclude ? text.slice(1).trim() : text;
  const equals = word.indexOf('=');
  if (equals > 0) {
    const [label, value] = [word.slice(0, equals), glob(word.slice(equals + 1))];
    const has = (labels: Readonly<Record<string, string>>) =>
      Object.hasOwn(labels, label) && value.test(labels[label]!);
    return { word, exclude, matches: (pair) => pair.members.some((member) => has(member.labels)) };
  }
  const name = glob(word);
  return { word, exclude, matches: (pair) => namesOf(pair).some((n) => name.test(n)) };
}

/** Everything that a plain word may mean: the pair, its routers, their groups. */
const namesOf = (pair: Pair): string[] => [
  pair.name,
  ...pair.members.flatMap((member) => [member.name, ...member.groups]),
];

/** `*` and `?` as in a shell; everything else stands for itself. */
const glob = (text: string): RegExp =>
  new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, (c) => (c === '*' ? '.*' : c === '?' ? '.' : `\\${c}`))}$`);

const hintFor = (term: Term, fleet: Fleet): string | undefined =>
  didYouMean(term.word, new Set(fleet.pairs.flatMap(namesOf)));
