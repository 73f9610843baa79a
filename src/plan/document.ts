/**
 * A plan as JSON, for programs: `tandem plan --json`, format `tandem.plan` version 1, schema/plan.schema.json.
 * Fields are only ever added; what changes its meaning gets a new version.
 */
import { z } from 'zod';
import { IMPACT_CLASSES } from '../change/impact-model.ts';
import { devicesOf } from './guards.ts';
import { installationOf } from './install.ts';
import { hasChanges, type PairPlan, VERDICTS, verdictOf } from './plan.ts';

const finding = z.strictObject({ code: z.string(), message: z.string(), hint: z.string().optional() });
const impactClass = z.enum(IMPACT_CLASSES);

const router = z.strictObject({
  name: z.string(),
  reached: z.boolean(),
  /** Why it was not reached. */
  reason: z.string().optional(),
  daemon: z.enum(['running', 'stopped', 'absent', 'unknown']).optional(),
  engine: z.enum(['keepalived', 'tandemd']).optional(),
  version: z.string().optional(),
  selinux: z.enum(['enforcing', 'permissive', 'disabled']).optional(),
  /** Who manages the devices that the new configuration names, by what it noted at run time. */
  managers: z
    .record(z.string(), z.enum(['NetworkManager', 'systemd-networkd', 'ifupdown', 'none', 'unknown']))
    .optional(),
  /** By instance, as the daemon tells it. */
  roles: z.record(z.string(), z.enum(['MASTER', 'BACKUP', 'FAULT', 'INIT'])),
  /** Files that would be written. One that holds a secret has no hash: a short password could be guessed from it. */
  writes: z.array(z.strictObject({ path: z.string(), sha256: z.string().optional() })),
  drift: z.array(z.string()),
  /** The executable of tandemd that would be put there. */
  installs: z.strictObject({ version: z.string(), sha256: z.string() }).optional(),
});

const change = z.strictObject({
  op: z.enum(['add', 'remove', 'change']).optional(),
  subject: z.string().optional(),
  instance: z.string().optional(),
  keyword: z.string().optional(),
  text: z.string().optional(),
  sensitive: z.boolean(),
  routers: z.array(z.string()),
  class: impactClass,
  /** Apart from the classes, with steps and a word of `--allow` of its own; the class is then that of its lines. */
  apart: z.enum(['bring-up', 'engine', 'move']).optional(),
  rule: z.string(),
  reason: z.string(),
  withdraws: z.boolean(),
});

const pair = z.strictObject({
  pair: z.string(),
  /** Unreachable, blocked: nothing would be done to it; else whether something would, and whether a router has drifted. */
  verdict: z.enum(VERDICTS),
  routers: z.array(router),
  /** Whether it differs from what it shall be, as far as it was read; said of a blocked pair too. */
  changed: z.boolean(),
  /** Absent where a router was not reached, or its daemon is not understood: then the impact is unknown. */
  class: impactClass.optional(),
  changes: z.array(change),
  withdrawals: z.strictObject({ vips: z.int(), routes: z.int(), rules: z.int(), instances: z.int() }).optional(),
  moves: z.array(
    z.strictObject({
      kind: z.enum(['write', 'reload', 'start', 'take-over', 'replace']),
      routers: z.array(z.string()),
      generation: z.int(),
    }),
  ),
  /** For a move of both routers, in milliseconds. */
  window: z.number().optional(),
  /** By instance: how often a router becomes MASTER. */
  transitions: z.record(z.string(), z.strictObject({ count: z.int(), bound: z.enum(['exactly', 'at most']) })),
  allow: z.array(z.string()),
  blocks: z.array(finding),
  warnings: z.array(finding),
});

/** The whole document, as standard output has it. */
export const planSchema = z.strictObject({
  format: z.literal('tandem.plan'),
  version: z.literal(1),
  /** What the run ends with. */
  exit: z.int(),
  pairs: z.array(pair),
});

/** The schema's file name and text, as `tandem schema -o schema/` writes it. */
export const planSchemaFile = (): readonly [string, string] => [
  'plan.schema.json',
  `${JSON.stringify({ title: 'What tandem plan --json prints', ...z.toJSONSchema(planSchema) }, null, 2)}\n`,
];

export type PlanDocument = Omit<z.infer<typeof planSchema>, 'format' | 'version'>;

export const planDocument = (plans: readonly PairPlan[], exit: number): PlanDocument => ({
  exit,
  pairs: plans.map(pairDocument),
});

function pairDocument(plan: PairPlan): z.infer<typeof pair> {
  const { impact, schedule } = plan;
  const problem = ({ code, message, hint }: PairPlan['blocks'][number]) => ({ code, message, ...(hint && { hint }) });
  return {
    pair: plan.pair,
    verdict: verdictOf(plan),
    routers: plan.nodes.map(routerDocument),
    changed: hasChanges(plan),
    ...(impact && { class: impact.class, withdrawals: counts(impact.withdrawals) }),
    changes: plan.changes.map(changeDocument),
    moves: (schedule?.moves ?? []).map((move) => ({ ...move, routers: [...move.routers] })),
    ...(schedule && schedule.window > 0 && { window: schedule.window }),
    transitions: Object.fromEntries(impact?.transitions ?? []),
    allow: [...plan.allow],
    blocks: plan.blocks.map(problem),
    warnings: plan.warnings.map(problem),
  };
}

function routerDocument(node: PairPlan['nodes'][number]): z.infer<typeof router> {
  const { router: name, reading, roles, writes, drift } = node;
  const observed = reading.kind === 'read' ? reading.observed : undefined;
  const daemon = observed?.daemon;
  const named = new Set(node.desired.config.vrrp_instance.flatMap(devicesOf));
  const installs = installationOf(node);
  return {
    name,
    reached: reading.kind === 'read',
    ...(reading.kind === 'unreachable' && { reason: reading.reason }),
    ...(daemon && { daemon: daemon.kind }),
    ...((daemon?.kind === 'running' || daemon?.kind === 'stopped') && {
      engine: daemon.engine,
      version: daemon.version,
    }),
    ...(observed && {
      selinux: observed.system.selinux,
      managers: Object.fromEntries(
        observed.interfaces.filter(({ name }) => named.has(name)).map((each) => [each.name, each.managedBy]),
      ),
    }),
    roles,
    writes: writes.map(({ path, sha256, sensitive }) => ({ path, ...(!sensitive && { sha256 }) })),
    drift: drift.map((each) => each.message),
    ...(installs && { installs: { version: installs.version, sha256: installs.sha256 } }),
  };
}

function changeDocument(planned: PairPlan['changes'][number]): z.infer<typeof change> {
  const { change: what, routers, apart, rule, reason, class: severity } = planned;
  return {
    ...(what && { op: what.op, subject: what.subject, keyword: what.keyword, text: what.text }),
    ...(what?.instance !== undefined && { instance: what.instance }),
    sensitive: what !== undefined && 'sensitive' in what && what.sensitive === true,
    routers: [...routers],
    class: severity,
    ...(apart && { apart }),
    rule,
    reason,
    withdraws: what?.withdraws !== undefined,
  };
}

const counts = (w: NonNullable<PairPlan['impact']>['withdrawals']) => ({
  vips: w.vips.length,
  routes: w.routes.length,
  rules: w.rules.length,
  instances: w.instances.length,
});
