/**
 * With which mask scripts create their files: keepalived's `-u`, else the file's `umask`, else 0177, as measured with
 * 2.2.7 (its manual says IWGRP|IWOTH). Our own files have the modes that they need, whatever it is.
 */
import type { GlobalDefs } from '../keepalived/model.ts';
import { otherLine } from '../keepalived/other-line.ts';

const DEFAULT = 0o177;
const MAX = 0o777;

/** strtoul(3) with base 0: octal behind a 0, hexadecimal behind 0x; or bits, `IWGRP|IWOTH`. Undefined: it is neither. */
export function readUmask(text: string): number | undefined {
  const bits = text.split('|').map(readBit);
  if (bits.every((bit) => bit !== undefined)) return bits.reduce((sum, bit) => sum | bit, 0);
  const digits = /^0[0-7]*$/.test(text) ? `0o0${text}` : text;
  const value = /^(0o[0-7]+|0x[\da-f]+|[1-9]\d*)$/i.test(digits) ? Number(digits) : Number.NaN;
  return value <= MAX ? value : undefined;
}

/** S_IWGRP and its like, without the S_. */
function readBit(text: string): number | undefined {
  const [, what, whose] = /^I([RWX])(USR|GRP|OTH)$/.exec(text.trim()) ?? [];
  if (what === undefined || whose === undefined) return undefined;
  return { R: 4, W: 2, X: 1 }[what as 'R' | 'W' | 'X'] << { USR: 6, GRP: 3, OTH: 0 }[whose as 'USR' | 'GRP' | 'OTH'];
}

/** @param option `-u`, which has been checked; it counts before the file's */
export const umaskOf = (globals: GlobalDefs, option: number | undefined): number =>
  option ?? readUmask(otherLine(globals, 'umask')?.args.join('') ?? '') ?? DEFAULT;
