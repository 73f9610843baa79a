/**
 * What stands between a pair as it is and as it shall be: the changes with their impact, the order, what must be
 * allowed, what forbids it, and what was read that the plan is bound to. A plan is a value: it is printed, and
 * carried out exactly as printed. Pure: everything that was read from the routers comes in.
 */
import type { Engine } from '../base/engine.ts';
import type { Problem } from '../base/problem.ts';
import { putAhead } from '../change/ahead.ts';
import type { Change, KeywordChange } from '../change/change.ts';
import { impact as impactOf } from '../change/impact.ts';
import type { Allow, Finding, Impact, RouterInput } from '../change/impact-model.ts';
import type { FileFact, LiveState, Observed, TandemdFiles } from '../change/observed.ts';
import { EMPTY } from '../keepalived/empty.ts';
import type { Config } from '../keepalived/model.ts';
import { type Drift, driftOf } from './drift.ts';
import { blocksOf, cautionsOf, noWayBack } from './guards.ts';
import { installationOf, replacementOf, type WantedExecutable } from './install.ts';
import { factOf, isKnown, parseAsRead } from './live-file.ts';
import { type Schedule, schedule } from './schedule.ts';

/** One router as it shall be. The configuration file comes first in `files`. */
export interface Desired {
  readonly router: string;
  readonly engine: Engine;
  readonly config: Config;
  readonly files: readonly DesiredFile[];
  /** With the engine tandemd: what is to run there, or why nothing can be put there; a sentence. */
  readonly executable?: WantedExecutable | { readonly missing: string };
}

export interface DesiredFile {
  readonly path: string;
  readonly mode: number;
  readonly sha256: string;
  readonly size: number;
  readonly sensitive: boolean;
}

/** What could be learned of a router, or why nothing could. */
export type Reading =
  | {
      readonly kind: 'read';
      readonly observed: Observed;
      /** Looked for where tandemd runs or shall run. */
      readonly tandemd?: TandemdFiles;
    }
  | { readonly kind: 'unreachable'; readonly reason: string };

export interface NodePlan {
  readonly router: string;
  readonly desired: Desired;
  readonly reading: Reading;
  /** What the router's file says now; the empty configuration where it has none. */
  readonly running: Config;
  /** By instance name: what the daemon itself says. */
  readonly roles: Readonly<Record<string, LiveState>>;
  /** Files that differ from what they shall be, the configuration among them. */
  readonly writes: readonly DesiredFile[];
  /** What is not as the running configuration says. */
  readonly drift: readonly Drift[];
}

export interface PlannedChange {
  readonly change?: Change;
  /** In member order; both where the same change is made on both. */
  readonly routers: readonly string[];
  readonly class: Finding['class'];
  /** Set where it is apart from the classes, with steps and a word of `--allow` of its own. */
  readonly apart?: NonNullable<Finding['apart']>;
  readonly rule: string;
  readonly reason: string;
}

export interface PairPlan {
  readonly pair: string;
  readonly nodes: readonly [NodePlan, NodePlan];
  readonly changes: readonly PlannedChange[];
  /** Absent where a router could not be read, or its daemon is not understood: then nothing is known of the impact. */
  readonly impact?: Impact;
  readonly schedule?: Schedule;
  /** What apply needs to be allowed, beyond what it does by itself. */
  readonly allow: readonly Allow[];
  /** What forbids the apply; `--allow` does not help. */
  readonly blocks: readonly Problem[];
  readonly warnings: readonly Problem[];
}

export interface PlanInput {
  readonly pair: string;
  readonly desired: readonly [Desired, Desired];
  readonly readings: readonly [Reading, Reading];
  /** The way back: the impact of going from `desired` to what runs now. Such a plan is only for looking at. */
  readonly reverse?: boolean;
}

export function planPair({ pair, desired, readings, reverse = false }: PlanInput): PairPlan {
  const live = desired.map((d, i) => readLive(d.router, readings[i]!));
  const read = readings.flatMap((r, i) =>
    r.kind === 'read' ? [{ observed: r.observed, running: live[i]!.config }] : [],
  );
  const nodes = desired.map((d, i) => nodePlan(d, readings[i]!, live[i]!.config, read)) as unknown as [
    NodePlan,
    NodePlan,
  ];
  const inputs = nodes.map((node) => routerInput(node, reverse));
  const impact = inputs.every((i) => i !== undefined)
    ? impactOf({ routers: inputs as unknown as readonly [RouterInput, RouterInput] })
    : undefined;
  const steps = impact && pairSchedule(pair, nodes, impact);
  const warnings = [...live.flatMap((l) => l.warnings), ...cautionsOf(nodes)];
  const changes = impact ? mergeFindings(impact.findings, nodes) : [];
  return {
    pair,
    nodes,
    changes,
    allow: steps && steps.moves.length > 0 ? impact!.allow : [],
    blocks: [...blocksOf({ nodes, impact, schedule: steps }), ...(reverse ? noWayBack(nodes) : [])],
    warnings,
    ...(impact && { impact }),
    ...(steps && { schedule: steps }),
  };
}

/** Whether there is anything to do: a text to write counts. */
export const hasChanges = (plan: PairPlan): boolean =>
  plan.changes.length > 0 || (plan.schedule?.moves.length ?? 0) > 0 || plan.nodes.some((n) => n.writes.length > 0);

/**
 * What a pair comes to, the first of these that is so: it could not be read; nothing may be done to it; something would
 * be done; nothing would, and yet a router is not as its own configuration says; nothing is left to do.
 */
export const VERDICTS = ['unreachable', 'blocked', 'changes', 'drift', 'in-order'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** Text, document and exit code all go by this one. */
export function verdictOf(plan: PairPlan): Verdict {
  if (plan.nodes.some(({ reading }) => reading.kind === 'unreachable')) return 'unreachable';
  if (plan.blocks.length > 0) return 'blocked';
  if (hasChanges(plan)) return 'changes';
  return plan.nodes.some(({ drift }) => drift.length > 0) ? 'drift' : 'in-order';
}

interface Live {
  readonly config: Config;
  readonly warnings: readonly Problem[];
}

/**
 * What runs now, through the daemon's own parser: what the daemon says that it loaded, else its file. What could
 * not be read is told, and is not compared: keepalived skips it too.
 */
function readLive(router: string, reading: Reading): Live {
  if (reading.kind !== 'read' || reading.observed.daemon.kind !== 'running') return { config: EMPTY, warnings: [] };
  const { config: file, daemon } = reading.observed;
  const text = daemon.loaded?.text ?? file?.text ?? '';
  const name = `${router}:${file?.path ?? daemon.configPath}`;
  const parsed = parseAsRead(text, name, reading.observed, daemon);
  const errors = parsed.problems.filter((p) => p.severity === 'error');
  if (errors.length === 0) return { config: parsed.config, warnings: [] };
  const lines = `${errors.length} line${errors.length === 1 ? '' : 's'}`;
  const warning: Problem = {
    code: 'plan-live-file-unread',
    severity: 'warning',
    message: `what ${router} runs has ${lines} that ${reading.observed.daemon.engine} cannot use and skips: they are not compared`,
    hint: errors[0]!.message,
  };
  return { config: parsed.config, warnings: [warning] };
}

/** Of a router that was not read, or runs something that is not understood, nothing can be said. */
export const isUnderstood = (reading: Reading): reading is Extract<Reading, { kind: 'read' }> =>
  reading.kind === 'read' && reading.observed.daemon.kind !== 'unknown';

const isRunning = (observed: Observed): boolean => observed.daemon.kind === 'running';

function nodePlan(desired: Desired, reading: Reading, running: Config, pair: Parameters<typeof driftOf>[2]): NodePlan {
  const observed = reading.kind === 'read' ? reading.observed : undefined;
  return {
    router: desired.router,
    desired,
    reading,
    running,
    roles: Object.fromEntries((observed?.instances ?? []).map((i) => [i.name, i.state])),
    writes: observed ? desired.files.filter((file) => !isSame(file, factOf(observed, file.path))) : [],
    drift: observed ? driftOf(observed, running, pair) : [],
  };
}

/** Whoever owns the file can change what the daemon runs as root. */
const isSame = (file: DesiredFile, fact: FileFact | undefined): boolean =>
  fact !== undefined &&
  fact.sha256 === file.sha256 &&
  (fact.mode & 0o777) === file.mode &&
  fact.owner.split(':')[0] === 'root';

function routerInput(node: NodePlan, reverse: boolean): RouterInput | undefined {
  if (!isUnderstood(node.reading) || (reverse && !isRunning(node.reading.observed))) return undefined;
  const { observed } = node.reading;
  const [, ...others] = node.desired.files;
  const replaces = replacementOf(node);
  return {
    router: node.router,
    ...(replaces && !replaces.engine && { restart: replaces.why }),
    ...(reverse && { before: node.desired.config }),
    ...(!reverse && isRunning(observed) && isKnown(observed) && { before: node.running }),
    after: reverse ? node.running : node.desired.config,
    engine: node.desired.engine,
    facts: observed,
    files: others.filter((file) => node.writes.includes(file)).map((file) => fileChange(file, observed)),
  };
}

/** The contents of a script that Tandem manages: the daemon need not know. */
function fileChange(file: DesiredFile, observed: Observed): KeywordChange {
  const exists = factOf(observed, file.path) !== undefined;
  return {
    op: exists ? 'change' : 'add',
    subject: 'file',
    keyword: 'file',
    name: file.path,
    text: `file ${file.path} (${file.size} bytes)`,
  };
}

function pairSchedule(pair: string, nodes: readonly NodePlan[], impact: Impact): Schedule {
  const replaced = nodes.filter((n) => replacementOf(n) !== undefined).map((n) => n.router);
  const demoted = impact.order.kind === 'one-by-one' ? impact.order.demote : [];
  return schedule({
    pair,
    routers: [nodes[0]!.router, nodes[1]!.router],
    impact,
    // A file in its place that was never loaded differs too: what runs is what counts.
    differing: new Set(nodes.filter((n) => isDiffering(n, impact)).map((n) => n.router)),
    stopped: new Set(nodes.filter(isStartable).map((n) => n.router)),
    replaced: new Set(replaced),
    relieved: new Set(demoted.filter((router) => canBeRelieved(nodes, router))),
  });
}

const isDiffering = (node: NodePlan, impact: Impact): boolean =>
  node.writes.length > 0 || isConcerned(node, impact) || installationOf(node) !== undefined;

/** A daemon that is there and does not run, or that will be there. */
function isStartable(node: NodePlan): boolean {
  if (node.reading.kind !== 'read') return false;
  const { kind } = node.reading.observed.daemon;
  return kind === 'stopped' || (kind === 'absent' && installationOf(node) !== undefined);
}

/** Whether its peer takes over in the file that it runs as well as in the one that it shall run, put ahead or not. */
function canBeRelieved(nodes: readonly NodePlan[], router: string): boolean {
  const own = nodes.find((node) => node.router === router)!;
  const peer = nodes.find((node) => node.router !== router)!;
  const ownAhead = putAhead(own.running, peer.running) ?? own.running;
  return putAhead(peer.running, own.running) !== undefined && putAhead(peer.desired.config, ownAhead) !== undefined;
}

const isConcerned = (node: NodePlan, impact: Impact): boolean =>
  impact.findings.some((finding) => finding.router === node.router && finding.change !== undefined);

/** The same change on both routers is one line, unless its class differs. */
function mergeFindings(findings: readonly Finding[], nodes: readonly NodePlan[]): PlannedChange[] {
  const merged = new Map<string, PlannedChange>();
  for (const { router, change, rule, reason, class: impactClass, instances, apart } of findings) {
    const key = JSON.stringify([change?.op, change?.instance, instances, change?.text, impactClass, rule, reason]);
    const known = merged.get(key);
    const routers = nodes.map((n) => n.router).filter((r) => r === router || known?.routers.includes(r));
    merged.set(key, { ...(change && { change }), routers, class: impactClass, ...(apart && { apart }), rule, reason });
  }
  return [...merged.values()];
}
