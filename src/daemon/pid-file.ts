/** keepalived's two pid files. tandemd is one process, which stands in both. */
import { closeSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';

/** The process that a pid file names, if it lives. */
export function livingPid(path: string): number | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
  const pid = /^\s*(\d{1,7})\s*$/.exec(text)?.[1];
  return pid !== undefined && Number(pid) !== process.pid && isAlive(Number(pid)) ? Number(pid) : undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Whole or not at all: who waits for the file must not read an empty one. */
export function writePidFile(path: string): void {
  const next = `${path}.${process.pid}`;
  const fd = openSync(next, 'w', 0o644);
  try {
    writeSync(fd, `${process.pid}\n`);
  } finally {
    closeSync(fd);
  }
  renameSync(next, path);
}

/** Removes it if it still names us. */
export function removePidFile(path: string): void {
  try {
    if (Number(readFileSync(path, 'utf8')) === process.pid) rmSync(path);
  } catch {
    // Gone already: that is what was wanted.
  }
}
