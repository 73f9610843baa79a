/**
 * What scripts, FIFOs and mails are told, in keepalived's words. The four words that `notify` is called with and a
 * FIFO's line are the same: `INSTANCE "VI_0" MASTER 150`; a group's priority is 0.
 */
import type { Instance } from '../keepalived/model.ts';

export interface Happening {
  readonly type: 'INSTANCE' | 'GROUP';
  readonly name: string;
  readonly what: HappeningKind;
  /** Effective; 0 for a group. */
  readonly priority: number;
  /** As it was in the file before a reload that took it away. */
  readonly deleted?: Instance;
}

/** A new state, or something that happens within one. */
export type HappeningKind = NotifyState | 'MASTER_RX_LOWER_PRI' | 'MASTER_PRIORITY' | 'BACKUP_PRIORITY';

export type NotifyState = 'MASTER' | 'BACKUP' | 'FAULT' | 'STOP' | 'DELETED';

const STATES: readonly string[] = ['MASTER', 'BACKUP', 'FAULT', 'STOP', 'DELETED'] satisfies NotifyState[];

export const isState = (what: HappeningKind): what is NotifyState => STATES.includes(what);

/** keepalived's word for an instance that a reload took away is FAULT, or DELETED where the file wants that. */
export const deletedHappening = (deleted: Instance, priority: number): Happening => ({
  type: 'INSTANCE',
  name: deleted.name,
  what: deleted.notify_deleted ? 'DELETED' : 'FAULT',
  priority,
  deleted,
});
