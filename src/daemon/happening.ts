/**
 * What scripts, FIFOs and mails are told, in keepalived's words. The four words that `notify` is called with and a
 * FIFO's line are the same: `INSTANCE "VI_0" MASTER 150`; a group's priority is 0.
 */
export interface Happening {
  readonly type: 'INSTANCE' | 'GROUP';
  readonly name: string;
  readonly what: HappeningKind;
  /** Effective; 0 for a group. */
  readonly priority: number;
}

/** A new state, or something that happens within one. */
export type HappeningKind = NotifyState | 'MASTER_RX_LOWER_PRI' | 'MASTER_PRIORITY' | 'BACKUP_PRIORITY';

export type NotifyState = 'MASTER' | 'BACKUP' | 'FAULT' | 'STOP';

const STATES: readonly string[] = ['MASTER', 'BACKUP', 'FAULT', 'STOP'] satisfies NotifyState[];

export const isState = (what: HappeningKind): what is NotifyState => STATES.includes(what);
