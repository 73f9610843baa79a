const RELATIVE = 'which folder a relative path starts at depends on how the daemon was started';

/**
 * Samples that keepalived 2.2.7 accepts and we refuse on purpose, with the reason; docs/keepalived-conf.md shows it.
 * Whole files of that kind are in corpus/stricter.
 */
export const STRICTER: ReadonlyMap<string, string> = new Map([
  ['global_defs smtp_helo_name', 'a keyword without its value says nothing'],
  ['global_defs vrrp_skip_check_adv_addr maybe', 'keepalived turns it on whatever follows'],
  ['global_defs default_interface interface-name-of-21c', 'the kernel takes no interface name over 15 characters'],
  ['global_defs vrrp_rlimit_rttime 1', 'the manual asks for 2 or more'],
  ['global_defs vrrp_rlimit_rtime 1', 'as vrrp_rlimit_rttime'],
  ['global_defs reload_check_config file-2', RELATIVE],
  ['global_defs reload_time_file file-1', RELATIVE],
  ['global_defs reload_file file-2', RELATIVE],
  ['track_file file file-1', RELATIVE],
]);
