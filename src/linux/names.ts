/**
 * Words for numbers, as iproute2 and keepalived share them: routing tables, protocols, scopes, realms, groups of
 * devices. What the files say comes before what is built in.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const KINDS = {
  table: { file: 'rt_tables', builtIn: { default: 253, main: 254, local: 255 }, max: 0xffff_ffff },
  protocol: {
    file: 'rt_protos',
    builtIn: { redirect: 1, kernel: 2, boot: 3, static: 4, ra: 9, zebra: 11, bird: 12, dhcp: 16, keepalived: 18 },
    max: 255,
  },
  scope: { file: 'rt_scopes', builtIn: { global: 0, site: 200, link: 253, host: 254, nowhere: 255 }, max: 255 },
  realm: { file: 'rt_realms', builtIn: { cosmos: 0 }, max: 0xffff },
  group: { file: 'group', builtIn: { default: 0 }, max: 0xffff_ffff },
} as const;

export type NameKind = keyof typeof KINDS;

/** The number that a word or a number in text stands for; undefined where it stands for none. */
export type Names = (kind: NameKind, word: string) => number | undefined;

/** `read`: the text of a file of iproute2's by its name, `rt_tables`, with what other files add to it. */
export function namesOf(read: (file: string) => string): Names {
  const known = new Map<NameKind, ReadonlyMap<string, number>>();
  for (const kind of Object.keys(KINDS) as NameKind[]) {
    const { file, builtIn } = KINDS[kind];
    known.set(kind, new Map([...Object.entries(builtIn), ...readFile(read(file))]));
  }
  return (kind, word) => {
    const named = known.get(kind)!.get(word);
    if (named !== undefined) return named;
    const number = readNumber(word);
    return number !== undefined && number <= KINDS[kind].max ? number : undefined;
  };
}

/** This machine's files: the distribution's, then the administrator's. Read anew at each call. */
export function iproute2File(file: string): string {
  return ['/usr/lib/iproute2', '/usr/share/iproute2', '/etc/iproute2']
    .flatMap((folder) => [join(folder, file), ...additions(join(folder, `${file}.d`))])
    .filter((path) => existsSync(path))
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n');
}

const additions = (folder: string): readonly string[] =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith('.conf'))
        .sort()
        .map((name) => join(folder, name))
    : [];

function readFile(text: string): readonly [string, number][] {
  return text.split('\n').flatMap((line): [string, number][] => {
    const [word = '', name] = line.replace(/#.*/, '').trim().split(/\s+/);
    const number = readNumber(word);
    return number === undefined || name === undefined ? [] : [[name, number]];
  });
}

const readNumber = (word: string): number | undefined =>
  /^(\d{1,10}|0[xX][0-9a-fA-F]{1,8})$/.test(word) ? Number(word) : undefined;
