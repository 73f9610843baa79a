/**
 * YAML 1.2 core (`no` and `on` are strings) with the place of every key and value, out of one parse.
 * Bounded: no document, however it nests or repeats itself through aliases, costs more than its limits.
 */
import { constructFromEvents, EVENT_ID, type Event, getScalarValue, parseEvents, YAMLException } from 'js-yaml';
import type { Checked, Location, Problem } from '../base/problem.ts';

export type Path = readonly (string | number)[];

/** One YAML document: its value and, path by path, where that value stands. */
export interface YamlDocument {
  readonly file: string;
  /** Plain objects, arrays and scalars; undefined for an empty file. */
  readonly value: unknown;
  /** Where the value at this path stands; a map or list in block form stands at its key. Missing: its nearest ancestor. */
  at(path: Path): Location;
  /** Where the key of this path stands; list items have none and stand at themselves. */
  keyAt(path: Path): Location;
  /** A part of a string value, by offsets into the value; the whole value where escapes or folding part the two. */
  within(path: Path, start: number, end: number): Location;
  has(path: Path): boolean;
  /** The characters of a scalar as the file has them. */
  sourceOf(path: Path): string;
  /** The paths whose key stands twice: what they say is not known, though the later one is in the value. */
  readonly twice: readonly Path[];
}

/** Deeper than any inventory (8 levels); protects the stack. */
const DEPTH_MAX = 32;
/** Nodes of a document with every alias expanded: 10,000 routers in one file are about 150,000. */
const NODES_MAX = 2_000_000;

/** Reads one document; syntax errors, duplicate keys and runaway aliases are problems at their place. */
export function parseYaml(text: string, file: string): Checked<YamlDocument> {
  const lines = lineStarts(text);
  const locate = (start: number, end: number): Location => location(file, lines, start, end);
  try {
    const events = parseEvents(text, { filename: file, maxDepth: DEPTH_MAX });
    const walk = new PlaceWalk(events, text, locate);
    const root = walk.run();
    // With a key twice the rest can still be checked: the later one counts.
    if (walk.problems.some(({ code }) => code !== 'yaml-duplicate-key')) return { problems: walk.problems };
    const [value] = constructFromEvents(events, { source: text, filename: file, json: true });
    const nonText = root ? keysThatAreNoText(root, value, locate) : [];
    const problems = [...walk.problems, ...nonText];
    if (nonText.length > 0) return { problems };
    const twice = root && problems.length > 0 ? pathsOfTwice(root) : [];
    return { value: { ...document(file, text, value, root, locate), twice }, problems };
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const position = Math.min(error.mark?.position ?? 0, text.length);
    const at = locate(position, position + 1);
    const hint = hintFor(text.slice(lines[at.line - 1], lines[at.line]));
    return {
      problems: [{ code: 'yaml-syntax', severity: 'error', message: `not YAML: ${error.reason}`, at, ...hint }],
    };
  }
}

/** What most often is wrong with a line that the reader cannot make sense of. */
function hintFor(line: string): { readonly hint?: string } {
  if (line.includes('${')) return { hint: `between { } or [ ] a reference stands in quotes: "\${env:NAME}"` };
  return line.includes('\t') ? { hint: 'there is a tab in this line: write blanks' } : {};
}

/** A node's place: offsets of its text and of its key's, and its children by key or index. */
interface Place {
  start: number;
  end: number;
  keyStart: number;
  keyEnd: number;
  /** Scalars: whether offsets into the value are offsets into the text. */
  literal: boolean;
  children?: Map<string, Place> | Place[];
  /** Nodes below and including this one, aliases expanded. */
  size: number;
  /** Its key stands twice. */
  twice?: true;
}

type Locate = (start: number, end: number) => Location;

/** Walks the events of a document once and gives every node its place. */
class PlaceWalk {
  readonly problems: Problem[] = [];
  readonly #anchors = new Map<string, Place | 'open'>();
  readonly #events: readonly Event[];
  readonly #text: string;
  readonly #locate: Locate;
  #next = 0;

  constructor(events: readonly Event[], text: string, locate: Locate) {
    this.#events = events;
    this.#text = text;
    this.#locate = locate;
  }

  run(): Place | undefined {
    let root: Place | undefined;
    while (this.#next < this.#events.length) {
      this.#next++; // the document's own event
      const place = this.#node();
      if (root && place) {
        this.#problem(
          'yaml-syntax',
          'a file is one YAML document; a second one starts here',
          place.start < 0 ? newPlace(root.end, root.end + 1) : place,
        );
        return root;
      }
      root ??= place;
      this.#next++; // its end
    }
    if (root && root.size > NODES_MAX) this.#problem('yaml-limit', `aliases expand to over ${NODES_MAX} values`, root);
    return root;
  }

  #node(): Place | undefined {
    const event = this.#events[this.#next];
    if (!event || event.type === EVENT_ID.POP) return undefined;
    this.#next++;
    switch (event.type) {
      case EVENT_ID.SCALAR:
        return this.#anchor(event, this.#scalar(event));
      case EVENT_ID.SEQUENCE:
      case EVENT_ID.MAPPING: {
        const name = this.#text.slice(event.anchorStart, event.anchorEnd);
        if (event.anchorStart >= 0) this.#anchors.set(name, 'open');
        const place = newPlace(event.start, event.start + 1);
        if (event.type === EVENT_ID.SEQUENCE) this.#sequence(place);
        else this.#mapping(place);
        this.#next++; // its end
        return this.#anchor(event, place);
      }
      case EVENT_ID.ALIAS:
        return this.#alias(event.anchorStart, event.anchorEnd);
      case EVENT_ID.DOCUMENT:
        return undefined;
    }
  }

  #scalar(event: Extract<Event, { type: 4 }>): Place {
    if (event.valueStart < 0) return newPlace(-1, -1);
    const quoted = event.style === 2 || event.style === 3;
    const place = newPlace(event.valueStart - (quoted ? 1 : 0), event.valueEnd + (quoted ? 1 : 0));
    if (event.style > 3) return newPlace(-1, -1); // a text block stands at its key
    place.literal = event.fast;
    return place;
  }

  #sequence(place: Place): void {
    const children: Place[] = [];
    place.children = children;
    for (let child = this.#node(); child; child = this.#node()) {
      children.push(child);
      grow(place, child);
    }
  }

  #mapping(place: Place): void {
    const children = new Map<string, Place>();
    place.children = children;
    for (;;) {
      const event = this.#events[this.#next];
      if (!event || event.type === EVENT_ID.POP) return;
      const key = this.#node();
      const value = this.#node();
      if (!key || !value) return;
      if (event.type !== EVENT_ID.SCALAR) {
        this.#problem('yaml-key', 'a key must be plain text', key);
        continue;
      }
      const name = getScalarValue(this.#text, event);
      const at = key.start >= 0 ? key : newPlace(place.start, place.start + 1); // an empty key: at its map
      const placed: Place = { ...value, keyStart: at.start, keyEnd: at.end };
      const first = children.get(name);
      if (first) {
        placed.twice = true;
        this.#duplicate(name, placed, first);
      }
      children.set(name, placed);
      grow(place, key);
      grow(place, value);
    }
  }

  #alias(start: number, end: number): Place {
    const target = this.#anchors.get(this.#text.slice(start, end));
    const here = newPlace(start - 1, end);
    if (target === 'open') this.#problem('yaml-limit', 'an alias refers to a value that it is itself a part of', here);
    // What the alias brings stands where its anchor is: that text is the one to mend.
    return target === undefined || target === 'open' ? here : target;
  }

  #anchor(event: { readonly anchorStart: number; readonly anchorEnd: number }, place: Place): Place {
    if (event.anchorStart >= 0) this.#anchors.set(this.#text.slice(event.anchorStart, event.anchorEnd), place);
    return place;
  }

  #duplicate(name: string, second: Place, first: Place): void {
    this.problems.push({
      code: 'yaml-duplicate-key',
      severity: 'error',
      message: `the key "${name}" stands twice in one map`,
      at: this.#locate(second.keyStart, second.keyEnd),
      related: [{ at: this.#locate(first.keyStart, first.keyEnd), message: 'it stands here first' }],
    });
  }

  #problem(code: 'yaml-syntax' | 'yaml-key' | 'yaml-limit', message: string, place: Place): void {
    this.problems.push({ code, severity: 'error', message, at: this.#locate(Math.max(place.start, 0), place.end) });
  }
}

const newPlace = (start: number, end: number): Place => ({
  start,
  end,
  keyStart: -1,
  keyEnd: -1,
  literal: false,
  size: 1,
});

function grow(parent: Place, child: Place): void {
  parent.size += child.size;
  parent.end = Math.max(parent.end, child.end);
}

/** `1e3: x` names the key "1000": the file does not say what it seems to say. */
function keysThatAreNoText(place: Place, value: unknown, locate: Locate): Problem[] {
  if (Array.isArray(place.children)) {
    return place.children.flatMap((child, index) => keysThatAreNoText(child, (value as unknown[])[index], locate));
  }
  return [...(place.children ?? [])].flatMap(([name, child]) => {
    if (!Object.hasOwn(value as object, name)) {
      const at = locate(child.keyStart, child.keyEnd);
      const message = `the key ${name} reads as a number or as nothing, not as text`;
      return [{ code: 'yaml-key', severity: 'error', message, at, hint: `quote it: "${name}"` } satisfies Problem];
    }
    return child.children ? keysThatAreNoText(child, (value as Record<string, unknown>)[name], locate) : [];
  });
}

const pathsOfTwice = ({ children }: Place): Path[] =>
  [...(children?.entries() ?? [])].flatMap(([key, child]) => [
    ...(child.twice ? [[key]] : []),
    ...pathsOfTwice(child).map((path) => [key, ...path]),
  ]);

function document(
  file: string,
  text: string,
  value: unknown,
  root: Place | undefined,
  locate: Locate,
): Omit<YamlDocument, 'twice'> {
  const top = root ?? newPlace(0, 1);
  const ofKey = (place: Place): Location =>
    place.keyStart >= 0 ? locate(place.keyStart, place.keyEnd) : locate(Math.max(place.start, 0), place.end);
  return {
    file,
    value,
    at(path) {
      const place = find(top, path).place;
      if (place.start < 0 || (place.children && place.keyStart >= 0)) return ofKey(place);
      return locate(place.start, place.end);
    },
    keyAt: (path) => ofKey(find(top, path).place),
    within(path, start, end) {
      const { place, exact } = find(top, path);
      const quote = /["']/.test(text[place.start] ?? '') ? 1 : 0;
      const from = place.start + quote;
      if (!exact || !place.literal || from + end > place.end - quote) return this.at(path);
      return locate(from + start, from + end);
    },
    has: (path) => find(top, path).exact,
    sourceOf(path) {
      const { place } = find(top, path);
      return text.slice(place.start, place.end);
    },
  };
}

/** The place at a path, or the nearest ancestor that there is. */
function find(root: Place, path: Path): { readonly place: Place; readonly exact: boolean } {
  let place = root;
  for (const step of path) {
    const child = Array.isArray(place.children) ? place.children[Number(step)] : place.children?.get(String(step));
    if (!child) return { place, exact: false };
    place = child;
  }
  return { place, exact: true };
}

function lineStarts(text: string): readonly number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

/** Offsets to line and column; a place that runs over its line is cut at the line's end. */
function location(file: string, lines: readonly number[], start: number, end: number): Location {
  let low = 0;
  let high = lines.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (lines[middle]! <= start) low = middle;
    else high = middle - 1;
  }
  const lineEnd = (lines[low + 1] ?? Number.POSITIVE_INFINITY) - 1;
  return {
    file,
    line: low + 1,
    column: start - lines[low]! + 1,
    length: Math.max(1, Math.min(end, lineEnd) - start),
  };
}
