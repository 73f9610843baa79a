/**
 * What must be unique on a network: VRIDs and VIPs, across all pairs of a named segment. An unnamed segment is
 * the pair's own, a direct link always is: the same numbers at every branch office are normal.
 */
import type { Location, Problem } from '../base/problem.ts';
import type { BuiltPair } from './build.ts';
import { locate } from './layers.ts';
import type { Member, VrrpIntent } from './model.ts';

interface Claim {
  readonly owner: string;
  readonly what: string;
  readonly at: Location;
}

/** Remembers who uses what on which segment, and tells of the second one. Feed it pair by pair. */
export class Segments {
  readonly #claims = new Map<string, Claim>();
  readonly #problems: Problem[];

  constructor(problems: Problem[]) {
    this.#problems = problems;
  }

  add({ pair, instances }: BuiltPair): void {
    // A pair's own segments cannot meet another pair's: they are forgotten with it.
    const own = new Map<string, Claim>();
    for (const built of instances) {
      for (const [index, { intent, settings }] of built.entries()) {
        const member = pair.members[index]!;
        const owner = `${pair.name} ${intent.name}`;
        const mode = intent.unicast ? 'unicast' : 'multicast';
        const segment = segmentOf(member, intent.interface, intent);
        const vrid = `VRID ${intent.virtual_router_id} (IPv${intent.family}, ${mode})`;
        this.#claim(own, segment, vrid, 'vrid-duplicate', {
          owner,
          what: vrid,
          at: locate(settings.layers, ['virtual_router_id']),
        });
        for (const { line, at } of intent.vips) {
          const what = `VIP ${line.address.text}`;
          const where = segmentOf(member, line.dev ?? intent.interface, intent);
          this.#claim(own, where, what, 'vip-duplicate', { owner: `${owner} ${at.line}:${at.column}`, what, at });
        }
      }
    }
  }

  #claim(
    own: Map<string, Claim>,
    segment: Segment,
    key: string,
    code: 'vrid-duplicate' | 'vip-duplicate',
    claim: Claim,
  ): void {
    const claims = segment.shared ? this.#claims : own;
    const first = claims.get(`${segment.name} ${key}`);
    if (!first) claims.set(`${segment.name} ${key}`, claim);
    if (!first || first.owner === claim.owner) return;
    this.#problems.push({
      code,
      severity: 'error',
      message: `${claim.what} stands twice on ${segment.shared ? `segment "${segment.name}"` : segment.name}`,
      at: claim.at,
      related: [{ at: first.at, message: `it is taken here, by ${first.owner.replace(/ \d+:\d+$/, '')}` }],
    });
  }
}

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
