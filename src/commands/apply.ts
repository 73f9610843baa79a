/** `tandem apply`: carries plans out, pair by pair, proves each, and goes back by itself where it cannot. */
import { Command } from 'commander';
import type { Allow } from '../change/impact-model.ts';
import { hasChanges, type PairPlan } from '../plan/plan.ts';
import { printPlans } from '../plan/print.ts';
import { applyPlan, type PairReport } from '../rollout/apply.ts';
import { applyDocument, type Ending } from '../rollout/document.ts';
import { EXIT, type ExitCode, Stop } from './exit.ts';
import { requirePairs } from './fleet.ts';
import type { Io } from './io.ts';
import { openSession, type PairSession, planSession, tellingOf } from './pair-session.ts';
import { countOf, inParallel } from './parallel.ts';
import { confirm } from './prompts.ts';
import { requireRendered } from './rendering.ts';

interface ApplyOptions {
  readonly yes?: boolean;
  readonly allow?: string;
  readonly parallel: string;
}

export const ALLOWS: readonly Allow[] = ['failover', 'outage', 'withdraw', 'bring-up', 'engine', 'move'];

/** Pairs changed at once. A mistake that a plan cannot see should not reach many pairs before it is noticed. */
const PARALLEL = '4';

const EXAMPLES = `
Examples:
  tandem apply --limit core                     asks before it changes anything
  tandem apply --yes                            what needs no failover, without asking
  tandem apply --yes --allow bring-up           routers that run no VRRP yet
  tandem apply --allow failover,withdraw        what takes a failover, or takes VIPs away

Both routers must have tested the new files before either is signalled. What cannot be proven is put back.
Ctrl-C finishes the pairs under way; a second one puts them back.`;

export function applyCommand(io: Io): Command {
  return new Command('apply')
    .description('change the routers as planned, prove it, go back where that fails')
    .option('--yes', 'do not ask')
    .option('--allow <list>', `what may be done beyond hot changes: ${ALLOWS.join(',')}`)
    .option('--parallel <n>', 'pairs changed at once', PARALLEL)
    .addHelpText('after', EXAMPLES)
    .action((options: ApplyOptions) => apply(io, options));
}

async function apply(io: Io, options: ApplyOptions): Promise<void> {
  const allowed = readAllow(options.allow);
  const parallel = countOf('--parallel', options.parallel);
  const { pairs } = await requirePairs(io);
  const rendered = requireRendered(io, pairs);
  await using sessions = new Sessions(
    pairs.map((pair, i) => openSession(pair, [rendered[2 * i]!, rendered[2 * i + 1]!], io)),
  );
  const plans = await inParallel(sessions.all, parallel, async (session) => {
    const plan = await planSession(session, io);
    // Nothing to do there: its connections need not stay.
    if (!hasChanges(plan)) await session[Symbol.asyncDispose]();
    return plan;
  });
  io.out.result(printPlans(plans, io.out.paint));

  const work: Work[] = [];
  const endings: Ending[] = [];
  for (const [i, plan] of plans.entries()) {
    const refusal = refusalOf(plan, allowed);
    if (refusal) {
      io.out.event(`${plan.pair}: not changed: ${refusal.reason}`);
      endings.push({ kind: 'not-tried', pair: plan.pair, ...refusal });
    } else if (hasChanges(plan)) work.push({ plan, session: sessions.all[i]! });
    else endings.push({ kind: 'nothing-to-do', pair: plan.pair, exit: EXIT.done });
  }
  if (work.length > 0 && !options.yes && !(await confirm(io, `Change ${work.length} of ${plans.length} pairs?`))) {
    throw new Stop(EXIT.error, 'not confirmed; nothing was changed');
  }
  const tried = await carryOut(io, work, parallel);
  const order = new Map(plans.map((plan, i) => [plan.pair, i]));
  const nameOf = (ending: Ending) => (ending.kind === 'tried' ? ending.report.pair : ending.pair);
  const all = [...endings, ...tried].sort((a, b) => order.get(nameOf(a))! - order.get(nameOf(b))!);
  io.out.result(summary(tried));
  io.out.document('tandem.apply', 1, applyDocument(all));
  for (const ending of all) io.exit(ending.exit);
}

interface Work {
  readonly plan: PairPlan;
  readonly session: PairSession;
}

async function carryOut(io: Io, work: readonly Work[], parallel: number): Promise<Ending[]> {
  const interrupts = io.interruptible();
  return inParallel(work, parallel, async ({ plan, session }): Promise<Ending> => {
    if (interrupts.first.aborted) {
      return { kind: 'not-tried', pair: plan.pair, exit: EXIT.interrupted, reason: 'interrupted' };
    }
    const report = await applyPlan({
      plan,
      rendered: session.rendered,
      links: session.links,
      packages: session.packages,
      interrupted: interrupts.second,
      ...tellingOf(io, plan.pair),
    });
    io.out.result(reportText(report));
    const untouched = report.outcome.kind === 'refused' && interrupts.second.aborted;
    return { kind: 'tried', exit: untouched ? EXIT.interrupted : exitOf(report), report };
  });
}

export function readAllow(text: string | undefined): ReadonlySet<Allow> {
  const words = (text ?? '').split(',').filter((word) => word.length > 0);
  const unknown = words.find((word) => !ALLOWS.some((allow) => allow === word));
  if (unknown !== undefined) throw new Stop(EXIT.error, `--allow ${unknown}: it can be ${ALLOWS.join(', ')}`);
  return new Set(words as Allow[]);
}

export function refusalOf(plan: PairPlan, allowed: ReadonlySet<Allow>): { reason: string; exit: ExitCode } | undefined {
  const unreachable = plan.blocks.find((block) => block.code === 'plan-unreachable');
  if (unreachable) return { reason: unreachable.message, exit: EXIT.unreachable };
  if (plan.blocks[0]) return { reason: plan.blocks[0].message, exit: EXIT.refused };
  const missing = plan.allow.filter((allow) => !allowed.has(allow));
  if (missing.length > 0) return { reason: `it needs --allow ${missing.join(',')}`, exit: EXIT.refused };
  return undefined;
}

const OUTCOME_EXIT: Readonly<Record<PairReport['outcome']['kind'], ExitCode>> = {
  done: EXIT.done,
  surprised: EXIT.someFailed,
  refused: EXIT.someFailed,
  'rolled-back': EXIT.rolledBack,
  inconsistent: EXIT.inconsistent,
};

export function exitOf({ outcome }: PairReport): ExitCode {
  if (outcome.kind !== 'refused') return OUTCOME_EXIT[outcome.kind];
  if (outcome.findings.some((finding) => finding.locked)) return EXIT.locked;
  return outcome.stale ? EXIT.stale : OUTCOME_EXIT.refused;
}

export function reportText({ pair, outcome, predicted, transitions }: PairReport): string {
  const seen = Object.values(transitions).reduce((sum, n) => sum + n, 0);
  const reasons =
    'findings' in outcome ? [...new Set(outcome.findings.map((f) => f.message))].map((m) => `  ${m}`) : [];
  switch (outcome.kind) {
    case 'done':
      return `${pair}  done and proven; transitions: ${countsOf(predicted, seen)}`;
    case 'surprised':
      return [
        `${pair}  runs the new configuration, but not as predicted; transitions: ${countsOf(predicted, seen)}`,
        ...reasons,
      ].join('\n');
    case 'refused':
      return [`${pair}  nothing was changed:`, ...reasons].join('\n');
    case 'rolled-back':
      return [`${pair}  went back to what it ran before, and that is proven:`, ...reasons].join('\n');
    case 'inconsistent': {
      const runs = Object.entries(outcome.runs).map(
        ([router, g]) =>
          `${router} runs ${g === 'unknown' ? 'what is not known' : g === 0 ? 'the old configuration' : 'a new configuration'}`,
      );
      return [`${pair}  A PERSON IS NEEDED: ${runs.join(', ')}`, ...reasons].join('\n');
    }
  }
}

const countsOf = (predicted: number, seen: number): string => `${predicted} predicted, ${seen} observed`;

function summary(endings: readonly Ending[]): string {
  const made = endings.flatMap((ending) => (ending.kind === 'tried' ? [ending.report] : []));
  const done = made.filter((report) => report.outcome.kind === 'done');
  const failed = made.length - done.length;
  const left = endings.length - made.length;
  const predicted = made.reduce((sum, report) => sum + report.predicted, 0);
  const seen = made.flatMap((report) => Object.values(report.transitions)).reduce((sum, n) => sum + n, 0);
  const parts = [`Applied: ${done.length} pair${done.length === 1 ? '' : 's'}.`];
  if (failed > 0) parts.push(`Failed: ${failed}.`);
  if (left > 0) parts.push(`Interrupted before: ${left}.`);
  if (made.length > 0) parts.push(`Transitions: ${countsOf(predicted, seen)}.`);
  return parts.join(' ');
}

/** The connections of all pairs, closed together at the end. */
class Sessions implements AsyncDisposable {
  readonly all: readonly PairSession[];
  constructor(all: readonly PairSession[]) {
    this.all = all;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.all.map((session) => session[Symbol.asyncDispose]()));
  }
}
