/** Files that others write for the daemon: a pipe or device under such a name, or a file without an end, holds nobody up. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

/** The first bytes, as Latin-1; undefined for what is no regular file or cannot be read. */
export async function readStart(path: string, bytesMax: number): Promise<string | undefined> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (!(await file.stat()).isFile()) return undefined;
    const { bytesRead, buffer } = await file.read(Buffer.alloc(bytesMax), 0, bytesMax, 0);
    return buffer.toString('latin1', 0, bytesRead);
  } catch {
    return undefined;
  }
}
