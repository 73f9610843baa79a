/** Routes and rules that keepalived -t refuses although they read well. */
import type { Findings } from './check.ts';
import type { RouteLine, RuleLine } from './model.ts';

/** keepalived's own routing protocol number: tracked routes and rules must have it. */
const KEEPALIVED = new Set(['keepalived', '18', '0x12']);

const UNTRACKABLE = 'write no_track, or leave the protocol out';

export function checkRoute(route: RouteLine, where: 'static' | 'virtual', findings: Findings): void {
  if (route.no_track) return;
  if (route.dev === undefined) {
    const message = 'the route names no dev, so keepalived cannot track it, and its config test refuses the file';
    findings.add('conf-missing', route, undefined, message, { hint: 'add "dev INTERFACE", or "no_track"' });
  }
  if (route.protocol !== undefined && !KEEPALIVED.has(route.protocol)) {
    const message = `a ${where} route of protocol ${route.protocol} cannot be tracked`;
    findings.add('conf-value', route, 'protocol', message, { hint: UNTRACKABLE });
  }
}

/** What a rule can do, of which it must do exactly one. */
const ACTIONS = ['goto', 'nop', 'blackhole', 'prohibit', 'unreachable', 'l3mdev', 'type'];

export function checkRule(rule: RuleLine, where: 'static' | 'virtual', findings: Findings): void {
  if (rule.priority === undefined) {
    const message = 'the rule has no preference; keepalived would choose one, and its config test refuses the file';
    findings.add('conf-missing', rule, undefined, message, { hint: 'add "preference NUMBER"' });
  }
  if (rule.track_group !== undefined && rule.iif === undefined) {
    findings.add('conf-missing', rule, 'track_group', 'a rule with a track_group needs an iif');
  }
  const actions = [
    ...(rule.table === undefined ? [] : ['table']),
    ...ACTIONS.filter((name) => rule.options?.[name] !== undefined),
  ];
  if (actions.length === 0) {
    findings.add('conf-missing', rule, undefined, 'the rule says nothing to do', { hint: 'add "table NAME"' });
  }
  if (actions.length > 1) {
    findings.add(
      'conf-value',
      rule,
      actions[1],
      `a rule does one thing, not both ${actions.slice(0, 2).join(' and ')}`,
    );
  }
  const protocol = rule.options?.protocol;
  if (protocol !== undefined && !rule.no_track && !KEEPALIVED.has(protocol)) {
    findings.add('conf-value', rule, 'protocol', `a ${where} rule of protocol ${protocol} cannot be tracked`, {
      hint: UNTRACKABLE,
    });
  }
}
