/** One virtual router as it runs: its state, what happens to it, and what it wants done. Plain data. */
import type { Ip } from '../base/address.ts';
import { type Millis, ms } from '../base/units.ts';
import type { InstanceConfig } from './config.ts';
import type { Difference, DropReason, Packet } from './receive.ts';
import { type Assessment, assess, type GroupHold, type Status, type Surroundings, type Watched } from './tracking.ts';

/** RFC 9568 section 6.4. A fault, keepalived's state, is Initialize with something in `faults`. */
export type State = 'Initialize' | 'Backup' | 'Active';

export interface Instance extends Assessment {
  readonly state: State;
  /** From startup to shutdown; outside of it nothing but its trackers is looked at. */
  readonly running: boolean;
  readonly watched: Watched;
  /** The file's priority, or 254 once an owner gave way to another owner. */
  readonly basePriority: number;
  /** Active_Adver_Interval: v3 learns it from the Active router's last accepted advertisement. */
  readonly activeInterval: Millis;
  /** Who was last heard as Active, and its priority. */
  readonly activeRouter?: Ip;
  readonly activePriority?: number;
  readonly deadlines: Deadlines;
  /** Until when a lower-priority Active router is left in peace; undefined: no such delay has begun. */
  readonly preemptAt: Millis | undefined;
  /** Its down timer has expired, and only its sync group holds it back. */
  readonly wantsActive: boolean;
  /** What a takeover would be put down to. */
  readonly takeoverReason: 'no-advertisement' | 'priority-zero' | 'preemption';
  /** Advertisements of another owner that an owner has met. */
  readonly ownerConflicts: number;
  /** What has been told since the state or the Active router last changed: it is told once. */
  readonly told: readonly string[];
  readonly counters: Counters;
  /** How it spoke before its configuration changed, for a peer that follows later; the latest first. */
  readonly formers: readonly FormerSpeech[];
}

/**
 * The advertisements of the configuration before: sent and accepted beside the present ones until then. A Backup is
 * silent, so nothing on the wire tells when the peer has been changed too.
 */
export interface FormerSpeech {
  /** The present configuration, but for what stood differently in an advertisement's header. */
  readonly config: InstanceConfig;
  readonly until: Millis;
}

/** Points in time on the caller's clock; NEVER where nothing is due. */
export interface Deadlines {
  /** Adver_Timer. */
  readonly advertisement: Millis;
  /** Active_Down_Timer. */
  readonly activeDown: Millis;
  /** The second burst after becoming Active. */
  readonly announceAgain: Millis;
  /** The second burst after an advertisement of lower priority. */
  readonly announceLower: Millis;
  readonly refresh: Millis;
  /** See `AnnounceConfig.elsewhere`. */
  readonly elsewhere: Millis;
}

export const NEVER: Millis = ms(Number.POSITIVE_INFINITY);
export const NO_DEADLINES: Deadlines = {
  advertisement: NEVER,
  activeDown: NEVER,
  announceAgain: NEVER,
  announceLower: NEVER,
  refresh: NEVER,
  elsewhere: NEVER,
};

export interface Counters {
  readonly received: number;
  readonly sent: number;
  readonly priorityZeroReceived: number;
  readonly priorityZeroSent: number;
  readonly becameActive: number;
  readonly releasedActive: number;
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
  readonly differed: Readonly<Partial<Record<Difference, number>>>;
}

export type Event =
  /** The daemon begins. `heldBack`: an owner-less group member that the file calls MASTER (keepalived's start-up). */
  | { readonly kind: 'startup'; readonly heldBack?: true }
  | { readonly kind: 'packet'; readonly packet: Packet }
  /** Time has come to the earliest deadline, or past it. */
  | { readonly kind: 'timer' }
  /** An interface, script, file or process: `tracker` is its `trackerKey`. */
  | { readonly kind: 'tracked'; readonly tracker: string; readonly status: Status }
  /** The address to send from is on the interface; without `source` it is gone. */
  | { readonly kind: 'source'; readonly source?: Ip }
  /** A VIP, route or rule of an Active router was taken away by someone else. */
  | { readonly kind: 'removed'; readonly what: string }
  /** The configuration given to this step is a new one; `before` was the one until now. */
  | {
      readonly kind: 'configured';
      readonly before: InstanceConfig;
      /** What the new configuration wants watched, as it is now. */
      readonly watched: Surroundings;
      /** How long the peer may take to follow: `tandem_grace`; 0: not at all. */
      readonly grace: Millis;
    }
  /** The peer has followed: the former speech is not needed any more. */
  | { readonly kind: 'forget' }
  /** `deleted`: a new configuration has it no more. */
  | { readonly kind: 'shutdown'; readonly deleted?: true }
  | GroupEvent;

/** What a sync group tells its members; `sync.ts` alone makes these. */
export type GroupEvent =
  | { readonly kind: 'group-hold'; readonly hold: GroupHold }
  | { readonly kind: 'group-active' }
  | { readonly kind: 'group-backup' }
  | { readonly kind: 'group-lower-priority' };

export type Action =
  /** Send an advertisement, as `former` would where it is there; `id` counts up and is the IPv4 header's. */
  | { readonly kind: 'advertise'; readonly priority: number; readonly id: number; readonly former?: InstanceConfig }
  | { readonly kind: 'install' | 'remove'; readonly what: Owned }
  /** Gratuitous ARP or unsolicited NA for every address, in turns, so often. */
  | { readonly kind: 'announce'; readonly repeat: number }
  /** One for every device that no advertisement leaves by. */
  | { readonly kind: 'announce-elsewhere' }
  /** Forget announcements that are still queued. */
  | { readonly kind: 'cancel-announcements' }
  /** One announcement of our own source address, for unicast peers whose ARP entry went stale. */
  | { readonly kind: 'announce-source' }
  | { readonly kind: 'transition'; readonly from: State; readonly to: State; readonly reason: TransitionReason }
  | { readonly kind: 'notify'; readonly what: Notification }
  | { readonly kind: 'note'; readonly note: Note };

/** What comes and goes with Active. `excluded`: addresses that are not advertised. */
export type Owned = 'addresses' | 'excluded' | 'routes' | 'rules';

/** The notify scripts to run, in keepalived's words. */
export type Notification = 'MASTER' | 'BACKUP' | 'FAULT' | 'STOP' | 'DELETED' | 'MASTER_RX_LOWER_PRI';

export type TransitionReason =
  | Instance['takeoverReason']
  | 'startup'
  | 'owner'
  | 'higher-priority'
  | 'equal-priority-higher-address'
  | 'fault'
  | 'fault-cleared'
  | 'removed-by-someone-else'
  | 'sync-group'
  | 'shutdown';

export type Note =
  | { readonly about: 'dropped'; readonly reason: DropReason; readonly source: Ip }
  | { readonly about: Difference | 'own-address' | 'owner-conflict'; readonly source: Ip }
  | { readonly about: 'priority-zero'; readonly source: Ip }
  | { readonly about: 'lower-priority' | 'preempting'; readonly source: Ip; readonly priority: number }
  | { readonly about: 'interval-learned'; readonly interval: Millis }
  | { readonly about: 'preempt-delay'; readonly until: Millis | undefined }
  | { readonly about: 'priority'; readonly from: number; readonly priority: number }
  | { readonly about: 'faults'; readonly faults: readonly string[] }
  | { readonly about: 'removed'; readonly what: string };

/** A virtual router before its startup; by default with nothing heard of its trackers yet. */
export function initialInstance(
  config: InstanceConfig,
  surroundings: Surroundings = { statuses: {}, ...(config.source && { source: config.source }), sourcePresent: false },
): Instance {
  const watched: Watched = { ...surroundings, groupHold: 'none' };
  return {
    ...assess(config, watched, config.priority),
    state: 'Initialize',
    running: false,
    watched,
    basePriority: config.priority,
    activeInterval: config.advertisementInterval,
    deadlines: NO_DEADLINES,
    preemptAt: undefined,
    wantsActive: false,
    takeoverReason: 'no-advertisement',
    ownerConflicts: 0,
    told: [],
    formers: [],
    counters: {
      received: 0,
      sent: 0,
      priorityZeroReceived: 0,
      priorityZeroSent: 0,
      becameActive: 0,
      releasedActive: 0,
      dropped: {},
      differed: {},
    },
  };
}

/** When the next `timer` event is due; NEVER where none is. */
export function nextDeadline({ deadlines }: Instance): Millis {
  const { advertisement, activeDown, announceAgain, announceLower, refresh, elsewhere } = deadlines;
  return ms(Math.min(advertisement, activeDown, announceAgain, announceLower, refresh, elsewhere));
}
