/**
 * Text of a keepalived.conf in, the model and every problem out. Driven by the keyword table; collects problems and
 * never throws, whatever the bytes. A keyword with a wrong value is left out of the model, so a caller that wants to
 * act on it must first see that there are no errors.
 */
import type { Engine } from '../base/engine.ts';
import { type Location, limited, type Problem } from '../base/problem.ts';
import { drain, STEP_LINES, type Steps } from '../base/steps.ts';
import { didYouMean } from '../base/suggest.ts';
import { Args, type Places } from './args.ts';
import { EMPTY } from './empty.ts';
import { type BlockName, type Keyword, keywordsOf } from './keywords.ts';
import type { KnownLines } from './known-lines.ts';
import { locate, type Statement, statementsOf, type Word } from './lexer.ts';
import type { Config, OtherLine } from './model.ts';
import { type PreprocessOptions, preprocess } from './preprocess.ts';
import { endsInBackslash } from './quote.ts';

export interface Parsed {
  readonly config: Config;
  readonly problems: readonly Problem[];
  /**
   * Where an object of the model stands, or with a key where that value of it stands (elements of a list of texts:
   * `group.0`), also a wrong one. Undefined for what the file does not say.
   */
  at(node: object, key?: string): Location | undefined;
  /** The file's beginning. */
  readonly start?: Location;
  /** Somebody asked where a line stands that was not read again: only a reading of every line can tell. */
  isVague(): boolean;
}

/** Reads one configuration; `file` names the text in problems. */
export const parse = (text: string, file: string, options: PreprocessOptions = {}): Parsed =>
  drain(parseSteps(text, file, options));

/** `parse` part by part. */
export function* parseSteps(text: string, file: string, options: PreprocessOptions = {}): Steps<Parsed> {
  const problems: Problem[] = [];
  const places = new PlaceTable();
  options.known?.begin();
  const lines = yield* preprocess(text, file, options, problems);
  const statements = yield* statementsOf(lines, problems);
  const reader = new BlockReader(problems, places, options);
  const root = yield* reader.block('root', statements);
  reader.end();
  const config = { ...EMPTY, ...root } as Config;
  return {
    config,
    problems: limited(problems),
    at: (node, key) => places.at(node, key),
    start: { file, line: 1, column: 1 },
    isVague: () => places.isVague,
  };
}

class PlaceTable implements Places {
  /** Lines that were known are not in it. */
  isPartial = false;
  isVague = false;
  private readonly nodes = new Map<object, { word?: Word; keys?: Map<string, Word> }>();

  note(node: object, key: string | undefined, word: Word): void {
    const entry = this.nodes.get(node) ?? {};
    if (key === undefined) entry.word = word;
    else {
      entry.keys ??= new Map();
      entry.keys.set(key, word);
    }
    this.nodes.set(node, entry);
  }

  at(node: object, key: string | undefined): Location | undefined {
    const entry = this.nodes.get(node);
    if (!entry && this.isPartial) this.isVague = true;
    const word = key === undefined ? entry?.word : entry?.keys?.get(key);
    return word && locate(word);
  }
}

type Draft = Record<string, unknown>;

/** Reads blocks by the keyword table, with what is reported once a file. */
class BlockReader {
  private skipped: { readonly first: Word; count: number } | undefined;
  private readonly problems: Problem[];
  private readonly places: PlaceTable;
  private readonly engine: Engine | undefined;
  private readonly known: KnownLines | undefined;

  constructor(problems: Problem[], places: PlaceTable, { engine, known }: PreprocessOptions) {
    this.problems = problems;
    this.places = places;
    this.engine = engine;
    this.known = known;
  }

  *block(at: BlockName, statements: readonly Statement[], draft: Draft = {}): Steps<Draft> {
    const rows = keywordsOf(at);
    for (let i = 0; i < statements.length; i += 1) {
      if (i % STEP_LINES === 0) yield;
      const statement = statements[i]!;
      const row = rows.get(statement.words[0]!.text);
      if (row && (row.engine ?? this.engine) === this.engine) yield* this.keyword(row, statement, draft);
      else this.unknown(at, statement, rows);
    }
    return draft;
  }

  /** What is said once a file, at its end. */
  end(): void {
    if (!this.skipped) return;
    const { first, count } = this.skipped;
    const message = `${count} ${count === 1 ? 'entry' : 'entries'} for LVS (the first: "${first.text}") ${count === 1 ? 'is' : 'are'} skipped`;
    this.problems.push({ code: 'conf-ignored', severity: 'warning', message, at: locate(first) });
  }

  private *keyword(row: Keyword, statement: Statement, draft: Draft): Steps<void> {
    const { form } = row;
    if (form.kind === 'skipped') {
      this.skipped ??= { first: statement.words[0]!, count: 0 };
      this.skipped.count++;
      return;
    }
    if (form.kind === 'other') {
      this.other(row, statement, draft);
      return;
    }
    const wantsBlock = form.kind === 'lines' || form.kind === 'block';
    if (wantsBlock !== (statement.block !== undefined)) {
      const message = wantsBlock ? `"${row.name}" needs a block: "{" is missing` : `"${row.name}" takes no block`;
      this.problem('conf-syntax', statement.words[0]!, message);
      if (wantsBlock) return;
    }
    const args = new Args(statement, this.problems, this.places);
    if (form.kind === 'lines') yield* this.lines(row, args, draft);
    else if (form.kind === 'block') yield* this.nested(row, args, draft);
    else this.value(row, args, draft);
  }

  private value(row: Keyword, args: Args, draft: Draft): void {
    if (row.form.kind !== 'value' && row.form.kind !== 'fields') return;
    const first = args.peek() ?? args.head;
    const value = row.form.shape.read(args);
    args.end();
    if (row.field in draft && value !== undefined && !row.alias) {
      const message = `"${row.name}" stands twice in this block: keepalived keeps the first of some and the last of others`;
      this.problem('conf-duplicate', args.head, message);
    }
    if (row.name === 'preempt') delete draft.nopreempt;
    this.places.note(draft, row.field, first);
    if (value === undefined) return;
    if (row.form.kind === 'value') draft[row.field] = value;
    else {
      for (const field of row.form.fields) delete draft[field];
      Object.assign(draft, value);
    }
  }

  private *lines(row: Keyword, args: Args, draft: Draft): Steps<void> {
    if (row.form.kind !== 'lines') return;
    args.end();
    const { shape, once } = row.form;
    const earlier = draft[row.field] as unknown[] | undefined;
    if (once && earlier) {
      this.problem(
        'conf-duplicate',
        args.head,
        `"${row.name}" stands twice in this block; keepalived ignores the second`,
      );
      return;
    }
    const list = earlier ?? [];
    draft[row.field] = list;
    if (!earlier) this.places.note(draft, row.field, args.head);
    const statements = args.statement.block!;
    for (let i = 0; i < statements.length; i += 1) {
      if (i % STEP_LINES === 0) yield;
      const statement = statements[i]!;
      if (statement.known?.shape === shape) {
        list.push(statement.known.value);
        this.places.isPartial = true;
        continue;
      }
      const said = this.problems.length;
      if (statement.block) this.problem('conf-syntax', statement.words[0]!, `no block can stand inside "${row.name}"`);
      const line = new Args(statement, this.problems, this.places, 0);
      for (let word = line.peek(); word; word = line.peek()) {
        const value = shape.read(line);
        if (typeof value === 'string') this.places.note(draft, `${row.field}.${list.length}`, word);
        else if (shape.usage !== NAMES_USAGE) line.end();
        if (line.failures > 0) {
          this.places.note(draft, `${row.field}.${WRONG}`, word);
          break;
        }
        if (value !== undefined) list.push(value);
        if (typeof value !== 'string') break;
      }
      if (shape.many && this.problems.length === said) this.remember(statement, shape, list.at(-1) as object);
    }
  }

  /** A line that reads well, in the words that stand in the file. */
  private remember({ words, block }: Statement, shape: object, value: object): void {
    const { line } = words[0]!;
    if (!line.columns && !block) this.known?.put(line.text, shape, value);
  }

  private *nested(row: Keyword, args: Args, draft: Draft): Steps<void> {
    if (row.form.kind !== 'block') return;
    const inner: Draft = {};
    if (row.form.named) {
      const word = args.need(`the name of the ${row.name}`);
      if (!word) return;
      inner.name = word.text;
      this.places.note(inner, undefined, word);
    } else this.places.note(inner, undefined, args.head);
    args.end();
    if (!row.form.named) {
      const earlier = draft[row.field] as Draft | undefined;
      draft[row.field] = yield* this.block(row.form.block, args.statement.block!, earlier ?? inner);
      return;
    }
    yield* this.block(row.form.block, args.statement.block!, inner);
    if (GROUPED.has(row.form.block)) inner.group ??= [];
    draft[row.field] ??= [];
    (draft[row.field] as Draft[]).push(inner);
  }

  private other(row: Keyword, statement: Statement, draft: Draft): void {
    const line = this.otherLine(statement);
    draft.other ??= [];
    (draft.other as OtherLine[]).push(line);
    this.places.note(line, undefined, statement.words[0]!);
    const message = `"${row.name}" is kept as it stands, but Tandem does not act on it`;
    this.problem('conf-unsupported', statement.words[0]!, message, 'warning');
  }

  private otherLine(statement: Statement): OtherLine {
    const [keyword, ...args] = statement.words.map((word) => {
      if (!endsInBackslash(word.text)) return word.text;
      this.problem('conf-value', word, 'the word ends in "\\", and cannot be kept');
      return '?';
    });
    if (!statement.block) return { keyword: keyword!, args };
    return { keyword: keyword!, args, block: statement.block.map((inner) => this.otherLine(inner)) };
  }

  private unknown(at: BlockName, statement: Statement, rows: ReadonlyMap<string, Keyword>): void {
    const word = statement.words[0]!;
    const place = at === 'root' ? 'the top of the file' : at;
    const hint = didYouMean(word.text.slice(0, SUGGEST_LENGTH_MAX), rows.keys());
    this.problems.push({
      code: 'conf-unknown-keyword',
      severity: 'error',
      message: `"${word.text.slice(0, SUGGEST_LENGTH_MAX)}" is no keyword of ${place}`,
      at: locate(word),
      ...(hint === undefined ? {} : { hint }),
    });
  }

  private problem(code: Problem['code'], word: Word, message: string, severity: Problem['severity'] = 'error'): void {
    this.problems.push({ code, severity, message, at: locate(word) });
  }
}

/** Stands for a line of a list that did not read. */
export const WRONG = 'wrong';
/** Longer than every keyword: what exceeds it is not compared letter by letter. */
const SUGGEST_LENGTH_MAX = 64;
const NAMES_USAGE = 'NAME...';
/** Blocks whose `group` the model always has. */
const GROUPED: ReadonlySet<BlockName> = new Set(['vrrp_sync_group', 'track_group']);
