/** Plans as people read them. Pure: lines of text; equal diffs of many pairs are printed once (docs/cli.md). */
import type { Paint } from '../base/caret.ts';
import { IMPACT_CLASSES, type Order } from '../change/impact-model.ts';
import type { Observed } from '../change/observed.ts';
import { installationOf } from './install.ts';
import { factOf } from './live-file.ts';
import {
  hasChanges,
  isUnderstood,
  type NodePlan,
  type PairPlan,
  type PlannedChange,
  type Verdict,
  verdictOf,
} from './plan.ts';
import { addressesOf } from './proof.ts';

/** As many pairs are named beside a diff that they share, the rest are counted; as many are shown though nothing changes. */
const MEMBERS_SHOWN_MAX = 12;

/** The plans of all pairs, equal ones once, and the summary line at the end. */
export function printPlans(plans: readonly PairPlan[], paint: Paint): string {
  const groups = new Map<string, PairPlan[]>();
  // Of a few pairs everybody wants to see how they are; of thousands only what is not as it shall be.
  const shownAll = plans.length <= MEMBERS_SHOWN_MAX;
  for (const plan of plans.filter((each) => shownAll || isWorthShowing(each))) {
    const key = sameness(plan);
    groups.set(key, [...(groups.get(key) ?? []), plan]);
  }
  const printed = [...groups.values()].map((group) => printGroup(group, paint));
  return [...printed, summary(plans)].join('\n\n');
}

const isWorthShowing = (plan: PairPlan): boolean => verdictOf(plan) !== 'in-order' || plan.warnings.length > 0;

/**
 * What is equal of two plans that are printed once: everything but the names of the pair and its routers, and how long
 * a change of both may take, which depends on how well the clocks are known.
 */
function sameness(plan: PairPlan): string {
  const text = JSON.stringify([body(plan, (_style, t) => t), plan.nodes.map((n) => status(n))]);
  const names = [...plan.nodes.map((node) => node.router), plan.pair];
  return names.reduce((all, name, i) => all.replace(wholeName(name), `\u0001${i}`), text.replace(/within \d+ ms/g, ''));
}

/** The name itself, and not a part of a label, a device or a path. */
const wholeName = (name: string): RegExp => {
  const literal = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`(?<![\\w.:/-])${literal}(?![.:/-]*\\w)`, 'g');
};

function printGroup(group: readonly PairPlan[], paint: Paint): string {
  // Of several the one with the least time: it is true of all.
  const shown = group.reduce((a, b) => ((b.schedule?.window ?? 0) < (a.schedule?.window ?? 0) ? b : a));
  const text = [head(shown, paint), ...body(shown, paint)].join('\n');
  if (group.length === 1) return text;
  const names = group.map((plan) => plan.pair);
  const rest = names.length - MEMBERS_SHOWN_MAX;
  const list = names.slice(0, MEMBERS_SHOWN_MAX).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
  return `${text}\n${paint('dim', `The same for ${names.length} pairs: ${list}`)}`;
}

function head(plan: PairPlan, paint: Paint): string {
  const routers = plan.nodes.map((n) => `${n.router} ${status(n)}`).join(' | ');
  return `${paint('bold', plan.pair)}   ${routers}   ${driftText(plan.nodes)}`;
}

/** A router of which nothing is known may have drifted. */
function driftText(nodes: readonly NodePlan[]): string {
  if (nodes.some((n) => n.drift.length > 0)) return 'drift';
  return nodes.every((n) => isUnderstood(n.reading)) ? 'no drift' : 'drift unknown';
}

/** A router in a few words: its role, what runs, how many VIPs it holds. */
function status(node: NodePlan): string {
  if (node.reading.kind === 'unreachable') return 'unreachable';
  const { observed } = node.reading;
  const { daemon } = observed;
  switch (daemon.kind) {
    case 'absent':
      return 'no VRRP daemon installed';
    case 'stopped':
      return `${daemon.engine} ${daemon.version} stopped`;
    case 'unknown':
      return 'runs something unknown';
    case 'running':
      return `${rolesText(node)} ${daemon.engine} ${daemon.version}, holds ${vipCount(heldCount(node, observed))}`;
  }
}

function rolesText(node: NodePlan): string {
  const roles = Object.entries(node.roles);
  const kinds = new Set(roles.map(([, state]) => state));
  if (kinds.size === 0) return 'role unknown';
  return kinds.size === 1 ? roles[0]![1] : roles.map(([name, state]) => `${name} ${state}`).join(' ');
}

function heldCount(node: NodePlan, observed: Observed): number {
  const vips = node.running.vrrp_instance.flatMap(addressesOf);
  return vips.filter((v) => observed.addresses.some((a) => a.address.text === v.address.text)).length;
}

function body(plan: PairPlan, paint: Paint): string[] {
  const drift = new Set(plan.nodes.flatMap((node) => node.drift.map(({ message }) => message)));
  const lines = [...drift].map((d) => `  ${paint('warning', '!')} ${d}`);
  const places = new Set(plan.changes.map((c) => place(c)));
  const width = Math.max(0, ...plan.changes.map((c) => changeText(c, plan).length));
  for (const where of places) {
    lines.push(`  ~ ${where}`);
    for (const change of plan.changes.filter((c) => place(c) === where))
      lines.push(changeLine(change, plan, width, paint));
  }
  if (plan.impact && plan.changes.length === 0) lines.push(...quietLines(plan));
  lines.push(...installLines(plan));
  if (plan.impact && hasChanges(plan)) {
    const moving = new Set(plan.schedule?.moves.flatMap((move) => move.routers));
    const replaces = plan.schedule?.moves.some(({ kind }) => kind === 'replace');
    const order = replaces ? replacementLines(plan) : orderLines(plan.impact.order, (router) => moving.has(router));
    lines.push(...withdrawalLines(plan, paint), ...order);
  }
  const apart = plan.changes.filter((c) => c.apart !== undefined).map((c) => `${c.apart}: ${c.reason}`);
  for (const reason of new Set(apart)) lines.push(`Apart  ${reason}`);
  if (plan.allow.length > 0 && plan.blocks.length === 0) lines.push(`Needs  --allow ${plan.allow.join(',')}`);
  const said = [
    ...plan.warnings.map((each) => ({ ...each, word: paint('warning', 'warning') })),
    ...plan.blocks.map((each) => ({ ...each, word: paint('error', 'blocked') })),
  ];
  for (const { word, code, message, hint } of said) {
    lines.push(`${word}[${code}]: ${message}`);
    if (hint) lines.push(`   = help: ${hint}`);
  }
  return lines;
}

/** Files that say the same to the daemon, and are written all the same. */
function quietLines({ nodes }: PairPlan): string[] {
  const written = nodes.filter((node) => node.writes.length > 0);
  if (written.length === 0) return [];
  const isText = ({ writes, reading }: NodePlan) =>
    writes.some(({ path, sha256 }) => reading.kind === 'read' && factOf(reading.observed, path)?.sha256 !== sha256);
  const what = written.some(isText) ? 'text' : 'mode or owner';
  return [`  ~ ${what} of ${written.map(({ router }) => router).join(' and ')}: no semantic change   none`];
}

/** Which routers get an executable: the same one for both, unless they are of two architectures. */
function installLines({ nodes }: PairPlan): string[] {
  const routersOf = new Map<string, string[]>();
  for (const node of nodes) {
    const wanted = installationOf(node);
    if (!wanted) continue;
    const { version, sha256, size } = wanted;
    const text = `tandemd ${version} (${sha256.slice(0, 12)}, ${Math.round(size / 1e6)} MB)`;
    routersOf.set(text, [...(routersOf.get(text) ?? []), node.router]);
  }
  return [...routersOf].map(([text, routers]) => `Installs  ${text} on ${routers.join(' and ')}`);
}

const place = ({ change }: PlannedChange): string => {
  if (change === undefined) return 'the pair';
  if (change.instance !== undefined) return change.instance;
  return change.subject === 'global' ? 'global_defs' : change.subject;
};

const SIGN = { add: '+', remove: '-', change: '~' } as const;

function changeText({ change, routers }: PlannedChange, plan: PairPlan): string {
  const on = routers.length < plan.nodes.length ? ` (${routers.join(', ')})` : '';
  return `${change?.text ?? 'all'}${on}`;
}

function changeLine(planned: PlannedChange, plan: PairPlan, width: number, paint: Paint): string {
  const sign = planned.change ? SIGN[planned.change.op] : '!';
  const grave = IMPACT_CLASSES.indexOf(planned.class) >= IMPACT_CLASSES.indexOf('failover');
  const label = paint(grave ? 'error' : 'bold', (planned.apart ?? planned.class).padEnd(8));
  const withdraws = planned.change?.withdraws ? 'withdraws; ' : '';
  // One reason for all of them: it stands at the end, once.
  if (planned.apart) return `      ${sign} ${changeText(planned, plan).padEnd(width)}   ${label}`.trimEnd();
  return `      ${sign} ${changeText(planned, plan).padEnd(width)}   ${label} ${paint('dim', `${withdraws}${planned.reason}`)}`;
}

function withdrawalLines({ impact }: PairPlan, paint: Paint): string[] {
  const { vips, routes, rules, instances, reasons } = impact!.withdrawals;
  const counted = [
    count(vips.length, 'VIP', 'answering'),
    count(routes.length, 'route', 'being served'),
    count(rules.length, 'rule', 'being served'),
    count(instances.length, 'instance', 'running'),
  ].filter((text) => text !== undefined);
  if (counted.length === 0) return [];
  return [
    `${paint('warning', 'Withdraws')}  ${counted.join(', ')}`,
    ...reasons.map((reason) => `           ${reason}`),
  ];
}

const count = (n: number, what: string, ends: string): string | undefined =>
  n === 0 ? undefined : `${n} ${what}${n === 1 ? ' stops' : 's stop'} ${ends}`;

/** Where daemons are replaced, every step is shown: the routers take turns. */
function replacementLines({ schedule }: PairPlan): string[] {
  const words = {
    start: 'started',
    'take-over': 'takes over',
    replace: 'replaced',
    reload: 'as it shall be',
    write: 'has its files',
  } as const;
  const steps = schedule!.moves.map(({ kind, routers }) => `${routers.join(' and ')} ${words[kind]}`);
  return [`Order  ${steps.join(' -> ')}, each proven`];
}

/** @param moves whether anything is done on a router: one that is as it shall be is left out */
function orderLines(order: Order, moves: (router: string) => boolean): string[] {
  switch (order.kind) {
    case 'none':
      return ['Order  files only: no daemon is signalled'];
    case 'one-by-one':
    case 'together': {
      const moved = order.routers.filter(moves);
      // Who goes first, and how soon the other follows, is no question where only one goes.
      if (moved.length < 2) return [`Order  ${moved.join('')} -> prove`];
      const ways =
        order.kind === 'together' ? `${moved.join(' + ')} within ${Math.round(order.budget)} ms` : moved.join(' -> ');
      return [`Order  ${ways} -> prove   ${order.reason}`];
    }
    case 'staged':
      return [
        `Order  ${order.stages.length} stages, each proven   ${order.reason}`,
        ...order.stages.flatMap((stage, i) =>
          orderLines(stage.order, () => true).map((line) => `   ${i + 1}. ${stage.what}: ${line.slice(7)}`),
        ),
      ];
  }
}

/** Each pair is counted once, by its verdict: what is blocked or unreachable is no part of what would be done. */
function summary(plans: readonly PairPlan[]): string {
  const of = (verdict: Verdict): PairPlan[] => plans.filter((plan) => verdictOf(plan) === verdict);
  const changed = of('changes');
  const sentences = changed.length > 0 ? [changesText(changed)] : [];
  const counted: readonly [Verdict, string][] = [
    ['in-order', ', nothing to do'],
    ['drift', ' with drift and nothing to apply'],
    ['blocked', ' blocked'],
    ['unreachable', ' unreachable'],
  ];
  for (const [verdict, text] of counted) {
    const { length } = of(verdict);
    if (length > 0 && (verdict !== 'in-order' || changed.length === 0)) sentences.push(`${pairs(length)}${text}`);
  }
  return `Plan: ${sentences.join('. ')}.`;
}

function changesText(changed: readonly PairPlan[]): string {
  const changes = changed.reduce((sum, plan) => sum + plan.changes.length, 0);
  // What is apart from the classes alone, such as a bring-up, has none to show.
  const classed = changed.filter((p) => p.changes.length === 0 || p.changes.some((c) => c.apart === undefined));
  const worst = Math.max(...classed.map((p) => IMPACT_CLASSES.indexOf(p.impact!.class)));
  const apart = [...new Set(changed.flatMap((plan) => plan.changes.flatMap((c) => c.apart ?? [])))];
  const transitions = changed.flatMap((plan) => [...(plan.impact?.transitions.values() ?? [])]);
  const most = transitions.reduce((sum, t) => sum + t.count, 0);
  const failover = most === 0 ? 'no failover' : `${most} transition${most === 1 ? '' : 's'} predicted`;
  const allow = [...new Set(changed.flatMap((plan) => plan.allow))];
  const needs = allow.length > 0 ? `, needs --allow ${allow.join(',')}` : '';
  return `${pairs(changed.length)}, ${changes} change${changes === 1 ? '' : 's'}, highest class ${[IMPACT_CLASSES[worst] ?? [], ...apart].flat().join(' and ')}, ${failover}${needs}`;
}

const vipCount = (n: number): string => `${n} VIP${n === 1 ? '' : 's'}`;
const pairs = (n: number): string => `${n} pair${n === 1 ? '' : 's'}`;
