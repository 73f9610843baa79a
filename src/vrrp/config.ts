/**
 * What a virtual router needs to know of its configuration, with every default applied. Names are RFC 9568's
 * (section 6.1, parameters); `resolve.ts` fills it from keepalived.conf.
 */
import type { Family, Ip } from '../base/address.ts';
import type { Millis } from '../base/units.ts';
import type { UnicastPeer } from '../keepalived/model.ts';
import type { ChecksumKind } from './packet.ts';
import type { Tracker } from './tracking.ts';

export interface RouterConfig {
  readonly instances: readonly InstanceConfig[];
  readonly syncGroups: readonly SyncGroupConfig[];
  /** log_unknown_vrids: who sends for a virtual router that is none of ours is told. */
  readonly tellsUnknown?: true;
}

export interface SyncGroupConfig {
  readonly name: string;
  /** Names of instances, in the file's order: the order in which the others follow. */
  readonly members: readonly string[];
}

export interface InstanceConfig {
  readonly name: string;
  readonly family: Family;
  readonly version: 2 | 3;
  /** 1 to 255. */
  readonly vrid: number;
  readonly interface: string;
  /** Where advertisements leave and come in: the interface, or a device of its own on it that has the virtual MAC. */
  readonly device: string;
  /** keepalived's `state`: it counts for the owner, and inside a sync group at the start. */
  readonly startState: 'Active' | 'Backup';
  /** As configured, before any tracker: 1 to 255. */
  readonly priority: number;
  /** Advertisement_Interval. */
  readonly advertisementInterval: Millis;
  /** Intervals without an advertisement until the Active router counts as gone; 3 in the RFCs. */
  readonly downTimerAdverts: number;
  /** Preempt_Mode. */
  readonly preempt: boolean;
  /** How long a lower-priority Active router is left in peace; 0: not at all. */
  readonly preemptDelay: Millis;
  /** auth_type PASS, v2 only: 8 bytes, zero padded. */
  readonly password?: Uint8Array;
  /** The addresses on the wire, in the file's order. */
  readonly addresses: readonly Ip[];
  /** A source that the file names; absent: the interface's own address. */
  readonly source?: Ip;
  /** track_src_ip: fault while the named source is not on the interface. */
  readonly trackSource: boolean;
  /** Present: unicast to these, with multicast refused. */
  readonly peers?: readonly UnicastPeer[];
  /** Where multicast advertisements go. */
  readonly multicastGroup: Ip;
  /** What is sent with: 255, or less for unicast peers that want it so. */
  readonly ttl: number;
  readonly checkUnicastSource: boolean;
  /** Which IPv4 v3 checksum is sent. */
  readonly checksum: ChecksumKind;
  readonly skipAddressCheck: boolean;
  readonly lowerPriorityNoAdvert: boolean;
  readonly higherPrioritySendAdvert: boolean;
  readonly ownerIgnoreAdverts: boolean;
  readonly dontTrackPrimary: boolean;
  readonly announce: AnnounceConfig;
  readonly trackers: readonly Tracker[];
  /** The sync group that it belongs to. */
  readonly syncGroup?: string;
}

/** When gratuitous ARPs and unsolicited NAs are sent; a delay or refresh of 0 means: not. */
export interface AnnounceConfig {
  readonly repeat: number;
  /** From becoming Active to the second burst. */
  readonly delay: Millis;
  readonly refresh: Millis;
  readonly refreshRepeat: number;
  /** After an advertisement of lower priority; a repeat of 0 means: not. */
  readonly lowerPriorityRepeat: number;
  readonly lowerPriorityDelay: Millis;
  /**
   * keepalived's garp_extra_if: on devices that no advertisement leaves by, so that switches keep their MAC; without
   * `all` on VMACs only.
   */
  readonly elsewhere?: { readonly interval: Millis; readonly all: boolean };
}

/** RFC 9568 section 5.2.4: the owner of the addresses. */
export const PRIORITY_OWNER = 255;
/** RFC 9568 section 5.2.4: the Active router leaves. */
export const PRIORITY_LEAVING = 0;
