/**
 * Keeps the main thread away from the worker's processor while the worker is at work: what the worker asks for is done
 * with the kernel's lock held, and a main thread that wakes up on the same processor waits for the end of it, 20 ms
 * where a device has 10,000 addresses. With one processor, and where somebody has given us some of several (a unit's
 * CPUAffinity, vrrp_cpu_affinity, a container), everything stays as it is.
 */
import { readFileSync } from 'node:fs';
import { allowedProcessors, allowProcessors } from './ffi.ts';

/** The processor for the worker, to be asked by the main thread; undefined: any. */
export function workerProcessor(): number | undefined {
  const all = allowedProcessors();
  return all.length > 1 && all.length >= online() ? all.at(-1) : undefined;
}

/** Keeps this thread off a processor, until it is called back. */
export function keepOff(processor: number): () => void {
  const all = allowedProcessors();
  const others = all.filter((one) => one !== processor);
  if (others.length === 0 || others.length === all.length) return () => {};
  allowProcessors(others);
  return () => {
    // Somebody else's wish since then counts.
    if (allowedProcessors().join() === others.join()) allowProcessors(all);
  };
}

/** `0-3,6`; where it cannot be read nobody is moved. */
function online(): number {
  try {
    return countOf(readFileSync('/sys/devices/system/cpu/online', 'utf8'));
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** How many numbers a list of ranges has. */
export function countOf(list: string): number {
  const ranges = list.trim().split(',');
  return ranges.reduce((sum, range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return sum + last - first + 1;
  }, 0);
}
