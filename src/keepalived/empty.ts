import type { Config } from './model.ts';

/** The model of an empty file. */
export const EMPTY: Config = {
  global_defs: {},
  static_ipaddress: [],
  static_routes: [],
  static_rules: [],
  track_group: [],
  vrrp_script: [],
  track_file: [],
  track_process: [],
  vrrp_sync_group: [],
  vrrp_instance: [],
  other: [],
};
