/**
 * The output of a script of ours, cut into its sections. Between the marks anything may stand: it is data of the
 * router until its own parser has accepted it.
 */
import { randomBytes } from 'node:crypto';

/** Unguessable: what a router prints between two marks cannot end its section. */
export const newMark = (): string => randomBytes(16).toString('hex');

export interface Section {
  readonly name: string;
  /** The exact output, without anything added. */
  readonly text: string;
  /** The exit status of the command that wrote it. */
  readonly status: number;
}

/**
 * Reads `MARK < NAME`, output, `MARK > STATUS`, again and again; text between sections is refused, as is an end
 * without `done`: a script that was cut or that failed half way gives no sections at all.
 * @returns undefined where the output is not whole
 */
export function parseSections(output: string, mark: string): readonly Section[] | undefined {
  const sections: Section[] = [];
  const [open, close] = [`${mark} < `, `\n${mark} > `];
  let at = 0;
  while (at < output.length) {
    if (!output.startsWith(open, at)) return undefined;
    const nameEnd = output.indexOf('\n', at);
    const end = nameEnd < 0 ? -1 : output.indexOf(close, nameEnd);
    if (end < 0) return undefined;
    const statusEnd = output.indexOf('\n', end + close.length);
    if (statusEnd < 0) return undefined;
    const status = output.slice(end + close.length, statusEnd);
    if (!/^\d{1,3}$/.test(status)) return undefined;
    sections.push({
      name: output.slice(at + open.length, nameEnd),
      text: output.slice(nameEnd + 1, Math.max(end, nameEnd + 1)),
      status: Number(status),
    });
    at = statusEnd + 1;
  }
  return sections.at(-1)?.name === 'done' ? sections : undefined;
}
