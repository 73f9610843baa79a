/** Where a router is not as its own running configuration says: found before a change, so that it is not blamed on it. */
import type { Observed } from '../change/observed.ts';
import type { Config } from '../keepalived/model.ts';
import type { Reading } from './plan.ts';
import { unsettled } from './proof.ts';

/**
 * @param running what the router's own file says
 * @param configs what the files of both say, in the order of `readings`
 * @returns sentences; empty where nothing differs, or nothing runs
 */
export function driftOf(
  observed: Observed,
  running: Config,
  configs: readonly Config[],
  readings: readonly Reading[],
): string[] {
  if (observed.daemon.kind !== 'running') return [];
  const seen = readings.flatMap((r) => (r.kind === 'read' ? [r.observed] : []));
  if (seen.length < readings.length) return [];
  const expected = seen.map((s, i) => ({ router: s.router, config: configs[i]!, before: configs[i]! }));
  const named = running.vrrp_instance.map((i) => i.name);
  const unknown = (observed.instances ?? []).filter((i) => !named.includes(i.name));
  return [
    ...unknown.map((i) => `${i.name} runs and the file does not name it: the file was edited and not loaded`),
    ...unsettled(expected, seen)
      .filter((finding) => finding.router === undefined || finding.router === observed.router)
      .map((finding) => finding.message),
  ];
}
