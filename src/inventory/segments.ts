/**
 * What must be unique on a network: VRIDs and VIPs, across all pairs of a named segment. An unnamed segment is
 * the pair's own, a direct link always is: the same numbers at every branch office are normal.
 */
import type { Location, Problem } from '../base/problem.ts';
import type { BuiltPair } from './build.ts';
import { inDoubt } from './doubts.ts';
import { locate } from './layers.ts';
import type { Member, VrrpIntent } from './model.ts';

interface Claim {
  readonly owner: string;
  readonly at: Location;
}

/** Who uses what, by segment and VRID or VIP. */
export type Claims = Map<string, Claim>;

/** What says on which network an instance is. */
const PLACE = ['interface', 'interfaces', 'link'];

/** Adds what a pair uses to what the pairs before it use on named segments; what is used twice is a problem. */
export function claimSegments({ pair, instances }: BuiltPair, shared: Claims, problems: Problem[]): void {
  // A pair's own segments cannot meet another pair's.
  const own: Claims = new Map();
  for (const built of instances) {
    for (const [index, { intent, settings, doubts }] of built.entries()) {
      const member = pair.members[index]!;
      const owner = `${pair.name} ${intent.name}`;
      const vrid = `VRID ${intent.virtual_router_id} (IPv${intent.family}, ${intent.unicast ? 'unicast' : 'multicast'})`;
      const segment = segmentOf(member, intent.interface, intent);
      const claims = segment.shared ? shared : own;
      const first = inDoubt(doubts, ['virtual_router_id', 'family', 'unicast', ...PLACE])
        ? undefined
        : taken(claims, segment, vrid, owner, () => locate(settings.layers, ['virtual_router_id']));
      if (first) problems.push(twice('vrid-duplicate', vrid, segment, first.at, first.by));
      if (inDoubt(doubts, PLACE)) continue;
      for (const { line, at } of intent.vips) {
        const where = segmentOf(member, line.dev ?? intent.interface, intent);
        const what = `VIP ${line.address.text}`;
        // Both members have the same line: only another line is a second one.
        const lineOwner = `${owner} ${at.file}:${at.line}:${at.column}`;
        const other = taken(where.shared ? shared : own, where, what, lineOwner, () => at);
        if (other) problems.push(twice('vip-duplicate', what, where, other.at, other.by));
      }
    }
  }
}

interface Taken {
  readonly at: Location;
  readonly by: Claim;
}

function taken(claims: Claims, segment: Segment, what: string, owner: string, at: () => Location): Taken | undefined {
  const key = `${segment.name} ${what}`;
  const by = claims.get(key);
  if (!by) claims.set(key, { owner, at: at() });
  return by && by.owner !== owner ? { at: at(), by } : undefined;
}

const twice = (
  code: 'vrid-duplicate' | 'vip-duplicate',
  what: string,
  { name, shared }: Segment,
  at: Location,
  by: Claim,
): Problem => ({
  code,
  severity: 'error',
  message: `${what} stands twice on ${shared ? `segment "${name}"` : name}`,
  at,
  related: [{ at: by.at, message: 'it is taken here' }],
});

interface Segment {
  readonly name: string;
  readonly shared: boolean;
}

function segmentOf(member: Member, device: string, intent: VrrpIntent): Segment {
  const named = member.interfaces.find(({ name }) => name === device)?.segment;
  const cable = intent.link === 'direct' && device === intent.interface;
  if (named !== undefined && !cable) return { name: named, shared: true };
  return { name: `${device} of ${member.name}`, shared: false };
}
