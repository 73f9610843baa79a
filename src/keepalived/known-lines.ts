/**
 * What the lines of lists (addresses, routes, rules) were found to mean before: of a file of ten thousand lines in which
 * one is new only that one is read word by word, and the others are the very same objects as before.
 */

/** A line that means the same wherever it stands in a list of its shape. */
export interface KnownLine {
  /** Who read it: a route's line is not an address's. */
  readonly shape: object;
  readonly value: object;
  /** The reading that met it last. */
  seenIn: number;
}

/** Words only: nothing that could be a comment, a quote, a brace, a variable, a condition or the end of a definition. */
const PLAIN = /^[\w\s.:/,%+-]*$/;
/** Lines that came and went are kept until they are so many times those of the file. */
const KEPT_MAX = 2;

export class KnownLines {
  readonly #lines = new Map<string, KnownLine>();
  #reading = 0;
  #seen = 0;

  /** A file is read from its beginning. */
  begin(): void {
    if (this.#lines.size > KEPT_MAX * this.#seen) {
      for (const [text, { seenIn }] of this.#lines) if (seenIn !== this.#reading) this.#lines.delete(text);
    }
    this.#reading += 1;
    this.#seen = 0;
  }

  /** What a line means that was read before; each stands for one line of a file, so that two alike are two objects. */
  take(text: string): KnownLine | undefined {
    const known = this.#lines.get(text);
    if (known === undefined || known.seenIn === this.#reading) return undefined;
    known.seenIn = this.#reading;
    this.#seen += 1;
    return known;
  }

  /** @param text a whole line, with its blanks */
  put(text: string, shape: object, value: object): void {
    if (!PLAIN.test(text) || this.#lines.get(text)?.seenIn === this.#reading) return;
    this.#lines.set(text, { shape, value, seenIn: this.#reading });
    this.#seen += 1;
  }
}
