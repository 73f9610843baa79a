/**
 * Users and groups by their names. getent(1) asks the name service of the router, which may lie on the network and not
 * answer: nobody but who asks waits for it, and nobody for long.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type Millis, seconds } from '../base/units.ts';
import type { Identity } from './script-file.ts';

/** Without a group: the user's own. */
export interface Account {
  readonly user: string;
  readonly group?: string | undefined;
}

/** What is known of each by its `accountKey`; `unanswered`: it may be there or not. */
export type Accounts = ReadonlyMap<string, Identity | 'none' | 'unanswered'>;

export const accountKey = ({ user, group }: Account): string => JSON.stringify([user, group]);

/** A directory that is slower does not answer: a reload has an end, however many users its file names. */
const LIMIT: Millis = seconds(5);
/** One that hangs must not keep the others, which the router may know itself, from being asked. */
const AT_ONCE = 8;

/** @param before what was found earlier: where nobody answers it still holds */
export async function findAccounts(
  wanted: readonly Account[],
  before: Accounts = new Map(),
  limit = LIMIT,
): Promise<Accounts> {
  const waiting = [...new Map(wanted.map((account) => [accountKey(account), account]))];
  if (waiting.length === 0) return new Map();
  const signal = AbortSignal.timeout(limit);
  const found = new Map<string, Identity | 'none' | 'unanswered'>();
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [key, account] = next;
      const answer = await findAccount(account, signal);
      found.set(key, answer === 'unanswered' ? (before.get(key) ?? answer) : answer);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return found;
}

async function findAccount({ user, group }: Account, signal: AbortSignal): Promise<Identity | 'none' | 'unanswered'> {
  const passwd = await getent('passwd', user, signal);
  if (typeof passwd === 'string') return passwd;
  const other = group === undefined ? undefined : await getent('group', group, signal);
  if (typeof other === 'string') return other;
  return { uid: Number(passwd[2]), gid: Number(other ? other[2] : passwd[3]) };
}

/** getent(1): one or more of the keys could not be found. */
const NOT_FOUND = 2;

/** @returns the fields of its line: passwd(5), group(5) */
async function getent(
  database: 'passwd' | 'group',
  key: string,
  signal: AbortSignal,
): Promise<readonly string[] | 'none' | 'unanswered'> {
  if (signal.aborted) return 'unanswered';
  try {
    const { stdout } = await promisify(execFile)('getent', [database, '--', key], { signal, killSignal: 'SIGKILL' });
    return stdout.trim().split(':');
  } catch (error) {
    return (error as { readonly code?: unknown }).code === NOT_FOUND ? 'none' : 'unanswered';
  }
}
