/**
 * A daemon that waits for months should not keep what its start needed: of a small configuration's 17 MB of memory of
 * its own that is 3 MB. The runtime would collect it only when much more is asked for.
 */
import type { Millis } from '../base/units.ts';
import { trimMemory } from '../linux/ffi.ts';

/** What is below this is cleared away in a few milliseconds, whenever the runtime likes. */
const CLEAR_UP_MIN = 32 * 1024 * 1024;
/** So long a collection of everything takes for each MiB in use, ms: most of it is rubbish, which costs nothing. */
const MS_PER_MIB = 0.6;

/**
 * Takes away what much work has left, where nothing is due for so long: the runtime would do it in the middle of the
 * next such work, and hold up an advertisement by 30 ms.
 * @param room until something is due
 * @returns false: there is no time for it now
 */
export function clearUp(room: Millis): boolean {
  const { heapUsed } = process.memoryUsage();
  if (globalThis.gc === undefined || heapUsed < CLEAR_UP_MIN) return true;
  if ((heapUsed / 2 ** 20) * MS_PER_MIB > room) return false;
  globalThis.gc({ type: 'major', execution: 'sync' });
  return true;
}

/** Up to here it takes some 30 ms; with thousands of VIPs it takes more, and being there soon is worth more. */
const HEAP_MAX = 16 * 1024 * 1024;

/** Stands still while it works: to be called before VRRP runs. Does nothing where the runtime hides its collector. */
export function forgetStart(): void {
  if (globalThis.gc === undefined || process.memoryUsage().heapUsed > HEAP_MAX) return;
  // The thorough kind, which also moves what stays together and gives back the rest.
  globalThis.gc({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  trimMemory();
}
