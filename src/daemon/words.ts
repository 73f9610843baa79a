/**
 * What the daemon says, in keepalived's words wherever keepalived has some: people grep for them. One function a kind
 * of note; the rest of a line is ours.
 */
import type { Instance, Note, TransitionReason } from '../vrrp/state.ts';
import type { Priority } from './log.ts';

export interface Line {
  readonly priority: Priority;
  /** Without the instance's name. */
  readonly text: string;
}

const line = (priority: Priority, text: string): Line => ({ priority, text });

/** @param state as it is after the step that the note is of */
export function noteLine(note: Note, state: Pick<Instance, 'state' | 'priority'>): Line {
  switch (note.about) {
    case 'dropped':
      return line('warning', `received an invalid advertisement from ${note.source.text} (${DROPPED[note.reason]})`);
    case 'interval-differs':
      return line('info', `advertisement interval of ${note.source.text} differs from ours`);
    case 'addresses-differ':
      return line('warning', `the VIPs that ${note.source.text} advertises are not ours; nothing is dropped for it`);
    case 'own-address':
      return line('warning', `equal priority advert received from remote host with our IP address ${note.source.text}`);
    case 'owner-conflict':
      return line('warning', `${note.source.text} claims to be the address owner too`);
    case 'priority-zero':
      return line('info', `${state.state === 'Active' ? 'Master' : 'Backup'} received priority 0 advertisement`);
    case 'lower-priority':
      return line(
        'info',
        `Received advert from ${note.source.text} with lower priority ${note.priority}, ours ${state.priority}, forcing new election`,
      );
    case 'preempting':
      return line('debug', `received lower priority (${note.priority}) advert from ${note.source.text} - discarding`);
    case 'interval-learned':
      return line('info', `advertisement interval changed to ${note.interval} milli-sec, as the master says`);
    case 'preempt-delay':
      return line('info', note.until === undefined ? 'preempt delay ended' : 'preempt delay started');
    case 'priority':
      return line('info', `Changing effective priority from ${note.from} to ${note.priority}`);
    case 'faults':
      return line('warning', `fault: ${note.faults.join(', ')}`);
    case 'removed':
      return line('warning', `${note.what} was removed by someone else`);
  }
}

const DROPPED: Readonly<Record<Extract<Note, { about: 'dropped' }>['reason'], string>> = {
  length: 'its length is wrong',
  version: 'it is of another VRRP version',
  type: 'it is no advertisement',
  checksum: 'its checksum is wrong',
  ttl: 'its TTL is not 255',
  'authentication-type': 'it has another authentication type',
  'authentication-failure': 'its password is another one',
  interval: 'its advertisement interval differs from ours',
  destination: 'multicast where unicast is expected, or the other way round',
  owner: 'we own the addresses',
  'unicast-source': 'it comes from nobody among our unicast peers',
};

/** The line that keepalived logs before some transitions. */
export function transitionDetail(
  reason: TransitionReason,
  { activeRouter, activePriority, priority }: Pick<Instance, 'activeRouter' | 'activePriority' | 'priority'>,
): Line | undefined {
  const from = `Master received advert from ${activeRouter?.text ?? 'somebody'} with`;
  switch (reason) {
    case 'higher-priority':
      return line('info', `${from} higher priority ${activePriority}, ours ${priority}`);
    case 'equal-priority-higher-address':
      return line('info', `${from} same priority ${priority} but higher IP address than ours`);
    case 'no-advertisement':
      return line('debug', 'Receive advertisement timeout');
    default:
      return undefined;
  }
}
