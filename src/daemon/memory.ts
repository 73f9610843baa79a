/**
 * A daemon that waits for months should not keep what its start needed: of a small configuration's 17 MB of memory of
 * its own that is 3 MB. The runtime would collect it only when much more is asked for.
 */
import { trimMemory } from '../linux/ffi.ts';

/** Up to here it takes some 30 ms; with thousands of VIPs it takes more, and being there soon is worth more. */
const HEAP_MAX = 16 * 1024 * 1024;

/** Stands still while it works: to be called before VRRP runs. Does nothing where the runtime hides its collector. */
export function forgetStart(): void {
  if (globalThis.gc === undefined || process.memoryUsage().heapUsed > HEAP_MAX) return;
  // The thorough kind, which also moves what stays together and gives back the rest.
  globalThis.gc({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  trimMemory();
}
