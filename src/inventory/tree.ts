/** The tree that an inventory is read from: a folder on disk, or later a revision of git. */
import { closeSync, constants, fstatSync, openSync, readdirSync, readSync, realpathSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';

export interface Tree {
  /** The files below a folder, as paths from the root, sorted; `deep` goes into its folders too. None: no such folder. */
  list(folder: string, options: { readonly deep: boolean }): readonly string[];
  /** A file by its path from the root; throws with the reason where it cannot be had. */
  read(path: string, sizeMax: number): Uint8Array;
}

/** A fleet of 5,000 pairs is some 5,010 files; the limit is for a mount point in the wrong place. */
const FILES_MAX = 100_000;
/** inventory/sites/europe/ams.yaml is 3 deep. */
const FOLDERS_DEEP_MAX = 16;

/** A folder on disk. Symbolic links are followed, but never out of it. */
export function diskTree(root: string): Tree {
  const base = realpathSync(root);
  const inside = (path: string): string => {
    const real = realpathSync(resolve(base, path));
    const below = relative(base, real);
    if (below === '..' || below.startsWith(`..${sep}`)) throw new Error('it leads out of the tree');
    return real;
  };
  return {
    list(folder, { deep }) {
      const found: string[] = [];
      walk(base, folder, deep ? FOLDERS_DEEP_MAX : 1, found, inside);
      return found.sort();
    },
    read: (path, sizeMax) => readWhole(inside(path), sizeMax),
  };
}

function walk(base: string, folder: string, depth: number, found: string[], inside: (path: string) => string): void {
  for (const entry of entriesOf(join(base, folder))) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      if (depth > 1) walk(base, path, depth - 1, found, inside);
    } else {
      found.push(path);
    }
    if (found.length > FILES_MAX) throw new Error(`over ${FILES_MAX} files under ${folder}: is this the right folder?`);
  }
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new Error(`reading the folder ${folder}`, { cause: error });
  }
}

/** Reads a regular file and not a byte more than its limit, whatever its size claims. */
export function readWhole(path: string, sizeMax: number): Uint8Array {
  // Without waiting: a named pipe would keep us here until someone writes into it.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) throw new Error('it is no regular file');
    if (stat.size > sizeMax) throw new Error(`it has ${stat.size} bytes; ${sizeMax} are the most`);
    const buffer = new Uint8Array(Math.min(sizeMax, stat.size + 1));
    let length = 0;
    for (let got = -1; got !== 0 && length < buffer.length; length += got)
      got = readSync(file, buffer, length, buffer.length - length, null);
    return buffer.subarray(0, length);
  } finally {
    closeSync(file);
  }
}
