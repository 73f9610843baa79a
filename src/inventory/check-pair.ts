/** What both members of a pair together may not say, or should not. */
import type { Location, Problem } from '../base/problem.ts';
import { didYouMean } from '../base/suggest.ts';
import type { BuiltInstance } from './instance.ts';
import { locate } from './layers.ts';
import type { Member, Pair } from './model.ts';
import { checkWeights } from './trackers.ts';
import type { YamlDocument } from './yaml.ts';

/** @param instances each instance on the primary and on the secondary */
export function checkPair(
  pair: Pair,
  instances: readonly (readonly [BuiltInstance, BuiltInstance])[],
  document: YamlDocument,
  problems: Problem[],
): void {
  for (const [first, second] of instances) checkWeights(pair, first, second, problems);
  for (const member of pair.members) checkSyncGroups(member, document, problems);
  const [first] = instances;
  if (!first || pair.acceptDualMaster || instances.some(([{ intent }]) => intent.link !== 'direct')) return;
  problems.push({
    code: 'single-heartbeat',
    severity: 'warning',
    message:
      'all VRRP of this pair runs over a direct cable: if only the cable is cut, both routers become MASTER until it is back',
    at: locate(first[0].settings.layers, ['link']),
    hint: 'run VRRP over the LAN as well, or say accept_dual_master: true',
  });
}

function checkSyncGroups({ instances, sync_groups }: Member, document: YamlDocument, problems: Problem[]): void {
  const names = instances.map(({ name }) => name);
  const memberAt = new Map<string, Location>();
  for (const group of sync_groups) {
    if (group.members.length === 1) {
      const at = document.at(['sync_groups', group.name, 'members']);
      const message = `the sync group ${group.name} has only one member`;
      problems.push({
        code: 'inventory-value',
        severity: 'error',
        message,
        at,
        hint: 'a group holds two instances or more',
      });
    }
    for (const [index, name] of group.members.entries()) {
      const at = document.at(['sync_groups', group.name, 'members', index]);
      const first = memberAt.get(name);
      memberAt.set(name, at);
      if (first) {
        const related = [{ at: first, message: 'it is a member here first' }];
        const message = `${name} is in sync groups twice; an instance is in one`;
        problems.push({ code: 'defined-twice', severity: 'error', message, at, related });
      }
      if (names.includes(name)) continue;
      const hint = didYouMean(name, names) ?? `its instances are ${names.join(', ')}`;
      const message = `this pair has no instance "${name}"`;
      problems.push({ code: 'unknown-name', severity: 'error', message, at, hint });
    }
  }
}
