/** Trackers and their weights: what they name must be there, and what they weigh must be able to act. */
import type { Problem } from '../base/problem.ts';
import { didYouMean } from '../base/suggest.ts';
import type { Track } from '../keepalived/model.ts';
import type { BuiltInstance } from './instance.ts';
import { locate } from './layers.ts';
import type { Member, Pair, VrrpIntent } from './model.ts';

const KINDS = ['interface', 'script', 'file', 'process'] as const;
type Kind = (typeof KINDS)[number];

/** Where each kind of tracker is defined; interfaces are the router's own. */
const DEFINED_UNDER = { script: 'scripts', file: 'track_files', process: 'track_processes' } as const;

/** The weight that each definition of a router gives its tracker; a file's and a process's is 1 where it says none. */
const definitions = ({ scripts, track_files, track_processes }: Member) => ({
  interface: new Map<string, number>(),
  script: new Map(scripts.map(({ name, weight }) => [name, weight ?? 0])),
  file: new Map(track_files.map(({ name, weight }) => [name, weight ?? 1])),
  process: new Map(track_processes.map(({ name, weight }) => [name, weight ?? 1])),
});

/** The weight that a tracker has here: its own, else its definition's; 0 means that its failure is a FAULT. */
const weightOf = (defined: ReturnType<typeof definitions>, kind: Kind, { name, weight }: Track): number =>
  weight ?? defined[kind].get(name) ?? 0;

/** Why no weight can act in an instance on a router, and what would let it. */
function weightsIdle(
  { name, priority, preempt }: VrrpIntent,
  { sync_groups }: Member,
): [why: string, way: string] | undefined {
  if (!preempt) return ['while preempt is false', 'write preempt: true'];
  if (priority === 255) return ['at priority 255, which never changes', 'lower the priority'];
  const group = sync_groups.find(({ members }) => members.includes(name));
  return group && [`in the sync group ${group.name}, whose members ignore weights`, `take ${name} out of the group`];
}

/** The trackers of one instance on one router: each is defined, and none has a weight that cannot act. */
export function checkTrackers({ intent, settings }: BuiltInstance, member: Member, problems: Problem[]): void {
  const defined = definitions(member);
  const idle = weightsIdle(intent, member);
  for (const kind of KINDS) {
    for (const [index, item] of intent.track[kind].entries()) {
      const at = () => locate(settings.layers, ['track', kind, index]);
      if (kind !== 'interface' && !defined[kind].has(item.name)) {
        const message = `there is no ${kind} "${item.name}" on ${member.name}`;
        const hint = didYouMean(item.name, defined[kind].keys()) ?? `define it under ${DEFINED_UNDER[kind]}:`;
        problems.push({ code: 'unknown-name', severity: 'error', message, at: at(), hint });
      }
      if (!idle || weightOf(defined, kind, item) === 0) continue;
      const message = `the weight of ${item.name} never acts ${idle[0]}`;
      const without = kind === 'file' || kind === 'process' ? 'say weight: 0' : 'leave the weight out';
      const hint = `${without} (then its failure means FAULT), or ${idle[1]}`;
      problems.push({ code: 'weight-never-acts', severity: 'error', message, at: at(), hint });
    }
  }
}

/** All weights of the higher router together cannot bring it below the other: they do nothing. */
export function checkWeights(pair: Pair, first: BuiltInstance, second: BuiltInstance, problems: Problem[]): void {
  const [a, b] = [first.intent, second.intent];
  const [high, low, member] = a.priority >= b.priority ? [first, b, pair.members[0]] : [second, a, pair.members[1]];
  if (weightsIdle(high.intent, member)) return;
  const weights = weighted(high.intent, member);
  // A file's value multiplies its weight: it can turn any order.
  if (weights.length === 0 || weights.some(({ kind }) => kind === 'file')) return;
  const sum = weights.reduce((total, { weight }) => total + Math.abs(weight), 0);
  const distance = high.intent.priority - low.priority;
  if (sum > distance) return;
  const { kind, index } = weights[0]!;
  problems.push({
    code: 'weight-never-turns',
    severity: 'warning',
    message: `the weights come to ${sum}, the priorities are ${distance} apart: the order never turns`,
    at: locate(high.settings.layers, ['track', kind, index]),
    hint: `a weight of ${distance + 1} or more turns it`,
  });
}

function weighted({ track }: VrrpIntent, member: Member) {
  const defined = definitions(member);
  return KINDS.flatMap((kind) =>
    track[kind].flatMap((item, index) => {
      const weight = weightOf(defined, kind, item);
      return weight === 0 ? [] : [{ kind, index, weight }];
    }),
  );
}
