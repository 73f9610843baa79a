/** How a router is relieved of what it is MASTER of, before its daemon stops: its peer is put ahead of it. */
import type { Config, Instance } from '../keepalived/model.ts';
import { effective } from './effective.ts';
import { TRACK_KEYWORDS, weightOf } from './roles.ts';

/** The highest priority that is not an address owner's (RFC 9568 section 5.2.4). */
const HIGHEST = 254;

/**
 * The configuration with which a router takes over whatever its peer is MASTER of, while the peer still serves: a
 * priority just above any that the peer may have, and preemption at once. The peer can be put ahead of it in its turn.
 * @returns undefined where no priority is above the peer's
 */
export function putAhead(config: Config, peer: Config): Config | undefined {
  const wire = (of: Config, instance: Instance): string => {
    const { vrid, family } = effective(of, instance);
    return `${vrid} ${family}`;
  };
  const most = new Map(peer.vrrp_instance.map((instance) => [wire(peer, instance), highestOf(peer, instance)]));
  const raised = config.vrrp_instance.map(({ nopreempt: _nopreempt, preempt_delay: _delay, ...rest }) => {
    const priority = (most.get(wire(config, rest)) ?? 0) + 1;
    return { ...rest, priority: Math.max(priority, effective(config, rest).priority) };
  });
  if (raised.some(({ priority }) => priority > HIGHEST)) return undefined;
  return { ...config, vrrp_instance: raised };
}

/** With every weight that may be added to it. */
function highestOf(config: Config, instance: Instance): number {
  const group = config.vrrp_sync_group.find((each) => each.group.includes(instance.name));
  const weights = TRACK_KEYWORDS.flatMap((keyword) =>
    [...(instance[keyword] ?? []), ...(group?.[keyword] ?? [])].map((track) =>
      Math.abs(weightOf(config, keyword, track)),
    ),
  );
  return effective(config, instance).priority + weights.reduce((sum, weight) => sum + weight, 0);
}
