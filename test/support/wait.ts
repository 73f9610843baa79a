import { waitFor } from '../../src/lab/process.ts';

/** Ten seconds: far more than any of these takes, on a machine that is busy with other tests. */
const WAIT_MS_MAX = 10_000;

/** Waits until something holds; fails with the condition's own text. */
export async function waitUntil(condition: () => boolean): Promise<void> {
  await waitFor(condition, { what: String(condition), timeoutMs: WAIT_MS_MAX, everyMs: 5 });
}
