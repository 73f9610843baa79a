/** A router's own files as its daemon reads them: with its config-id, and with what they include. */
import type { FileFact, Observed, RunningDaemon } from '../change/observed.ts';
import { type Parsed, parse } from '../keepalived/parser.ts';
import type { IncludedFile } from '../keepalived/preprocess.ts';

/** A daemon runs on what it loaded, though its file be gone. */
export const isKnown = ({ config, daemon }: Observed): boolean =>
  config !== undefined || (daemon.kind === 'running' && daemon.loaded !== undefined);

/** The file as it is there. */
export const factOf = (observed: Observed, path: string): FileFact | undefined =>
  observed.config?.path === path ? observed.config : observed.files.find((file) => file.path === path);

/** @param name of the text, in problems: the path, perhaps behind `ROUTER:` */
export function parseAsRead(text: string, name: string, observed: Observed, daemon: RunningDaemon): Parsed {
  const prefix = name.startsWith('/') ? '' : name.slice(0, name.indexOf('/'));
  return parse(text, name, {
    // keepalived.conf(5), "Conditional configuration": without -i it is the host's name up to the first dot.
    configId: daemon.configId ?? observed.system.hostname.split('.')[0],
    engine: daemon.engine,
    include: (pattern, from) =>
      includedFiles(pattern, from.slice(prefix.length), observed.files).map(({ file, text: body }) => ({
        file: `${prefix}${file}`,
        text: body,
      })),
  });
}

/** Of the files that were read those that the pattern means, seen from the folder of the file that it stands in. */
function includedFiles(pattern: string, from: string, files: readonly FileFact[]): IncludedFile[] {
  const folder = from.slice(0, from.lastIndexOf('/') + 1);
  const wanted = globOf(normal(pattern.startsWith('/') ? pattern : `${folder}${pattern}`));
  return files
    .flatMap(({ path, text }) => (text !== undefined && wanted.test(normal(path)) ? [{ file: path, text }] : []))
    .sort((a, b) => (a.file < b.file ? -1 : 1));
}

/** An absolute path without `.`, `..` and empty parts. */
function normal(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.' && part !== '') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/** glob(7): `*`, `?` and `[...]` stay within a part, and do not stand for a dot at its beginning. */
function globOf(pattern: string): RegExp {
  const source = pattern
    .replace(/[.+^$(){}|\\]/g, '\\$&')
    .replaceAll('[!', '[^')
    .replace(/(?<=\/)(?=[*?[])/g, '(?!\\.)')
    .replaceAll('*', '[^/]*')
    .replace(/(?<!\()\?/g, '[^/]');
  try {
    return new RegExp(`^${source}$`);
  } catch {
    // A bracket that is not closed stands for itself.
    return new RegExp(`^${pattern.replace(/[.+^$(){}|\\[\]*?]/g, '\\$&')}$`);
  }
}
