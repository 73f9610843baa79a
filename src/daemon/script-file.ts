/**
 * What the file system says of a script: whether it can be run by its user, and whether anyone but root could put
 * another in its place. Every folder on its way counts, and every symbolic link with the folders that it leads through.
 * Modes are read and not tried out, so that the answer is the same for whoever asks (`tandemd -t` needs no root).
 */
import { lstatSync, readlinkSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';

export interface Identity {
  readonly uid: number;
  readonly gid: number;
}

/** A folder, a link, or at last the file itself. */
interface Step {
  readonly path: string;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  readonly kind: 'folder' | 'link' | 'file' | 'other';
}

/** A command without a slash is looked for as execvp(3) does. @returns an absolute path, or undefined */
export function findCommand(name: string, path = process.env.PATH ?? ''): string | undefined {
  if (name.includes('/')) return resolve(name);
  const found = path.split(':').map((folder) => resolve(folder || '.', name));
  return found.find((candidate) => {
    const steps = walk(candidate);
    return typeof steps !== 'string' && steps.at(-1)?.kind === 'file' && (steps.at(-1)!.mode & 0o111) !== 0;
  });
}

/** Why the script cannot be run by this user; undefined: it can. */
export function notRunnable(path: string, { uid, gid }: Identity): string | undefined {
  const steps = walk(path);
  if (typeof steps === 'string') return steps;
  if (steps.at(-1)?.kind !== 'file') return 'is no file';
  const may = (step: Step): boolean => {
    if (uid === 0) return step.kind === 'folder' || (step.mode & 0o111) !== 0;
    const shift = step.uid === uid ? 6 : step.gid === gid ? 3 : 0;
    return ((step.mode >> shift) & 1) !== 0;
  };
  const closed = steps.find((step) => step.kind !== 'link' && !may(step));
  if (!closed) return undefined;
  return closed.kind === 'file' ? 'is not executable for its user' : `is behind ${closed.path}, closed to its user`;
}

/** Who else than root may replace the script; undefined: nobody. keepalived.conf(5), enable_script_security. */
export function notSecure(path: string): string | undefined {
  const steps = walk(path);
  if (typeof steps === 'string') return steps;
  for (const { path: at, uid, gid, mode, kind } of steps) {
    if (uid !== 0) return `${at} belongs to user ${uid}`;
    if (kind === 'link') continue;
    // In a sticky folder nobody renames what belongs to others.
    if (kind === 'folder' && (mode & 0o1000) !== 0) continue;
    if ((mode & 0o002) !== 0) return `everyone may write to ${at}`;
    if ((mode & 0o020) !== 0 && gid !== 0) return `group ${gid} may write to ${at}`;
  }
  return undefined;
}

/** The kernel's own limit. */
const LINKS_MAX = 40;

/** From the root to the file, through every link; or why it cannot be reached. */
function walk(path: string): readonly Step[] | string {
  const rest = names(path);
  const steps: Step[] = [];
  let at = '/';
  let links = 0;
  try {
    steps.push(stepOf(at));
    for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
      if (name === '..') at = dirname(at);
      if (name === '..' || name === '.') continue;
      const step = stepOf(join(at, name));
      steps.push(step);
      if (step.kind !== 'link') at = step.path;
      else if (++links > LINKS_MAX) return 'is a link that leads in a circle';
      else {
        const target = readlinkSync(step.path);
        if (isAbsolute(target)) at = '/';
        rest.unshift(...names(target));
      }
    }
    return steps;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' || code === 'ENOTDIR' ? 'does not exist' : `cannot be looked at: ${code}`;
  }
}

const names = (path: string): string[] => path.split('/').filter((name) => name !== '');

function stepOf(path: string): Step {
  const stat = lstatSync(path);
  const kind = stat.isDirectory() ? 'folder' : stat.isSymbolicLink() ? 'link' : stat.isFile() ? 'file' : 'other';
  return { path, uid: stat.uid, gid: stat.gid, mode: stat.mode, kind };
}
