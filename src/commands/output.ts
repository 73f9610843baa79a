/**
 * Everything that Tandem prints goes through here: results to standard output, problems and events to standard
 * error. Off a terminal no control byte goes out, a secret goes out nowhere, and under `--json` standard output
 * has JSON documents only, one a line, each with the name and version of its format.
 */
import { styleText } from 'node:util';
import { formatProblem, type Paint, type SourceText } from '../base/caret.ts';
import type { Problem } from '../base/problem.ts';
import { asterisks, createMask } from './mask.ts';
import { createProgress } from './progress.ts';

export type ColorChoice = 'auto' | 'always' | 'never';

export interface Output {
  readonly json: boolean;
  /** Colours text for `result`; leaves it as it is where standard output has no colour. */
  readonly paint: Paint;
  /** A line (or several) of what was asked for. Not under --json. */
  result(text: string): void;
  /** One event on its way, a line on standard error: the same on a terminal and in CI. Not under --json. */
  event(text: string): void;
  /** How far something is that takes a while (`undefined`: it is over); see progress.ts. Not under --json. */
  progress(what: string, text: string | undefined): void;
  /** A JSON document, only under --json; `format` is stable and has its schema in docs/. */
  document(format: string, version: number, body: Readonly<Record<string, unknown>>): void;
  /** All problems with their places, on standard error; under --json a document. */
  problems(problems: readonly Problem[], source?: SourceText): void;
  /** What must never be printed, by anyone, from now on. */
  hide(secret: string): void;
}

/** Where output goes and what it knows of its surroundings: the process's own, or a test's. */
export interface Sink {
  write(text: string): void;
  readonly isTerminal: boolean;
  /** The width of the terminal, as it is now. */
  readonly columns?: number | undefined;
}

export interface OutputOptions {
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly color: ColorChoice;
  readonly json: boolean;
  /** Milliseconds, monotonic; a test's own. */
  readonly now?: () => number;
}

/** Of a terminal that does not say how wide it is, or says 0. */
const COLUMNS = 80;

export function createOutput(options: OutputOptions): Output {
  const { stdout, stderr, env, color, json, now = () => performance.now() } = options;
  const mask = createMask();
  const coloredOut = !json && hasColor(color, stdout, env);
  const coloredErr = hasColor(color, stderr, env);
  const paintErr = coloredErr ? paintAnsi : paintPlain;
  const safe = (text: string, colored: boolean) => withoutControl(mask.apply(text), colored);
  const write = (sink: Sink, colored: boolean, text: string) =>
    progress.above(() => sink.write(`${safe(text, colored)}\n`));
  const progress = createProgress({
    moves: stderr.isTerminal && env.TERM !== 'dumb',
    write: (text) => stderr.write(text),
    line: (text) => output.event(text),
    columns: () => stderr.columns || COLUMNS,
    now,
  });
  const output: Output = {
    json,
    paint: coloredOut ? paintAnsi : paintPlain,
    result: (text) => {
      if (!json) write(stdout, coloredOut, text);
    },
    event: (text) => {
      if (!json) write(stderr, coloredErr, text);
    },
    progress: (what, text) => {
      if (!json) progress.set(safe(what, false), text === undefined ? undefined : safe(text, false));
    },
    document: (format, version, body) => {
      if (json) stdout.write(`${JSON.stringify(maskValues({ format, version, ...body }, mask.apply))}\n`);
    },
    problems: (problems, source = () => undefined) => {
      if (problems.length > 0) output.document('tandem.problems', 1, { problems });
      if (json) return;
      // In lines: a file with thousands of problems is cut up once.
      const masked = memo((file) => {
        const text = mask.apply(source(file) ?? '', asterisks);
        return text === '' ? undefined : text.split('\n');
      });
      for (const problem of problems) write(stderr, coloredErr, `${formatProblem(problem, masked, paintErr)}\n`);
    },
    hide: mask.hide,
  };
  return output;
}

/** https://no-color.org: NO_COLOR with any text turns colour off; what was asked for on the command line goes first. */
function hasColor(choice: ColorChoice, sink: Sink, env: OutputOptions['env']): boolean {
  if (choice !== 'auto') return choice === 'always';
  if (env.NO_COLOR) return false;
  return sink.isTerminal && env.TERM !== 'dumb';
}

const STYLES = { error: 'red', warning: 'yellow', good: 'green', dim: 'dim', bold: 'bold' } as const;
const paintAnsi: Paint = (style, text) => styleText(STYLES[style], text, { validateStream: false });
const paintPlain: Paint = (_style, text) => text;

/**
 * Replaces control characters and the ones that turn the direction of text: router output and files are hostile
 * until shown otherwise. Where there is colour, exactly the sequences that `paintAnsi` writes pass.
 */
function withoutControl(text: string, colored: boolean): string {
  const unsafe = /\p{Cc}\[(?:1|2|22|31|32|33|39)m|[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
  return text.replace(unsafe, (match) => {
    if (match === '\n' || match === '\t') return match;
    if (match.length === 1) return '\u00b7';
    return colored && match.startsWith('\u001b') ? match : `\u00b7${match.slice(1)}`;
  });
}

function maskValues(value: unknown, apply: (text: string) => string): unknown {
  if (typeof value === 'string') return apply(value);
  if (Array.isArray(value)) return value.map((item) => maskValues(item, apply));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [apply(key), maskValues(item, apply)]));
}

/** Several problems of one file look at the same text: it is masked once. */
function memo<T>(source: (file: string) => T): (file: string) => T | undefined {
  const known = new Map<string, T>();
  return (file) => {
    if (!known.has(file)) known.set(file, source(file));
    return known.get(file);
  };
}
