/** Settings below /proc/sys/net, and those that are changed for as long as the daemon runs. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = '/proc/sys/net';

/** undefined where there is no such setting, or its device is gone. */
export function readSetting(path: string): string | undefined {
  try {
    return readFileSync(join(ROOT, path), 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** Settings that were changed, with what they were. */
export class ChangedSettings {
  readonly #before = new Map<string, string>();

  /** Changes nothing where it is so already, or cannot be. Throws where the kernel refuses. */
  set(path: string, value: string): void {
    const now = readSetting(path);
    if (now === undefined || now === value) return;
    write(path, value);
    if (!this.#before.has(path)) this.#before.set(path, now);
  }

  /** Puts back what was there, all of it or one; a device that is gone has taken its settings along. */
  restore(only?: string): void {
    for (const [path, value] of this.#before) {
      if (only !== undefined && path !== only) continue;
      if (readSetting(path) !== undefined) write(path, value);
      this.#before.delete(path);
    }
  }
}

function write(path: string, value: string): void {
  try {
    writeFileSync(join(ROOT, path), value);
  } catch (cause) {
    throw new Error(`cannot set ${path} to ${value}`, { cause });
  }
}
