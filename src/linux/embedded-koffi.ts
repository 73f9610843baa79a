/**
 * koffi's native part inside the one executable, in the package's place (scripts/executable.ts puts it there): the
 * dynamic loader wants a file, and there is only an asset. It goes into a file without a name, which is gone with the
 * process, crash or not, in the first directory whose mount allows execution.
 */
import { closeSync, constants, existsSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { getRawAsset } from 'node:sea';
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';
import type * as Koffi from 'koffi';

/** O_TMPFILE of open(2), for which Node has no name; it contains O_DIRECTORY, which differs by architecture. */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;
/** Debian mounts /run noexec; the executable's own directory can be executed from, but perhaps not written to. */
const DIRECTORIES = ['/run', dirname(process.execPath), '/dev/shm', '/var/tmp', '/tmp'];
/** Under this name the worker finds the file of the main thread, and the same pages of it. */
const SHARED = 'tandem: koffi.node';

export const { address, errno, load, node } = loadAddon();

function loadAddon(): typeof Koffi {
  const shared = getEnvironmentData(SHARED);
  if (typeof shared === 'string') return open(shared);
  const refused: string[] = [];
  for (const directory of DIRECTORIES) {
    try {
      const path = unnamedFile(directory);
      const addon = open(path);
      setEnvironmentData(SHARED, path);
      return addon;
    } catch (error) {
      refused.push(`  ${directory}: ${(error as Error).message}`);
    }
  }
  const beside = `${dirname(process.execPath)}/koffi.node`;
  if (existsSync(beside)) {
    setEnvironmentData(SHARED, beside);
    return open(beside);
  }
  const remedy = `mount one of them writable and without noexec, or put the koffi.node of this version at ${beside}`;
  throw new Error(`the native part of tandemd cannot be loaded from any of these:\n${refused.join('\n')}\n${remedy}`);
}

/** The path stays good, and its descriptor open, for as long as the process lives. */
function unnamedFile(directory: string): string {
  const writer = openSync(directory, O_TMPFILE | constants.O_RDWR, 0o700);
  try {
    const bytes = new Uint8Array(getRawAsset('koffi.node'));
    for (let done = 0; done < bytes.length; ) done += writeSync(writer, bytes, done);
    // Once more for reading: what is open for writing cannot be executed.
    return `/proc/self/fd/${openSync(`/proc/self/fd/${writer}`, constants.O_RDONLY)}`;
  } finally {
    closeSync(writer);
  }
}

function open(path: string): typeof Koffi {
  const module = { exports: {} };
  process.dlopen(module, path);
  return module.exports as typeof Koffi;
}
