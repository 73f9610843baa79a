/** `tandem plan`: reads the routers, changes nothing, says what would change and what that would cost. */
import { Command } from 'commander';
import { planDocument } from '../plan/document.ts';
import { type PairPlan, type Verdict, verdictOf } from '../plan/plan.ts';
import { printPlans } from '../plan/print.ts';
import { EXIT, type ExitCode, worse } from './exit.ts';
import { requirePairs } from './fleet.ts';
import type { Io } from './io.ts';
import { nativeDiff } from './native-diff.ts';
import { openSession, planSession } from './pair-session.ts';
import { countOf, inParallel } from './parallel.ts';
import { requireRendered } from './rendering.ts';

interface PlanOptions {
  readonly native?: boolean;
  readonly reverse?: boolean;
  readonly detailedExitcode?: boolean;
  readonly parallel: string;
}

/** Pairs read at once: SSH handshakes cost about 7 ms of our own processor each, the routers far more. */
const PARALLEL = '32';

const EXAMPLES = `
Examples:
  tandem plan                              every pair
  tandem plan --limit core --native        one pair, with the text of its files
  tandem plan --reverse                    what it would cost to go back once this is applied
  tandem plan --detailed-exitcode          0 all is as described, 2 changes or drift

A pair that apply would refuse whatever is allowed ends it with 8, one that does not answer with 7.

Nothing is written and no daemon is reloaded; keepalived is asked for its state by its own signal.`;

export function planCommand(io: Io): Command {
  return new Command('plan')
    .description('what would change on the routers, with its impact')
    .option('--native', 'the files as a text diff, secrets left out')
    .option('--reverse', 'the way back: from what would be applied to what runs now')
    .option('--detailed-exitcode', 'exit 2 where there are changes or drift')
    .option('--parallel <n>', 'pairs read at once', PARALLEL)
    .addHelpText('after', EXAMPLES)
    .action(async (options: PlanOptions) => {
      const read = await readPlans(io, options);
      const plans = read.map(({ plan }) => plan);
      for (const { native } of read) if (native !== '') io.out.result(native);
      io.out.result(printPlans(plans, io.out.paint));
      const exits = plans.map((plan) => exitOf(verdictOf(plan), options.detailedExitcode === true));
      const exit = exits.reduce(worse, EXIT.done);
      io.out.document('tandem.plan', 1, planDocument(plans, exit));
      io.exit(exit);
    });
}

/** What no apply could carry out, whatever it is allowed, is no success; what only waits to be allowed is one. */
export function exitOf(verdict: Verdict, detailed: boolean): ExitCode {
  switch (verdict) {
    case 'unreachable':
      return EXIT.unreachable;
    case 'blocked':
      return EXIT.refused;
    case 'changes':
    case 'drift':
      return detailed ? EXIT.changes : EXIT.done;
    case 'in-order':
      return EXIT.done;
  }
}

interface Read {
  readonly plan: PairPlan;
  /** Its files as a text diff, where that was asked for. */
  readonly native: string;
}

async function readPlans(io: Io, options: PlanOptions): Promise<Read[]> {
  const { pairs } = await requirePairs(io);
  const rendered = requireRendered(io, pairs);
  const reverse = options.reverse === true;
  return inParallel(pairs, countOf('--parallel', options.parallel), async (pair, i) => {
    await using session = openSession(pair, [rendered[2 * i]!, rendered[2 * i + 1]!], io);
    const plan = await planSession(session, io, { reverse });
    return { plan, native: options.native ? nativeDiff(plan, session.rendered, reverse) : '' };
  });
}
