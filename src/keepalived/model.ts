/**
 * What a keepalived.conf says, as plain data. Field names are keepalived's keywords as the file spells them
 * (man keepalived.conf), so a reader can look each one up; an absent field is an absent keyword, and the
 * default is applied by whoever acts on it (`defaults.ts`), never stored. Order of lists is the file's.
 * Positions are not part of it: two files that say the same have equal models.
 */
import type { Ip, IpPrefix } from '../base/address.ts';
import type { Millis } from '../base/units.ts';

export interface Config {
  readonly global_defs: GlobalDefs;
  readonly static_ipaddress: readonly AddressLine[];
  readonly static_routes: readonly RouteLine[];
  readonly static_rules: readonly RuleLine[];
  readonly track_group: readonly { readonly name: string; readonly group: readonly string[] }[];
  readonly vrrp_script: readonly VrrpScript[];
  readonly track_file: readonly TrackFile[];
  readonly track_process: readonly TrackProcess[];
  readonly vrrp_sync_group: readonly SyncGroup[];
  readonly vrrp_instance: readonly Instance[];
  /** Tier 3 keywords of the file's root, kept word by word. */
  readonly other: readonly OtherLine[];
}

/** A keyword that Tandem keeps but does not act on: its words after unquoting, and its block if it has one. */
export interface OtherLine {
  readonly keyword: string;
  readonly args: readonly string[];
  readonly block?: readonly OtherLine[];
}

/** A command with its arguments, and whom it runs as. */
export interface Command {
  readonly argv: readonly string[];
  readonly user?: string;
  readonly group?: string;
}

/** A named pipe that events are written to, and whom it belongs to. */
export interface Fifo {
  readonly path: string;
  readonly user?: string;
  readonly group?: string;
}

export interface GlobalDefs {
  readonly notification_email?: readonly string[];
  readonly notification_email_from?: string;
  readonly smtp_server?: { readonly host: string; readonly port?: number };
  readonly smtp_connect_timeout?: Millis;
  readonly smtp_helo_name?: string;
  readonly router_id?: string;
  readonly smtp_alert?: boolean;
  readonly smtp_alert_vrrp?: boolean;
  readonly no_email_faults?: true;
  readonly script_user?: { readonly user: string; readonly group?: string };
  readonly enable_script_security?: true;
  readonly vrrp_version?: 2 | 3;
  readonly vrrp_garp_master_delay?: Millis;
  readonly vrrp_garp_master_repeat?: number;
  readonly vrrp_garp_master_refresh?: Millis;
  readonly vrrp_garp_master_refresh_repeat?: number;
  readonly vrrp_garp_lower_prio_delay?: Millis;
  readonly vrrp_garp_lower_prio_repeat?: number;
  readonly vrrp_garp_interval?: Millis;
  readonly vrrp_gna_interval?: Millis;
  readonly vrrp_min_garp?: boolean;
  /** keepalived 2.2.7 turns it on whatever value follows, so `off` is refused and never stored. */
  readonly vrrp_skip_check_adv_addr?: true;
  readonly vrrp_strict?: true;
  readonly vrrp_mcast_group4?: Ip;
  readonly vrrp_mcast_group6?: Ip;
  readonly vrrp_check_unicast_src?: true;
  readonly vrrp_lower_prio_no_advert?: boolean;
  readonly vrrp_higher_prio_send_advert?: boolean;
  readonly vrrp_down_timer_adverts?: number;
  readonly vrrp_startup_delay?: Millis;
  readonly vrrp_delay_after_boot?: Millis;
  readonly vrrp_owner_ignore_adverts?: true;
  /** How long the former speech goes on after a change of it; tandemd's own. */
  readonly tandem_grace?: Millis;
  readonly dynamic_interfaces?: true | 'allow_if_changes';
  readonly notify_fifo?: Fifo;
  readonly notify_fifo_script?: Command;
  readonly vrrp_notify_fifo?: Fifo;
  readonly vrrp_notify_fifo_script?: Command;
  readonly vrrp_notify_priority_changes?: boolean;
  readonly fifo_write_vrrp_states_on_reload?: true;
  /** The file that the test's findings are logged to, where one is named. */
  readonly reload_check_config?: true | { readonly log: string };
  readonly reload_time_file?: string;
  readonly reload_repeat?: true;
  readonly reload_file?: true | { readonly path: string };
  readonly vrrp_garp_extra_if?: { readonly all?: true; readonly interval: Millis };
  /** What stands in place of `vrrp` in the names of VMACs; the second: of those that are not on their instance's interface. */
  readonly vmac_prefix?: string;
  readonly vmac_addr_prefix?: string;
  readonly v3_checksum_as_v2?: boolean;
  readonly default_interface?: string;
  readonly log_unknown_vrids?: true;
  readonly vrrp_priority?: number;
  readonly vrrp_rt_priority?: number;
  readonly vrrp_no_swap?: true;
  readonly vrrp_rlimit_rttime?: number;
  readonly vrrp_cpu_affinity?: readonly number[];
  readonly max_auto_priority?: number;
  readonly min_auto_priority_delay?: number;
  readonly other?: readonly OtherLine[];
}

export type State = 'MASTER' | 'BACKUP';

export interface Instance {
  readonly name: string;
  readonly state?: State;
  readonly interface?: string;
  readonly virtual_router_id?: number;
  readonly priority?: number;
  readonly advert_int?: Millis;
  readonly version?: 2 | 3;
  readonly dont_track_primary?: true;
  readonly nopreempt?: true;
  readonly preempt_delay?: Millis;
  readonly smtp_alert?: boolean;
  readonly notify_master?: Command;
  readonly notify_backup?: Command;
  readonly notify_fault?: Command;
  readonly notify_stop?: Command;
  readonly notify?: Command;
  readonly notify_master_rx_lower_pri?: Command;
  /** Its command, where it has one. */
  readonly notify_deleted?: true | Command;
  readonly authentication?: { readonly auth_type: 'PASS' | 'AH'; readonly auth_pass?: string };
  readonly virtual_ipaddress?: readonly AddressLine[];
  readonly virtual_ipaddress_excluded?: readonly AddressLine[];
  readonly virtual_routes?: readonly RouteLine[];
  readonly virtual_rules?: readonly RuleLine[];
  readonly track_interface?: readonly Track[];
  readonly track_script?: readonly Track[];
  readonly track_file?: readonly Track[];
  readonly track_process?: readonly Track[];
  readonly track_bfd?: readonly Track[];
  readonly mcast_src_ip?: Ip;
  readonly mcast_dst_ip?: Ip;
  readonly unicast_src_ip?: Ip;
  readonly unicast_peer?: readonly UnicastPeer[];
  readonly check_unicast_src?: true;
  readonly unicast_ttl?: number;
  readonly track_src_ip?: true;
  readonly garp_master_delay?: Millis;
  readonly garp_master_repeat?: number;
  readonly garp_master_refresh?: Millis;
  readonly garp_master_refresh_repeat?: number;
  readonly garp_lower_prio_delay?: Millis;
  readonly garp_lower_prio_repeat?: number;
  readonly use_vmac?: { readonly name?: string; readonly mac?: string };
  readonly vmac_xmit_base?: true;
  readonly use_vmac_addr?: true;
  readonly garp_extra_if?: { readonly all?: true; readonly interval: Millis };
  /** As vrrp_skip_check_adv_addr. */
  readonly skip_check_adv_addr?: true;
  readonly strict_mode?: boolean;
  readonly accept?: boolean;
  readonly promote_secondaries?: true;
  readonly lower_prio_no_advert?: boolean;
  readonly higher_prio_send_advert?: boolean;
  readonly down_timer_adverts?: number;
  readonly other?: readonly OtherLine[];
}

export interface UnicastPeer extends Ip {
  readonly min_ttl?: number;
  readonly max_ttl?: number;
}

/** A tracked object of an instance or group, with the weight given here (absent: the definition's own). */
export interface Track {
  readonly name: string;
  readonly weight?: number;
  readonly reverse?: true;
}

/** One line of virtual_ipaddress, virtual_ipaddress_excluded or static_ipaddress. */
export interface AddressLine {
  /** With the prefix that holds: 32 or 128 where the line gives none. */
  readonly address: IpPrefix;
  readonly dev?: string;
  /** `+` and `-` are worked out by the kernel's rule (all ones, none). */
  readonly broadcast?: Ip | '+' | '-';
  readonly label?: string;
  readonly scope?: string;
  readonly peer?: IpPrefix;
  readonly preferred_lft?: number | 'forever';
  /** Words without a value, in the file's order: home, -nodad, mngtmpaddr, noprefixroute, autojoin, no_track, use_vmac. */
  readonly flags?: readonly string[];
  readonly track_group?: string;
}

/** One line of virtual_routes or static_routes. */
export interface RouteLine {
  /** blackhole, unreachable, local ...; absent: unicast. */
  readonly type?: string;
  readonly to: IpPrefix | { readonly family: 4 | 6; readonly default: true };
  readonly via?: Ip;
  readonly dev?: string;
  readonly table?: string;
  readonly src?: Ip;
  readonly metric?: number;
  readonly scope?: string;
  readonly protocol?: string;
  readonly tos?: number;
  readonly from?: IpPrefix;
  readonly onlink?: true;
  readonly no_track?: true;
  readonly nexthops?: readonly NextHop[];
  /** The rest of the line's options (mtu, advmss, initcwnd ...) by name. */
  readonly options?: Readonly<Record<string, string>>;
  readonly track_group?: string;
}

export interface NextHop {
  readonly via?: Ip;
  readonly dev?: string;
  readonly weight?: number;
  readonly onlink?: true;
}

/** One line of virtual_rules or static_rules. */
export interface RuleLine {
  readonly family?: 4 | 6;
  readonly not?: true;
  readonly from?: IpPrefix;
  readonly to?: IpPrefix;
  readonly table?: string;
  readonly priority?: number;
  readonly iif?: string;
  readonly oif?: string;
  readonly fwmark?: string;
  readonly tos?: number;
  readonly no_track?: true;
  /** The rest of the line (type, goto, suppress_*, uidrange, sport ...) by name; a word without a value maps to ''. */
  readonly options?: Readonly<Record<string, string>>;
  readonly track_group?: string;
}

export interface SyncGroup {
  readonly name: string;
  readonly group: readonly string[];
  readonly track_interface?: readonly Track[];
  readonly track_script?: readonly Track[];
  readonly track_file?: readonly Track[];
  readonly track_process?: readonly Track[];
  readonly track_bfd?: readonly Track[];
  readonly notify_master?: Command;
  readonly notify_backup?: Command;
  readonly notify_fault?: Command;
  readonly notify_stop?: Command;
  readonly notify?: Command;
  readonly smtp_alert?: boolean;
  readonly notify_priority_changes?: boolean;
  readonly sync_group_tracking_weight?: true;
  readonly other?: readonly OtherLine[];
}

export interface VrrpScript {
  readonly name: string;
  readonly script?: Command;
  readonly interval?: Millis;
  readonly timeout?: Millis;
  readonly weight?: number;
  readonly reverse?: true;
  readonly rise?: number;
  readonly fall?: number;
  readonly user?: { readonly user: string; readonly group?: string };
  readonly init_fail?: true;
  readonly other?: readonly OtherLine[];
}

export interface TrackFile {
  readonly name: string;
  readonly file?: string;
  readonly weight?: number;
  readonly reverse?: true;
  readonly init_file?: { readonly value?: number; readonly overwrite?: true };
  readonly other?: readonly OtherLine[];
}

export interface TrackProcess {
  readonly name: string;
  readonly process?: readonly string[];
  readonly weight?: number;
  readonly reverse?: true;
  readonly quorum?: number;
  readonly quorum_max?: number;
  readonly delay?: Millis;
  readonly other?: readonly OtherLine[];
}
