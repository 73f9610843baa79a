/**
 * The one filter between secrets and everything that is printed. Commands leave secrets out by themselves; this is
 * the net below them: whatever was resolved as a secret is recognised in any text that goes out.
 */

export interface Mask {
  /** From now on this value is never printed. */
  hide(secret: string): void;
  /** The text with every secret replaced by what `standIn` gives for it. */
  apply(text: string, standIn?: (secret: string) => string): string;
}

/** Keeps carets under the right characters where a line of a file is shown. */
export const asterisks = (secret: string): string => '*'.repeat(secret.length);

const SENSITIVE = '(sensitive)';

/** Below this a secret is recognised as a whole word only: else hiding `a` would make every text unreadable. */
const ANYWHERE_LENGTH_MIN = 4;

export function createMask(): Mask {
  // Looked up by their first characters: a fleet has thousands of secrets, and a pattern of them all would be slow.
  const long = new Map<string, string[]>();
  const short = new Set<string>();
  return {
    hide(secret) {
      if (secret.length === 0) return;
      if (secret.length < ANYWHERE_LENGTH_MIN) {
        short.add(secret);
        return;
      }
      const key = secret.slice(0, ANYWHERE_LENGTH_MIN);
      const known = long.get(key) ?? [];
      if (known.includes(secret)) return;
      long.set(
        key,
        [...known, secret].sort((a, b) => b.length - a.length),
      );
    },
    apply(text, standIn = () => SENSITIVE) {
      const without = long.size === 0 ? text : maskAnywhere(text, long, standIn);
      return short.size === 0 ? without : maskWords(without, short, standIn);
    },
  };
}

function maskAnywhere(
  text: string,
  secrets: ReadonlyMap<string, readonly string[]>,
  standIn: (secret: string) => string,
): string {
  let result = '';
  let copiedTo = 0;
  for (let i = 0; i + ANYWHERE_LENGTH_MIN <= text.length; i++) {
    const secret = secrets.get(text.slice(i, i + ANYWHERE_LENGTH_MIN))?.find((s) => text.startsWith(s, i));
    if (secret === undefined) continue;
    result += text.slice(copiedTo, i) + standIn(secret);
    copiedTo = i + secret.length;
    i = copiedTo - 1;
  }
  return result + text.slice(copiedTo);
}

/** Every secret that does not stand inside a longer word. */
function maskWords(text: string, secrets: ReadonlySet<string>, standIn: (secret: string) => string): string {
  const literal = (secret: string) => [...secret].map((c) => `\\u{${c.codePointAt(0)!.toString(16)}}`).join('');
  const longestFirst = [...secrets].sort((a, b) => b.length - a.length);
  const any = longestFirst.map(literal).join('|');
  return text.replace(new RegExp(`(?<![\\p{L}\\p{N}])(?:${any})(?![\\p{L}\\p{N}])`, 'gu'), standIn);
}
