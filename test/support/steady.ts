/**
 * Tests that judge times, on a machine that may stand still: a measurement that fails while the machine stood still has
 * measured the machine. It says so, and is done again; no limit becomes wider, and without a stall a failure stands.
 */
import type { TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Heartbeat } from './heartbeat.ts';

/** Less than this every time that a test judges has in reserve. */
const STALL_MS_MAX = 50;
/** A machine that stands still in every measurement is not one to measure on. */
const AGAIN_MAX = 2;
/** After a stall the heartbeat wakes when we do, and may be the later of the two. */
const HEARTBEAT_WAKES_MS = 50;

interface SteadyOptions {
  /** Before it is measured again: brings back what the test found, where it does not make everything itself. */
  readonly anew?: (t: TestContext) => void | Promise<void>;
  /** What tells that the machine stood still. */
  readonly stalls?: Pick<Heartbeat, 'mark' | 'latestMs'>;
}

/** One a test file, begun with its first such test. */
let own: Heartbeat | undefined;
function ownHeartbeat(): Heartbeat {
  own ??= new Heartbeat();
  return own;
}

/** The body of a test, which may run up to three times: the test's `timeout` is for all of them. */
export function steady(
  body: (t: TestContext) => void | Promise<void>,
  { anew = () => {}, stalls = ownHeartbeat() }: SteadyOptions = {},
): (t: TestContext) => Promise<void> {
  return async (t) => {
    for (let again = 0; ; again += 1) {
      const mark = stalls.mark();
      try {
        return await body(t);
      } catch (error) {
        await setTimeout(HEARTBEAT_WAKES_MS);
        const stoodStillMs = stalls.latestMs(mark);
        if (stoodStillMs <= STALL_MS_MAX || again === AGAIN_MAX) throw error;
        // scripts/test.ts shows these words of tests that then pass, too.
        const [what] = String(error).split('\n');
        t.diagnostic(`${t.name}: measured again, the machine stood still for ${stoodStillMs} ms: ${what}`);
        await anew(t);
      }
    }
  };
}
