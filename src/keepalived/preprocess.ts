/**
 * The line-based layer under keepalived.conf (man keepalived.conf, "Conditional configuration", "Parameter
 * substitution", "Sequence blocks", "List blocks", "include"). Text goes in, the lines that keepalived would read
 * come out, each with its place in the file:
 *
 * 1. `#` and `!` start a comment anywhere outside double quotes; a `\` at the end of a comment counts all the same.
 * 2. `@id rest` counts if the config-id is `id`, `@^id rest` if it is not: one on a line. For tandemd, `tandemd` is
 *    one as well.
 * 3. `$NAME=value` defines; a value whose lines end in `\` has several lines. This is the only use of `\`.
 * 4. `~SEQ(var, start, step, end) rest` and `~LST(...) rest` repeat the rest of the line.
 * 5. `$NAME` before whitespace and `${NAME}` anywhere are replaced when the line is read, again and again; a value
 *    of several lines becomes several lines, and nothing may follow it. An unknown name stays as it is.
 * 6. `include PATTERN` is what has become of a line by then; the pattern is the rest of the line as it stands.
 */
import { utf8Length } from '../base/bytes.ts';
import type { Engine } from '../base/engine.ts';
import type { Problem } from '../base/problem.ts';
import { STEP_LINES, type Steps } from '../base/steps.ts';
import type { KnownLine, KnownLines } from './known-lines.ts';
import { expandRepeat } from './repeat.ts';

export interface IncludedFile {
  readonly file: string;
  readonly text: string;
}

/** Reads what `include PATTERN` names, seen from `fromFile`: no match gives an empty list. */
export type IncludeReader = (pattern: string, fromFile: string) => readonly IncludedFile[];

/** One line as keepalived's parser sees it, without comment. */
export interface SourceLine {
  readonly text: string;
  readonly file: string;
  readonly line: number;
  /** Where something was substituted: for each character the column (from 1) that it came from. */
  readonly columns?: readonly number[];
  /** What it was found to mean before: it need not be read again. */
  readonly known?: KnownLine;
}

export interface PreprocessOptions {
  /** keepalived's config-id: -i, by default the first part of the host's name. Without it every `@id` line is off. */
  readonly configId?: string | undefined;
  /** Whose reading is wanted: tandemd takes `@tandemd` lines, whatever its config-id. */
  readonly engine?: Engine | undefined;
  readonly include?: IncludeReader | undefined;
  readonly variables?: Readonly<Record<string, string>> | undefined;
  /** Lines that were read before, and take in what is new; absent: every line is read. */
  readonly known?: KnownLines | undefined;
}

/** A router's file has thousands of lines at most; ten thousand VIPs with their routes stay far below 32 MiB. */
const CHARACTERS_MAX = 32 * 1024 * 1024;
/** A hundred times the largest router; keepalived's own record example (65,024 instances in one line) is refused. */
const LINES_MAX = 1_000_000;
/** What each pass over a line costs beside its characters, so that a million empty passes end too. */
const PASS_COST = 64;
/** No sane line has more variables; a definition that contains itself has. */
const SUBSTITUTIONS_MAX = 500;
/**
 * keepalived 2.2.7 reads so much of a line at once; what follows it takes as the next line, of a comment too. A
 * variable that would make a line longer is not replaced.
 */
const LINE_BYTES_MAX = 1_023;
const INCLUDE_DEPTH_MAX = 16;
const INCLUDED_FILES_MAX = 1_000;

/** Expands a file to its effective lines; problems go to `problems`. Never throws. */
export function* preprocess(
  text: string,
  file: string,
  options: PreprocessOptions,
  problems: Problem[],
): Steps<readonly SourceLine[]> {
  const state = new Preprocessor(options, problems);
  yield* state.file(text, file, []);
  return state.lines;
}

const INCLUDE = /^\s*(include[rmwba]?)\s+(\S.*)$/s;
/** Variants that want a file to match. */
const MUST_MATCH: ReadonlySet<string> = new Set(['includem', 'includew', 'includea']);
const DEFINITION = /^\s*\$([A-Za-z_]\w*)=(.*)$/s;
const CONDITION = /^(\s*)@(\^?)(\S*)(.*)$/s;
/** Values that only the daemon has, each time another. */
const UNKNOWABLE = /\$\{_(?:ENV|RANDOM)\b[^}]*\}?/;

/** A cursor over the lines: the variables so far, and the lines that came out. */
class Preprocessor {
  readonly lines: SourceLine[] = [];
  private readonly variables = new Map<string, string>();
  private characters = 0;
  /** The one that is read, behind those that include it. */
  private files: readonly string[] = [];
  private included = 0;
  private stopped = false;
  private readonly options: PreprocessOptions;
  private readonly problems: Problem[];

  constructor(options: PreprocessOptions, problems: Problem[]) {
    this.options = options;
    this.problems = problems;
    for (const [name, value] of Object.entries(options.variables ?? {})) this.variables.set(name, value);
    const id = options.configId;
    if (id !== undefined) this.variables.set('_INSTANCE', id);
  }

  *file(text: string, file: string, parents: readonly string[]): Steps<void> {
    const outer = this.files;
    this.files = [...parents, file];
    this.variables.set('_PWD', folderOf(file));
    this.variables.set('_HASH', '#');
    this.variables.set('_BANG', '!');
    const physical = text.split('\n').map((line, i) => this.measured(line, file, i + 1));
    for (let at = 0; at < physical.length && !this.stopped; at++) {
      if (at % STEP_LINES === 0) yield;
      const raw = physical[at]!;
      const known = this.options.known?.take(raw);
      if (known) {
        this.take({ text: raw, file, line: at + 1, known });
        continue;
      }
      const line: SourceLine = {
        text: withoutComment(raw.endsWith('\r') ? raw.slice(0, -1) : raw),
        file,
        line: at + 1,
      };
      if (!isBlank(line.text)) at += yield* this.effective(line, physical, at);
    }
    this.files = outer;
  }

  /** A line that is too long is reported, and read as far as keepalived does in one go. */
  private measured(text: string, file: string, line: number): string {
    // No character of JavaScript's has more than three bytes.
    if (text.length * 3 <= LINE_BYTES_MAX || utf8Length(text) <= LINE_BYTES_MAX) return text;
    const message = `the line has ${utf8Length(text)} bytes: keepalived cuts it after ${LINE_BYTES_MAX} and reads the rest as another`;
    this.problem({ text, file, line }, message);
    return text.slice(0, LINE_BYTES_MAX);
  }

  /** Takes one line and, for a definition of several lines, the lines after it: returns how many of those. */
  private *effective(line: SourceLine, physical: readonly string[], at: number): Steps<number> {
    const kept = this.condition(line);
    const definition = line.text.includes('$') ? DEFINITION.exec(kept?.text ?? withoutCondition(line.text)) : null;
    const value = definition?.[2];
    if (value?.trimEnd().endsWith('\\')) {
      const more = continuation(physical, at);
      const lines = [value.trimEnd().slice(0, -1).trim(), ...more.lines].filter((one) => !isBlank(one));
      // The line end says that there are several, also where one is left.
      if (kept) this.variables.set(definition![1]!, `${lines.join('\n')}\n`);
      return more.taken;
    }
    if (kept) yield* this.expand(kept, 0, kept !== line);
    return 0;
  }

  /** The line without its `@id`, or undefined where the config-id turns it off. */
  private condition(line: SourceLine): SourceLine | undefined {
    if (!line.text.trimStart().startsWith('@')) return line;
    const [, blank, negated, id, rest] = CONDITION.exec(line.text)!;
    const { configId, engine } = this.options;
    const holds = id === configId || (engine === 'tandemd' && id === engine);
    if (holds === (negated === '^')) return undefined;
    const skipped = 1 + negated!.length + id!.length;
    return { ...line, text: blank! + ' '.repeat(skipped) + rest! };
  }

  /** `isConditional`: it had its condition, and another is a word like any. */
  private *expand(line: SourceLine, depth: number, isConditional: boolean): Steps<void> {
    this.spend(line);
    if (this.stopped) return;
    const first = line.text.trimStart()[0];
    if (first === '@' && !isConditional) {
      const kept = this.condition(line);
      if (kept) yield* this.expand(kept, depth, true);
      return;
    }
    if (first === '$') {
      const definition = DEFINITION.exec(line.text);
      if (definition) {
        this.variables.set(definition[1]!, definition[2]!.trim());
        return;
      }
    }
    if (first === '~') {
      yield* this.repeat(line, depth, isConditional);
      return;
    }
    const substituted = line.text.includes('$') ? this.substitute(line) : line;
    if (substituted === line) {
      yield* this.push(line);
    } else if (depth >= SUBSTITUTIONS_MAX) {
      this.problem(line, `more than ${SUBSTITUTIONS_MAX} variables in one line: one probably contains itself`);
      this.stopped = true;
    } else if (substituted) {
      const parts = splitLines(substituted);
      for (const part of parts) yield* this.expand(part, depth + 1, isConditional && parts.length === 1);
    }
  }

  /** A line in which nothing is to be expanded. */
  private take(line: SourceLine): void {
    this.spend(line);
    if (!this.stopped) this.lines.push(line);
  }

  private *push(line: SourceLine): Steps<void> {
    const include = line.text.includes('include') ? INCLUDE.exec(line.text) : null;
    if (include) yield* this.include(line, include[1]!, include[2]!.trim());
    else if (!isBlank(line.text)) this.lines.push(line);
  }

  private spend(line: SourceLine): void {
    if (this.stopped) return;
    this.characters += line.text.length + PASS_COST;
    if (this.characters <= CHARACTERS_MAX && this.lines.length < LINES_MAX) return;
    this.problem(line, 'the configuration is too large: more than 32 MiB or 1,000,000 lines after expansion');
    this.stopped = true;
  }

  /** Replaces the first known variable of the line: the same line where there is none, none where it cannot be. */
  private substitute(line: SourceLine): SourceLine | undefined {
    const unknowable = line.text.includes('${_') ? UNKNOWABLE.exec(line.text) : null;
    if (unknowable) {
      const message = `"${unknowable[0]}" has a value in the daemon alone: what it says cannot be known here`;
      this.problem(line, message, 'conf-unsupported');
      return undefined;
    }
    for (const match of line.text.matchAll(/\$(?:([A-Za-z_]\w*)(?=\s|$)|\{([A-Za-z_]\w*)\})/g)) {
      const value = this.variables.get(match[1] ?? match[2]!);
      if (value === undefined) continue;
      const before = line.text.slice(0, match.index);
      const after = line.text.slice(match.index + match[0].length);
      if (value.includes('\n') && !isBlank(after)) {
        this.problem(line, `"${match[0]}" has several lines: nothing may follow it`);
        return undefined;
      }
      const longest = before.length + Math.max(...value.split('\n').map((part) => part.length)) + after.length;
      if (longest > LINE_BYTES_MAX) {
        this.problem(line, `with "${match[0]}" replaced the line has more than ${LINE_BYTES_MAX} bytes`);
        return undefined;
      }
      const column = columnOf(line, match.index);
      const columns = [
        ...Array.from(before, (_c, i) => columnOf(line, i)),
        ...Array.from({ length: value.length }, () => column),
        ...Array.from({ length: after.length }, (_c, i) => columnOf(line, match.index + match[0].length + i)),
      ];
      return { ...line, text: before + value + after, columns };
    }
    return line;
  }

  private *repeat(line: SourceLine, depth: number, isConditional: boolean): Steps<void> {
    const expanded = expandRepeat(line.text, (name) => this.variables.get(name));
    if (expanded.kind === 'none') {
      yield* this.push(line);
      return;
    }
    if (expanded.kind === 'wrong') {
      this.problem(line, expanded.message);
      return;
    }
    const rest: SourceLine = {
      ...line,
      text: line.text.slice(expanded.restAt),
      columns: Array.from({ length: line.text.length - expanded.restAt }, (_c, i) =>
        columnOf(line, expanded.restAt + i),
      ),
    };
    for (const binding of expanded.bindings) {
      for (const [name, value] of binding) this.variables.set(name, value);
      yield* this.expand(rest, depth + 1, isConditional);
      if (this.stopped) return;
    }
  }

  private *include(line: SourceLine, keyword: string, pattern: string): Steps<void> {
    const found = this.options.include?.(pattern, line.file);
    const { files } = this;
    const wrong = (message: string, severity: Problem['severity']) =>
      this.problems.push({ code: 'conf-include', severity, message, at: placeOf(line) });
    if (found === undefined) {
      wrong(`"${keyword} ${pattern}" cannot be followed here: only one file was given`, 'error');
      return;
    }
    if (found.length === 0) {
      const quoted = pattern.includes('"') ? ': the quotes are part of its name' : '';
      wrong(`no file matches "${pattern}"${quoted}`, MUST_MATCH.has(keyword) ? 'error' : 'warning');
    }
    for (const { file, text } of found) {
      if (files.includes(file)) wrong(`includes run in a circle: ${[...files, file].join(' -> ')}`, 'error');
      else if (files.length >= INCLUDE_DEPTH_MAX) wrong(`includes are more than ${INCLUDE_DEPTH_MAX} deep`, 'error');
      else if (++this.included > INCLUDED_FILES_MAX) {
        wrong(`more than ${INCLUDED_FILES_MAX} files are included`, 'error');
        this.stopped = true;
      } else yield* this.file(text, file, files);
      if (this.stopped) return;
    }
    this.variables.set('_PWD', folderOf(line.file));
  }

  private problem(line: SourceLine, message: string, code: Problem['code'] = 'conf-syntax'): void {
    this.problems.push({ code, severity: 'error', message, at: placeOf(line) });
  }
}

/** The column, from 1, that character `index` of the line stands at in its file. */
export const columnOf = (line: SourceLine, index: number): number =>
  line.columns ? (line.columns[Math.min(index, line.columns.length - 1)] ?? 1) : index + 1;

function placeOf(line: SourceLine) {
  const index = line.text.length - line.text.trimStart().length;
  const length = line.columns ? 1 : Math.max(1, line.text.trim().length);
  return { file: line.file, line: line.line, column: columnOf(line, index), length };
}

function withoutCondition(text: string): string {
  return CONDITION.exec(text)?.[4] ?? text;
}

const isBlank = (text: string): boolean => text.trim() === '';

const folderOf = (file: string): string => (file.includes('/') ? file.slice(0, file.lastIndexOf('/')) : '.');

/**
 * Cuts at the first `#` or `!` outside double quotes. A `\` takes the meaning of the quote behind it, and goes with the
 * comment that it stands before; one at the comment's end stays.
 */
function withoutComment(text: string): string {
  if (!text.includes('#') && !text.includes('!')) return text;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '\\' && (quoted || !isComment(text[i + 1]))) i++;
    else if (c === '"') quoted = !quoted;
    else if (!quoted && (c === '\\' || isComment(c))) return text.slice(0, i) + (text.endsWith('\\') ? '\\' : '');
  }
  return text;
}

const isComment = (c: string | undefined): boolean => c === '#' || c === '!';

/** The lines of a definition after its first: all that end in `\`, and the one after them. */
function continuation(physical: readonly string[], at: number): { lines: string[]; taken: number } {
  const lines: string[] = [];
  for (let i = at + 1; i < physical.length; i++) {
    const line = withoutComment(physical[i]!).trimEnd();
    if (!line.endsWith('\\')) {
      if (!isBlank(line)) lines.push(line.trim());
      return { lines, taken: i - at };
    }
    lines.push(line.slice(0, -1).trim());
  }
  return { lines, taken: physical.length - at };
}

function splitLines(line: SourceLine): SourceLine[] {
  if (!line.text.includes('\n')) return [line];
  const parts: SourceLine[] = [];
  let from = 0;
  for (const text of line.text.split('\n')) {
    parts.push({ ...line, text, columns: line.columns?.slice(from, from + text.length) ?? [] });
    from += text.length + 1;
  }
  return parts;
}
