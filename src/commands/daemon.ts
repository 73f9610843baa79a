/** `tandem daemon`: the executable of tandemd on the routers of a pair: put there, brought up to date, looked at, removed. */
import { Command } from 'commander';
import { installBlocks, isOurs } from '../plan/install.ts';
import { printPlans } from '../plan/print.ts';
import { applyPlan } from '../rollout/apply.ts';
import type { Package } from '../rollout/executable.ts';
import { type Telling, uploadWatch } from '../rollout/telling.ts';
import { exchange } from '../router/exchange.ts';
import { activate, LINK, remove, upload } from '../router/install.ts';
import { exitOf, readAllow, refusalOf, reportText } from './apply.ts';
import { checkRouter, type Known, packageOf, Routers, requirePair } from './daemon-routers.ts';
import { status } from './daemon-status.ts';
import { EXIT, Stop } from './exit.ts';
import type { Io } from './io.ts';
import { openSession, planSession, tellingOf } from './pair-session.ts';
import { inParallel } from './parallel.ts';
import { confirm } from './prompts.ts';
import { requireRendered } from './rendering.ts';

const EXAMPLES = `
Examples:
  tandem daemon status core                      versions, units, what runs, whether it is this package's
  tandem daemon install core                     puts the executable and its unit there; nothing is started
  tandem daemon upgrade core --allow failover    starts the new one, the backup first
  tandem daemon uninstall core --router rtr-core02

\`tandem apply\` installs and upgrades by itself where the inventory says \`engine: tandemd\`.`;

interface Flags {
  readonly router?: string;
  readonly allow?: string;
  readonly yes?: boolean;
}

export function daemonCommand(io: Io): Command {
  const daemon = new Command('daemon').description('the executable of tandemd on the routers of a pair');
  daemon.addHelpText('after', EXAMPLES);
  const on = (name: string, description: string): Command =>
    daemon
      .command(`${name} <pair>`)
      .description(description)
      .option('--router <name>', 'only this router of the pair')
      .addHelpText('after', EXAMPLES);
  on('install', 'puts the executable and its unit on the routers; nothing is started').action(
    (pair: string, flags: Flags) => install(io, pair, flags),
  );
  on('upgrade', 'the executable of this package in the place of the one that runs, proven')
    .option('--allow <list>', 'failover, where a MASTER has to give its role up')
    .option('--yes', 'do not ask')
    .action((pair: string, flags: Flags) => upgrade(io, pair, flags));
  on('status', 'what is installed and what runs').action((pair: string, { router }: Flags) => status(io, pair, router));
  on('uninstall', 'stops tandemd and takes everything of it away')
    .option('--allow <list>', 'failover or outage, where it serves something')
    .option('--yes', 'do not ask')
    .action((pair: string, flags: Flags) => uninstall(io, pair, flags));
  return daemon;
}

async function requirePackage(io: Io, known: Known): Promise<Package> {
  const found = await packageOf(io, known);
  if (!('missing' in found)) return found;
  const hint = 'run `npm run build` in the package';
  throw new Stop(EXIT.refused, `${known.member.name}: ${found.missing}; nothing was installed`, { hint });
}

async function install(io: Io, name: string, flags: Flags): Promise<void> {
  const pair = await requirePair(io, name);
  await using routers = await Routers.read(io, pair, flags.router);
  const chosen = routers.required();
  const packages = await Promise.all(chosen.map((known) => requirePackage(io, known)));
  const blocks = chosen.flatMap(({ member, reading }, i) =>
    installBlocks({ router: member.name, reading, desired: { engine: 'tandemd', executable: packages[i]!.wanted } }),
  );
  io.out.problems(blocks);
  if (blocks.length > 0) throw new Stop(EXIT.refused, 'nothing was installed');
  const installed = await inParallel(chosen, chosen.length, async (known, i) => {
    const placed = await place(known, packages[i]!, tellingOf(io, name));
    io.out.result(`${known.member.name}  ${placed.executable} is installed; ${nextStep(placed)}`);
    return { router: known.member.name, ...placed };
  });
  io.out.document('tandem.daemon-install', 1, { pair: name, routers: installed });
}

interface Placed {
  readonly executable: string;
  readonly runs: boolean;
  /** Whether it is what will be started. */
  readonly linked: boolean;
}

function nextStep({ runs, linked }: Placed): string {
  if (runs) return 'it runs';
  return linked ? 'it is not started' : 'another build runs, `tandem daemon upgrade` replaces it';
}

/** Under another build that runs the link stays: after a crash systemd starts what it names, proven or not. */
async function place(known: Known, source: Package, telling: Telling): Promise<Placed> {
  const { member, link, observed, tandemd } = known;
  const remote = await link.remote();
  const watch = uploadWatch(member.name, source.executable, telling);
  const uploaded = await upload(remote, source.executable, tandemd, { watch });
  if (uploaded.kind === 'refused') throw new Stop(EXIT.refused, `${member.name}: ${uploaded.reason}`);
  const runs = tandemd.running === source.wanted.sha256;
  const linked = runs || tandemd.running === undefined || !isOurs(observed.daemon);
  const unit = observed.system.init === 'systemd' ? { unit: source.unit } : {};
  if (linked) await activate(remote, { name: uploaded.name, ...unit });
  return { executable: uploaded.name, runs, linked };
}

/** What `apply` would do about the executable, and nothing else. */
async function upgrade(io: Io, name: string, flags: Flags): Promise<void> {
  const pair = await requirePair(io, name);
  const allowed = readAllow(flags.allow);
  checkRouter(pair, flags.router);
  const [first, second] = requireRendered(io, [pair]);
  await using session = openSession(pair, [first!, second!], io);
  const plan = await planSession(session, io, { only: flags.router });
  io.out.result(printPlans([plan], io.out.paint));
  const other = plan.changes.find(({ rule }) => !rule.startsWith('restart'));
  if (other || plan.nodes.some(({ writes }) => writes.length > 0)) {
    const hint = 'tandem apply carries out everything together';
    throw new Stop(EXIT.refused, `more than the executable of ${name} would change`, { hint });
  }
  const refusal = refusalOf(plan, allowed);
  if (refusal) throw new Stop(refusal.exit, `${name} is not changed: ${refusal.reason}`);
  if ((plan.schedule?.moves.length ?? 0) === 0) {
    io.out.result(`${name}  runs the executable of this package already`);
    return io.out.document('tandem.daemon-upgrade', 1, { pair: name, outcome: 'nothing-to-do' });
  }
  if (!flags.yes && !(await confirm(io, `Upgrade ${name}?`))) {
    throw new Stop(EXIT.error, 'not confirmed; nothing was changed');
  }
  const { rendered, links, packages } = session;
  const interrupted = io.interruptible().second;
  const report = await applyPlan({ plan, rendered, links, packages, interrupted, ...tellingOf(io, name) });
  io.out.result(reportText(report));
  io.out.document('tandem.daemon-upgrade', 1, { pair: name, outcome: report.outcome.kind });
  io.exit(exitOf(report));
}

async function uninstall(io: Io, name: string, flags: Flags): Promise<void> {
  const pair = await requirePair(io, name);
  const allowed = readAllow(flags.allow);
  checkRouter(pair, flags.router);
  // What it costs hangs on the other router too.
  await using routers = await Routers.read(io, pair, undefined);
  const all = routers.required();
  const chosen = all.filter(({ member }) => flags.router === undefined || member.name === flags.router);
  for (const known of chosen) {
    const reason = whyNotRemovable(known);
    if (reason) throw new Stop(EXIT.refused, `${known.member.name}: ${reason}; nothing was taken away`);
  }
  const needed = costOf(all, chosen);
  if (needed !== undefined && !allowed.has(needed)) {
    const hint = 'with `engine: keepalived` in the inventory `tandem apply` puts keepalived in its place first';
    throw new Stop(EXIT.refused, `tandemd serves ${name}: taking it away needs --allow ${needed}`, { hint });
  }
  const names = chosen.map(({ member }) => member.name);
  if (!flags.yes && !(await confirm(io, `Take tandemd away from ${names.join(' and ')}?`))) {
    throw new Stop(EXIT.error, 'not confirmed; nothing was changed');
  }
  for (const known of [...chosen].sort((a, b) => Number(isServing(a)) - Number(isServing(b)))) {
    await takeAway(known);
    io.out.result(`${known.member.name}  nothing of tandemd is left`);
  }
  io.out.document('tandem.daemon-uninstall', 1, { pair: name, routers: names });
}

/** Looked for on every router before anything is taken away from one. */
function whyNotRemovable({ observed: { daemon }, tandemd }: Known): string | undefined {
  if (daemon.kind === 'unknown') return daemon.reason;
  return tandemd.foreign ? `${LINK} is not a link, so it is not Tandem's` : undefined;
}

const runsTandemd = ({ observed: { daemon } }: Known): boolean =>
  daemon.kind === 'running' && daemon.engine === 'tandemd' && isOurs(daemon);

const isServing = (known: Known): boolean =>
  runsTandemd(known) && (known.observed.instances ?? []).some(({ state }) => state === 'MASTER');

/** What stopping costs: a failover where the other router goes on, an outage where none does. */
function costOf(all: readonly Known[], chosen: readonly Known[]): 'failover' | 'outage' | undefined {
  if (!chosen.some(isServing)) return undefined;
  const left = all.filter(
    (each) => each.observed.daemon.kind === 'running' && !(chosen.includes(each) && runsTandemd(each)),
  );
  return left.length > 0 ? 'failover' : 'outage';
}

async function takeAway(known: Known): Promise<void> {
  const { member, link, observed } = known;
  const { daemon, install: facts, system } = observed;
  const remote = await link.remote();
  const masked = facts?.units.some(({ name, load }) => name === 'keepalived.service' && load === 'masked');
  const exchanged = await exchange(remote, {
    ...(runsTandemd(known) && daemon.kind === 'running' && { stop: daemon }),
    ...(system.init === 'systemd' && masked && { unmask: 'keepalived.service' }),
  });
  if (exchanged.kind !== 'done') throw new Error(`${member.name}: ${exchanged.reason}`);
  await remove(remote);
}
