/**
 * THE keyword table: one row a keyword of keepalived.conf. The parser, the printer, the documentation and the test
 * against the real `keepalived -t` are driven by it; the order of the rows is the order of canonical files.
 * Tiers: 1 nearly every router pair, 2 common, 3 rare (kept word by word in `other`, with a warning).
 */
import type { Engine } from '../base/engine.ts';
import { addressLine, type LineShape, name, peer, routeLine, ruleLine, track } from './line-shapes.ts';
import * as own from './own-shapes.ts';
import {
  boolean,
  choice,
  command,
  flag,
  hostPort,
  integer,
  interfaceName,
  ip,
  type Shape,
  seconds,
  userGroup,
  word,
} from './shapes.ts';

export type BlockName =
  | 'root'
  | 'global_defs'
  | 'vrrp_instance'
  | 'authentication'
  | 'vrrp_sync_group'
  | 'vrrp_script'
  | 'track_file'
  | 'track_process'
  | 'track_group';

export type Tier = 1 | 2 | 3;

/** What stands behind a keyword. */
export type Form =
  | { readonly kind: 'value'; readonly shape: Shape<unknown> }
  /** A value that fills several fields of its block at once. */
  | { readonly kind: 'fields'; readonly shape: Shape<object>; readonly fields: readonly string[] }
  /** A block of lines; several blocks of one keyword add up unless `once`. */
  | { readonly kind: 'lines'; readonly shape: LineShape<unknown>; readonly once?: true }
  /** A block of keywords; `named` ones stand as often as they like, each with its name, in a list. */
  | { readonly kind: 'block'; readonly block: BlockName; readonly named: boolean }
  /** Kept word by word in `other`. */
  | { readonly kind: 'other' }
  /** LVS: skipped. */
  | { readonly kind: 'skipped' };

export interface Keyword {
  readonly name: string;
  readonly in: BlockName;
  readonly tier: Tier;
  readonly form: Form;
  /** The model's field: the name, most often. */
  readonly field: string;
  /**
   * The first keepalived that may know it, where 2.2.7 does not: from the release notes, else the release after
   * 2.2.7. A lower bound; the router's own config test has the last word.
   */
  readonly since?: string;
  /** Read but never printed: another row prints the field. */
  readonly alias?: true;
  /** Only this daemon knows it: others must not see it, and it prints behind `@tandemd`. */
  readonly engine?: Engine;
}

type Extra = Partial<Pick<Keyword, 'field' | 'since' | 'alias' | 'engine'>>;

const value = (at: BlockName, tier: Tier, keyword: string, shape: Shape<unknown>, extra: Extra = {}): Keyword => ({
  name: keyword,
  in: at,
  tier,
  form: { kind: 'value', shape },
  field: keyword,
  ...extra,
});

const lines = (
  at: BlockName,
  tier: Tier,
  keyword: string,
  shape: LineShape<unknown>,
  extra: Extra & { readonly once?: true } = {},
): Keyword => ({
  name: keyword,
  in: at,
  tier,
  form: { kind: 'lines', shape, ...(extra.once ? { once: true } : {}) },
  field: keyword,
  ...extra,
});

const block = (
  at: BlockName,
  tier: Tier,
  keyword: string,
  inner: BlockName,
  named: boolean,
  extra: Extra = {},
): Keyword => ({
  name: keyword,
  in: at,
  tier,
  form: { kind: 'block', block: inner, named },
  field: keyword,
  ...extra,
});

const weight = (at: BlockName, tier: Tier, max: number): Keyword => ({
  name: 'weight',
  in: at,
  tier,
  form: { kind: 'fields', shape: own.weight(max), fields: ['weight', 'reverse'] },
  field: 'weight',
});

const rows = (at: BlockName, kind: 'other' | 'skipped', names: string): readonly Keyword[] =>
  names
    .trim()
    .split(/\s+/)
    .map((keyword) => ({ name: keyword, in: at, tier: 3, form: { kind }, field: keyword }));

const G = 'global_defs';
const I = 'vrrp_instance';
const S = 'vrrp_sync_group';

const ROOT: readonly Keyword[] = [
  block('root', 1, 'global_defs', 'global_defs', false),
  lines('root', 2, 'static_ipaddress', addressLine),
  lines('root', 2, 'static_routes', routeLine),
  lines('root', 2, 'static_rules', ruleLine),
  block('root', 2, 'track_group', 'track_group', true),
  block('root', 2, 'vrrp_script', 'vrrp_script', true),
  block('root', 2, 'track_file', 'track_file', true),
  block('root', 2, 'vrrp_track_file', 'track_file', true, { field: 'track_file', alias: true }),
  block('root', 3, 'vrrp_track_process', 'track_process', true, { field: 'track_process' }),
  block('root', 1, 'vrrp_instance', 'vrrp_instance', true),
  block('root', 2, 'vrrp_sync_group', 'vrrp_sync_group', true),
  ...rows(
    'root',
    'other',
    `net_namespace net_namespace_ipvs namespace_with_ipsets instance use_pid_dir linkbeat_use_polling child_wait_time
     garp_group linkbeat_interfaces interface_up_down_delays bfd_instance`,
  ),
  ...rows('root', 'skipped', 'virtual_server virtual_server_group SSL'),
];

const GLOBAL: readonly Keyword[] = [
  lines(G, 1, 'notification_email', name(['a@example.com', 'a@example.com b@example.com'])),
  value(G, 1, 'notification_email_from', word),
  value(G, 1, 'smtp_server', hostPort),
  value(G, 1, 'smtp_connect_timeout', seconds(1, 4294, true)),
  value(G, 1, 'router_id', word),
  value(G, 2, 'smtp_helo_name', word),
  value(G, 2, 'smtp_alert', boolean),
  value(G, 2, 'smtp_alert_vrrp', boolean),
  value(G, 2, 'no_email_faults', flag),
  value(G, 2, 'script_user', userGroup),
  value(G, 2, 'enable_script_security', flag),
  value(G, 2, 'vrrp_version', choice(2, 3)),
  value(G, 2, 'vrrp_garp_master_delay', seconds(0, 4294, true)),
  value(G, 2, 'vrrp_garp_master_repeat', integer(1, 4_294_967_295)),
  value(G, 2, 'vrrp_garp_master_refresh', seconds(0, 4_294_967_295, true)),
  value(G, 2, 'vrrp_garp_master_refresh_repeat', integer(1, 4_294_967_295)),
  value(G, 2, 'vrrp_garp_lower_prio_delay', seconds(0, 4294, true)),
  value(G, 2, 'vrrp_garp_lower_prio_repeat', integer(0, 2_147_483_647)),
  value(G, 2, 'vrrp_garp_interval', seconds(0.000001, 4294)),
  value(G, 2, 'vrrp_gna_interval', seconds(0.000001, 4294)),
  value(G, 2, 'vrrp_min_garp', boolean),
  value(G, 2, 'vrrp_garp_extra_if', own.garpExtraIf),
  value(G, 3, 'vmac_prefix', interfaceName),
  value(G, 3, 'vmac_addr_prefix', interfaceName),
  value(G, 2, 'vrrp_skip_check_adv_addr', own.alwaysOn),
  value(G, 2, 'vrrp_strict', flag),
  value(G, 2, 'vrrp_mcast_group4', own.multicastGroup(4)),
  value(G, 2, 'vrrp_mcast_group6', own.multicastGroup(6)),
  value(G, 2, 'vrrp_check_unicast_src', flag),
  value(G, 2, 'vrrp_lower_prio_no_advert', boolean),
  value(G, 2, 'vrrp_higher_prio_send_advert', boolean),
  value(G, 2, 'vrrp_down_timer_adverts', integer(1, 100)),
  value(G, 2, 'vrrp_startup_delay', seconds(0.001, 4294)),
  value(G, 2, 'vrrp_delay_after_boot', seconds(0, 4294), { since: '2.2.8' }),
  value(G, 2, 'vrrp_owner_ignore_adverts', flag, { since: '2.3.3' }),
  value(G, 2, 'tandem_grace', seconds(0, 86_400), { engine: 'tandemd' }),
  value(G, 2, 'dynamic_interfaces', own.dynamicInterfaces),
  value(G, 2, 'notify_fifo', own.fifo),
  value(G, 2, 'notify_fifo_script', command),
  value(G, 2, 'vrrp_notify_fifo', own.fifo),
  value(G, 2, 'vrrp_notify_fifo_script', command),
  value(G, 2, 'vrrp_notify_priority_changes', boolean),
  value(G, 2, 'fifo_write_vrrp_states_on_reload', flag),
  value(G, 2, 'reload_check_config', own.optionalPath('log')),
  value(G, 2, 'reload_time_file', own.absolutePath),
  value(G, 2, 'reload_repeat', flag),
  value(G, 2, 'reload_file', own.optionalPath('path')),
  value(G, 2, 'v3_checksum_as_v2', boolean, { since: '2.2.8' }),
  value(G, 2, 'default_interface', interfaceName),
  value(G, 2, 'log_unknown_vrids', flag),
  value(G, 2, 'vrrp_priority', integer(-20, 19)),
  value(G, 2, 'vrrp_rt_priority', integer(1, 99)),
  value(G, 2, 'vrrp_no_swap', flag),
  value(G, 2, 'vrrp_rlimit_rttime', integer(2, 4_294_967_295)),
  value(G, 2, 'vrrp_rlimit_rtime', integer(2, 4_294_967_295), { field: 'vrrp_rlimit_rttime', alias: true }),
  value(G, 2, 'vrrp_cpu_affinity', own.cpuList),
  value(G, 2, 'max_auto_priority', own.maxAutoPriority),
  value(G, 2, 'min_auto_priority_delay', integer(1, 10_000_000)),
  ...rows(
    G,
    'other',
    `startup_script startup_script_timeout shutdown_script shutdown_script_timeout process_name process_names
     vrrp_process_name use_symlink_paths set_supplementary_groups vrrp_iptables vrrp_ipsets nftables
     nftables_priority nftables_ifindex nftables_counters disable_local_igmp snmp_socket enable_traps
     enable_snmp_vrrp enable_snmp_keepalived enable_snmp_checker enable_snmp_rfc enable_snmp_rfcv2
     enable_snmp_rfcv3 enable_dbus dbus_service_name dbus_no_interface_name vrrp_netlink_cmd_rcv_bufs
     vrrp_netlink_cmd_rcv_bufs_force vrrp_netlink_monitor_rcv_bufs vrrp_netlink_monitor_rcv_bufs_force
     process_monitor_rcv_bufs process_monitor_rcv_bufs_force vrrp_rx_bufs_policy vrrp_rx_bufs_multiplier
     umask random_seed include_check config_save_dir tmp_config_directory
     data_use_instance json_version iproute_usr_dir iproute_etc_dir state_dump_file stats_dump_file
     json_dump_file`,
  ),
  ...rows(
    G,
    'skipped',
    `lvs_sync_daemon lvs_timeouts lvs_flush lvs_flush_onstop lvs_flush_on_stop lvs_process_name lvs_notify_fifo lvs_notify_fifo_script
     lvs_netlink_cmd_rcv_bufs lvs_netlink_cmd_rcv_bufs_force lvs_netlink_monitor_rcv_bufs
     lvs_netlink_monitor_rcv_bufs_force checker_process_name checker_priority checker_rt_priority checker_no_swap
     checker_rlimit_rttime checker_rlimit_rtime checker_cpu_affinity checker_log_all_failures bfd_process_name bfd_priority
     bfd_rt_priority bfd_no_swap bfd_rlimit_rttime bfd_rlimit_rtime bfd_cpu_affinity nftables_ipvs nftables_ipvs_priority
     nftables_ipvs_start_fwmark rs_init_notifies no_checker_emails smtp_alert_checker`,
  ),
];

const INSTANCE: readonly Keyword[] = [
  value(I, 1, 'state', choice('MASTER', 'BACKUP')),
  value(I, 1, 'interface', interfaceName),
  value(I, 1, 'smtp_alert', boolean),
  value(I, 1, 'virtual_router_id', integer(1, 255)),
  value(I, 1, 'priority', integer(1, 255)),
  value(I, 1, 'advert_int', seconds(0.01, 255)),
  value(I, 2, 'version', choice(2, 3)),
  value(I, 1, 'dont_track_primary', flag),
  value(I, 2, 'nopreempt', flag),
  value(I, 2, 'preempt', own.preempt, { field: 'nopreempt', alias: true }),
  value(I, 2, 'preempt_delay', seconds(0, 1000)),
  value(I, 2, 'mcast_src_ip', ip()),
  value(I, 2, 'unicast_src_ip', ip()),
  value(I, 2, 'track_src_ip', flag),
  value(I, 3, 'mcast_dst_ip', own.multicastGroup()),
  lines(I, 2, 'unicast_peer', peer),
  value(I, 2, 'check_unicast_src', flag),
  value(I, 2, 'unicast_ttl', integer(0, 255)),
  value(I, 2, 'use_vmac', own.vmac),
  value(I, 2, 'vmac_xmit_base', flag),
  value(I, 3, 'use_vmac_addr', flag),
  value(I, 2, 'garp_master_delay', seconds(0, 4294, true)),
  value(I, 2, 'garp_master_repeat', integer(1, 4_294_967_295)),
  value(I, 2, 'garp_master_refresh', seconds(0, 4_294_967_295, true)),
  value(I, 2, 'garp_master_refresh_repeat', integer(1, 4_294_967_295)),
  value(I, 2, 'garp_lower_prio_delay', seconds(0, 4294, true)),
  value(I, 2, 'garp_lower_prio_repeat', integer(0, 2_147_483_647)),
  value(I, 2, 'garp_extra_if', own.garpExtraIf),
  value(I, 2, 'skip_check_adv_addr', own.alwaysOn),
  value(I, 2, 'strict_mode', boolean),
  value(I, 2, 'accept', own.accept(true)),
  value(I, 2, 'no_accept', own.accept(false), { field: 'accept', alias: true }),
  value(I, 2, 'promote_secondaries', flag),
  value(I, 2, 'lower_prio_no_advert', boolean),
  value(I, 2, 'higher_prio_send_advert', boolean),
  value(I, 2, 'down_timer_adverts', integer(1, 100)),
  value(I, 1, 'notify_master', command),
  value(I, 1, 'notify_backup', command),
  value(I, 1, 'notify_fault', command),
  value(I, 1, 'notify_stop', command),
  value(I, 1, 'notify', command),
  value(I, 3, 'notify_master_rx_lower_pri', command),
  value(I, 3, 'notify_deleted', own.optionalCommand),
  block(I, 1, 'authentication', 'authentication', false),
  lines(I, 2, 'track_interface', track(253, 'eth1')),
  lines(I, 2, 'track_script', track(253, 'script_1')),
  lines(I, 2, 'track_file', track(254, 'file_1')),
  lines(I, 2, 'track_process', track(254, 'process_1')),
  lines(I, 2, 'track_bfd', track(253, 'bfd_1')),
  lines(I, 1, 'virtual_ipaddress', addressLine),
  lines(I, 2, 'virtual_ipaddress_excluded', addressLine),
  lines(I, 1, 'virtual_routes', routeLine),
  lines(I, 2, 'virtual_rules', ruleLine),
  ...rows(
    I,
    'other',
    `auth_hmac use_ipvlan vrf native_ipv6 no_virtual_ipaddress unicast_fault_no_peer
     old_unicast_checksum v3_checksum_as_v2 owner_ignore_adverts timer_expired_backup
     kernel_rx_buf_size linkbeat_use_polling notify_priority_changes lvs_sync_daemon_interface debug`,
  ),
];

const SYNC_GROUP: readonly Keyword[] = [
  lines(S, 2, 'group', name(['VI_1 VI_2', 'VI_1\nVI_2']), { once: true }),
  value(S, 2, 'smtp_alert', boolean),
  value(S, 2, 'notify_priority_changes', boolean),
  value(S, 3, 'sync_group_tracking_weight', flag),
  value(S, 2, 'notify_master', command),
  value(S, 2, 'notify_backup', command),
  value(S, 2, 'notify_fault', command),
  value(S, 2, 'notify_stop', command),
  value(S, 2, 'notify', command),
  lines(S, 2, 'track_interface', track(253, 'eth1')),
  lines(S, 2, 'track_script', track(253, 'script_1')),
  lines(S, 2, 'track_file', track(254, 'file_1')),
  lines(S, 2, 'track_process', track(254, 'process_1')),
  lines(S, 2, 'track_bfd', track(253, 'bfd_1')),
  ...rows(S, 'other', 'global_tracking notify_deleted'),
];

const OTHERS: readonly Keyword[] = [
  value('authentication', 1, 'auth_type', choice('PASS', 'AH')),
  value('authentication', 1, 'auth_pass', own.password),
  value('vrrp_script', 2, 'script', command),
  value('vrrp_script', 2, 'interval', seconds(1, 4294, true)),
  value('vrrp_script', 2, 'timeout', seconds(1, 4294, true)),
  weight('vrrp_script', 2, 253),
  value('vrrp_script', 2, 'rise', integer(1, 2_147_483_647)),
  value('vrrp_script', 2, 'fall', integer(1, 2_147_483_647)),
  value('vrrp_script', 2, 'user', userGroup),
  value('vrrp_script', 2, 'init_fail', flag),
  value('track_file', 2, 'file', own.absolutePath),
  weight('track_file', 2, 2_147_483_647),
  value('track_file', 2, 'init_file', own.initFile),
  value('track_process', 3, 'process', own.processWords),
  weight('track_process', 3, 254),
  value('track_process', 3, 'quorum', integer(1, 65_535)),
  value('track_process', 3, 'quorum_max', integer(0, 65_535)),
  value('track_process', 3, 'delay', seconds(0, 3600)),
  ...rows('track_process', 'other', 'param_match terminate_delay fork_delay full_command'),
  lines('track_group', 2, 'group', name(['VI_1']), { once: true }),
];

export const KEYWORDS: readonly Keyword[] = [...ROOT, ...GLOBAL, ...INSTANCE, ...SYNC_GROUP, ...OTHERS];

/** The rows of one block by keyword. */
export const keywordsOf = (at: BlockName): ReadonlyMap<string, Keyword> => BY_BLOCK.get(at)!;

const BY_BLOCK: ReadonlyMap<BlockName, ReadonlyMap<string, Keyword>> = new Map(
  [...new Set(KEYWORDS.map((row) => row.in))].map((at) => [
    at,
    new Map(KEYWORDS.filter((row) => row.in === at).map((row) => [row.name, row])),
  ]),
);
