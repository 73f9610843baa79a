/**
 * How far things are that take more than a moment: on a terminal one line below everything else, which moves; elsewhere
 * a plain line now and then. What is written meanwhile goes above it.
 */
export interface Progress {
  /** @param text `12 of 43 MB`; undefined: it is over */
  set(what: string, text: string | undefined): void;
  /** Writes to the terminal with the moving line out of the way. */
  above(write: () => void): void;
}

export interface ProgressOptions {
  /** Whether the line can move: a terminal that knows how to go back to its beginning. */
  readonly moves: boolean;
  /** Text without a line's end. */
  write(text: string): void;
  /** A line of its own. */
  line(text: string): void;
  /** Of the terminal; a longer line would leave its beginning behind. */
  columns(): number;
  /** Milliseconds, monotonic. */
  now(): number;
}

/** Off a terminal: what is over sooner has its own lines before and after it; a log is not filled with the rest. */
const LINE_EVERY_MS = 10_000;
/** Back to the first column, and nothing right of it: ECMA-48 EL. */
const CLEAR = '\r\u001b[K';

export function createProgress({ moves, write, line, columns, now }: ProgressOptions): Progress {
  const items = new Map<string, string>();
  const told = new Map<string, number>();
  const show = () => {
    const text = [...items].map(([what, how]) => `${what} ${how}`).join('   ');
    if (text !== '') write(text.slice(0, columns() - 1));
  };
  const clear = () => {
    if (items.size > 0) write(CLEAR);
  };
  return {
    set(what, text) {
      if (moves) {
        clear();
        if (text === undefined) items.delete(what);
        else items.set(what, text);
        show();
        return;
      }
      if (text === undefined) told.delete(what);
      else if (!told.has(what)) told.set(what, now());
      else if (now() - told.get(what)! >= LINE_EVERY_MS) {
        told.set(what, now());
        line(`${what} ${text}`);
      }
    },
    above(output) {
      if (!moves) return output();
      clear();
      output();
      show();
    },
  };
}
