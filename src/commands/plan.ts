/** `tandem plan`: reads the routers, changes nothing, says what would change and what that would cost. */
import { Command } from 'commander';
import { planDocument } from '../plan/document.ts';
import { hasChanges, type PairPlan } from '../plan/plan.ts';
import { printPlans } from '../plan/print.ts';
import { EXIT } from './exit.ts';
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
  tandem plan --detailed-exitcode          0 nothing to do, 2 changes

Nothing is written and no daemon is reloaded; keepalived is asked for its state by its own signal.`;

export function planCommand(io: Io): Command {
  return new Command('plan')
    .description('what would change on the routers, with its impact')
    .option('--native', 'the files as a text diff, secrets left out')
    .option('--reverse', 'the way back: from what would be applied to what runs now')
    .option('--detailed-exitcode', 'exit 2 where there are changes')
    .option('--parallel <n>', 'pairs read at once', PARALLEL)
    .addHelpText('after', EXAMPLES)
    .action(async (options: PlanOptions) => {
      const plans = await readPlans(io, options);
      io.out.result(printPlans(plans, io.out.paint));
      io.out.document('tandem.plan', 1, planDocument(plans));
      const readings = plans.flatMap((plan) => plan.nodes.map((node) => node.reading));
      if (readings.some((reading) => reading.kind === 'unreachable')) io.exit(EXIT.unreachable);
      if (options.detailedExitcode && plans.some(hasChanges)) io.exit(EXIT.changes);
    });
}

async function readPlans(io: Io, options: PlanOptions): Promise<PairPlan[]> {
  const { pairs } = await requirePairs(io);
  const rendered = requireRendered(io, pairs);
  const reverse = options.reverse === true;
  return inParallel(pairs, countOf('--parallel', options.parallel), async (pair, i) => {
    await using session = openSession(pair, [rendered[2 * i]!, rendered[2 * i + 1]!], io);
    const plan = await planSession(session, io, { reverse });
    if (options.native) io.out.result(nativeDiff(plan, session.rendered, reverse));
    return plan;
  });
}
