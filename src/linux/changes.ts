/**
 * Changes as batches of netlink messages. Batches are small where the kernel takes long: an address costs more the
 * more its link has, and 64 of them near 10,000 hold the kernel's lock for some 20 ms, 16 for 5.
 */
import { RTM_ADDRESS, writeAddress } from './address.ts';
import { type Devices, NoDevice } from './devices.ts';
import { ERRNO, errorName } from './ffi.ts';
import type { Change, Failure } from './kernel.ts';
import { NLM_F } from './netlink.ts';
import { type Batch, BatchWriter } from './netlink-client.ts';
import { RTM_ROUTE, writeRoute } from './route.ts';
import { RTM_RULE, writeRule } from './rule.ts';

/** A batch holds changes of this cost in all: 16 addresses, or 256 routes or rules, which take a millisecond. */
const BATCH_COST_MAX = 256;
const COST: Readonly<Record<Change['kind'], number>> = { address: 16, route: 1, rule: 1 };
/** A route of 256 IPv6 next hops takes 10 KiB. */
const CHANGE_SIZE_MAX = 16 * 1024;
const BATCH_SIZE = 4 * CHANGE_SIZE_MAX;

export const costOf = (changes: readonly Change[]): number =>
  changes.reduce((sum, change) => sum + COST[change.kind], 0);

/** A batch, and which change each of its messages is. */
export interface WrittenBatch {
  readonly batch: Batch;
  readonly indexes: readonly number[];
}

/** Writes the changes batch by batch, as they are asked for; what cannot be written is told to `onFailure`. */
export function* writeBatches(
  changes: readonly Change[],
  devices: Devices,
  onFailure: (failure: Failure) => void,
): Generator<WrittenBatch> {
  const writer = new BatchWriter(BATCH_SIZE);
  let indexes: number[] = [];
  let cost = 0;
  for (const [index, change] of changes.entries()) {
    const full = cost + COST[change.kind] > BATCH_COST_MAX || writer.room < CHANGE_SIZE_MAX;
    if (full && indexes.length > 0) {
      yield { batch: writer.take(), indexes };
      [indexes, cost] = [[], 0];
    }
    try {
      writeChange(writer, change, devices);
    } catch (error) {
      if (!(error instanceof NoDevice)) throw error;
      const errno = ERRNO.ENODEV;
      onFailure({ index, errno, code: errorName(errno), message: error.message });
      continue;
    }
    indexes.push(index);
    cost += COST[change.kind];
  }
  if (indexes.length > 0) yield { batch: writer.take(), indexes };
}

const VERB_FLAGS: Readonly<Record<Change['verb'], number>> = {
  add: NLM_F.CREATE + NLM_F.EXCL,
  prepend: NLM_F.CREATE,
  append: NLM_F.CREATE + NLM_F.APPEND,
  replace: NLM_F.CREATE + NLM_F.REPLACE,
  delete: 0,
};

function writeChange(writer: BatchWriter, change: Change, devices: Devices): void {
  const flags = VERB_FLAGS[change.verb];
  const typeOf = (types: { readonly NEW: number; readonly DEL: number }): number =>
    change.verb === 'delete' ? types.DEL : types.NEW;
  switch (change.kind) {
    case 'address':
      writer.add({ type: typeOf(RTM_ADDRESS), flags }, (message) => writeAddress(message, change.address, devices));
      break;
    case 'route':
      writer.add({ type: typeOf(RTM_ROUTE), flags }, (message) => writeRoute(message, change.route, devices));
      break;
    case 'rule':
      writer.add({ type: typeOf(RTM_RULE), flags }, (message) => writeRule(message, change.rule));
      break;
  }
}
