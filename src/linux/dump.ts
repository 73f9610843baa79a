/** What the kernel lists, read without keeping anybody waiting. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Message } from './netlink.ts';

/** A dump that others keep changing under us is taken as it is after so many. */
const DUMP_TRIES = 5;

/** Reads a dump with a turn for timers and packets after each datagram of it; again where it changed meanwhile. */
export async function readDump<T>(
  dump: () => Generator<readonly Message[], boolean>,
  read: (message: Message) => T | undefined,
): Promise<T[]> {
  for (let tries = 1; ; tries += 1) {
    const parts = dump();
    const found: T[] = [];
    for (let part = parts.next(); ; part = parts.next()) {
      if (part.done) {
        if (!part.value || tries === DUMP_TRIES) return found;
        break;
      }
      for (const message of part.value) {
        const value = read(message);
        if (value !== undefined) found.push(value);
      }
      await nextTurn();
    }
  }
}
