/** Rules about settings that change nothing for the peer. */
import type { Case } from './case.ts';
import { classes, type Rule } from './rule.ts';

export const SETTING_RULES: readonly Rule[] = [
  {
    id: 'name',
    what: 'the name of an instance or sync group',
    classes: classes('hot', 'hot', 'hot'),
    on: 'router',
    reason: 'a reload does not go by the name',
    test: ({ change }) =>
      change.keyword === 'name' && (change.subject === 'instance' || change.subject === 'sync_group'),
  },
  {
    id: 'definition',
    what: 'a script, file, process or track group that nothing tracks anew, and how often it is asked',
    classes: classes('hot', 'hot', 'hot'),
    on: 'router',
    reason: 'it is taken over with the state that it has',
    test: ({ change }) => DEFINITIONS.has(change.subject),
  },
  {
    id: 'settings',
    what: 'notify, mail, garp, mcast_src_ip, dont_track_primary on a live interface, and other settings that the peer never sees',
    classes: classes('hot', 'hot', 'hot'),
    on: 'router',
    reason: 'the peer never sees it and the role is kept',
    test: isHotSetting,
  },
];

const DEFINITIONS = new Set(['script', 'track_file', 'track_process', 'track_group']);

/** Keywords of instances, sync groups and global_defs by their beginnings: notify_master, garp_master_delay ... */
const HOT_PREFIXES = ['notify', 'garp_', 'vrrp_garp_', 'smtp_', 'notification_', 'reload_', 'vrrp_notify_'];

const HOT = new Set([
  // instance
  'preempt_delay',
  'dont_track_primary',
  'mcast_src_ip',
  'skip_check_adv_addr',
  'promote_secondaries',
  'unicast_ttl',
  'lower_prio_no_advert',
  'higher_prio_send_advert',
  'down_timer_adverts',
  // global_defs
  'router_id',
  'no_email_faults',
  'script_user',
  'enable_script_security',
  'vrrp_gna_interval',
  'vrrp_min_garp',
  'vrrp_skip_check_adv_addr',
  'vrrp_lower_prio_no_advert',
  'vrrp_higher_prio_send_advert',
  'vrrp_down_timer_adverts',
  'vrrp_startup_delay',
  'vrrp_delay_after_boot',
  'dynamic_interfaces',
  'tandem_grace',
  'fifo_write_vrrp_states_on_reload',
  'log_unknown_vrids',
  'vrrp_priority',
  'vrrp_rt_priority',
  'vrrp_no_swap',
  'vrrp_rlimit_rttime',
  'vrrp_cpu_affinity',
  'max_auto_priority',
  'min_auto_priority_delay',
]);

function isHotSetting({ change }: Case): boolean {
  if (!['global', 'instance', 'sync_group'].includes(change.subject)) return false;
  return HOT.has(change.keyword) || HOT_PREFIXES.some((prefix) => change.keyword.startsWith(prefix));
}
