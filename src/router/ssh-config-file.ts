/**
 * ssh_config on a machine without OpenSSH's client: files of plain `Host` blocks, with the answer that `ssh -G` would
 * give for what Tandem follows. `Match`, `Include` and lists that are changed (`HostKeyAlgorithms +x`) are refused, not
 * guessed: those take ssh(1). Source: ssh_config(5).
 */
import { readFile } from 'node:fs/promises';
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';

export interface SshQuestion {
  readonly host: string;
  /** `-F`: this file alone; `none`: no file. */
  readonly config?: string;
  readonly user?: string;
  readonly port?: number;
  /** Tried before those that the files name. */
  readonly identities: readonly string[];
}

/** As `ssh -G` prints it: lower-case keywords; a keyword may have several values. */
export type Settings = ReadonlyMap<string, readonly string[]>;

/** Those of OpenSSH 9.2, without the kinds that ssh2 does not know. */
const DEFAULTS: Readonly<Record<string, string>> = {
  port: '22',
  userknownhostsfile: '~/.ssh/known_hosts ~/.ssh/known_hosts2',
  globalknownhostsfile: '/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2',
  hostkeyalgorithms:
    'ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256',
  identitiesonly: 'no',
  kbdinteractiveauthentication: 'yes',
  serveraliveinterval: '0',
  serveralivecountmax: '3',
};
const DEFAULT_IDENTITIES = ['~/.ssh/id_rsa', '~/.ssh/id_ecdsa', '~/.ssh/id_ed25519'];
/** Keywords whose values add up; of every other one the first counts. */
const CUMULATIVE = new Set(['identityfile', 'certificatefile', 'sendenv', 'setenv', 'localforward', 'remoteforward']);
/** Their value is the rest of the line, as it stands. */
const WHOLE_LINE = new Set(['proxycommand', 'localcommand', 'remotecommand', 'knownhostscommand']);
const NEEDS_SSH = new Set(['match', 'include']);

/** Throws an Error, with file and line, at what only ssh(1) can follow. */
export async function readSshConfig(question: SshQuestion): Promise<Settings> {
  const found = new Map<string, string[]>();
  const set = (key: string, value: string): void => {
    if (!found.has(key)) found.set(key, [value]);
    else if (CUMULATIVE.has(key)) found.get(key)!.push(value);
  };
  for (const file of question.identities) set('identityfile', file);
  if (question.user !== undefined) set('user', question.user);
  if (question.port !== undefined) set('port', String(question.port));
  for (const { path, mustExist } of filesOf(question.config)) {
    for (const [key, value] of linesFor(question.host, await readLines(path, mustExist), path)) set(key, value);
  }
  for (const [key, value] of Object.entries(DEFAULTS)) set(key, value);
  set('user', userInfo().username);
  if (!found.has('identityfile')) found.set('identityfile', DEFAULT_IDENTITIES);
  const hostname = found.get('hostname')?.[0] ?? '%h';
  found.set('hostname', [hostname.replace(/%([%h])/g, (_, letter) => (letter === 'h' ? question.host : '%'))]);
  return found;
}

function filesOf(config: string | undefined): readonly { path: string; mustExist: boolean }[] {
  if (config === 'none') return [];
  if (config !== undefined) return [{ path: config.replace(/^~(?=\/)/, homedir()), mustExist: true }];
  return [join(homedir(), '.ssh/config'), '/etc/ssh/ssh_config'].map((path) => ({ path, mustExist: false }));
}

async function readLines(path: string, mustExist: boolean): Promise<readonly string[]> {
  try {
    return (await readFile(path, 'utf8')).split('\n');
  } catch (cause) {
    if (!mustExist && (cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new Error(`reading ${path}: ${(cause as Error).message}`, { cause });
  }
}

function* linesFor(host: string, lines: readonly string[], path: string): Generator<[key: string, value: string]> {
  let applies = true;
  for (const [index, line] of lines.entries()) {
    const [, keyword = '', rest = ''] = /^\s*([^\s=#]+)(?:\s*=\s*|\s+)(.*?)\s*$/.exec(line) ?? [];
    const key = keyword.toLowerCase();
    if (key === '') continue;
    const value = WHOLE_LINE.has(key) ? rest : words(rest).join(' ');
    if (NEEDS_SSH.has(key) || (key === 'hostkeyalgorithms' && /^[+^-]/.test(value))) {
      const where = `${path}:${index + 1}`;
      throw new Error(`${where}: \`${keyword} ${rest}\` takes OpenSSH's client to follow, which is not installed`);
    }
    if (key === 'host') applies = matches(host, words(rest));
    else if (applies) yield [key, value];
  }
}

/** Words as ssh reads them: in double quotes they may hold spaces; # begins a comment. */
function words(text: string): readonly string[] {
  const found: string[] = [];
  for (const match of text.matchAll(/"([^"]*)"|(#.*)|([^\s"]+)/g)) {
    if (match[2] !== undefined) break;
    found.push(match[1] ?? match[3]!);
  }
  return found;
}

/** ssh_config(5) PATTERNS: one must match, and none with `!`. */
function matches(host: string, patterns: readonly string[]): boolean {
  const hits = (pattern: string): boolean => {
    const parts = pattern.split(/([*?])/).map((part) => {
      if (part === '*') return '.*';
      return part === '?' ? '.' : part.replace(/[.+^${}()|[\]\\]/g, '\\$&');
    });
    return new RegExp(`^${parts.join('')}$`, 'i').test(host);
  };
  const negated = patterns.filter((pattern) => pattern.startsWith('!')).map((pattern) => pattern.slice(1));
  return !negated.some(hits) && patterns.some((pattern) => !pattern.startsWith('!') && hits(pattern));
}
