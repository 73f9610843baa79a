/** Changing what stands without a gap: from one value to another that the kernel knows by the same key. */

import type { Address } from '../linux/address.ts';
import { type Change, OWN_PROTOCOL } from '../linux/kernel.ts';
import { type Route, SCOPE, TABLE_LOCAL } from '../linux/route.ts';
import type { Thing } from './things.ts';

export interface Swap {
  readonly before: Thing;
  readonly after: Thing;
}

/**
 * A rule is added before the old one goes, a route put in front of the old one. The kernel changes no label, prefix,
 * broadcast or scope of an address: it is deleted and added while a local route holds it.
 */
export function swapChanges({ before, after }: Swap): readonly Change[] {
  if (before.add.kind !== 'address') return [after.add, before.remove];
  const { address } = before.add;
  if (address.address.family === 6) return [before.remove, after.add];
  const hold = { kind: 'route', route: localRoute(address) } as const;
  return [{ ...hold, verb: 'add' }, before.remove, after.add, { ...hold, verb: 'delete' }];
}

/**
 * What lets the kernel answer for an address that is not there: a local route on its device. Without a preferred
 * source, so that all of a device share one entry of the kernel's.
 */
export const localRoute = ({ dev, address }: Address): Route => ({
  type: 'local',
  destination: { ...address, prefix: 32 },
  table: TABLE_LOCAL,
  protocol: OWN_PROTOCOL,
  scope: SCOPE.HOST,
  dev,
});
