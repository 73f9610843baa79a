/**
 * Keywords that the language has and this daemon does not act on yet: each is named where it stands, none is passed
 * over in silence. What would change who answers for a VIP, or with which address, is refused.
 */
import type { Problem } from '../base/problem.ts';
import type { GlobalDefs, Instance } from '../keepalived/model.ts';
import { otherLine } from '../keepalived/other-line.ts';
import type { Parsed } from '../keepalived/parser.ts';

const GLOBALS: Readonly<Partial<Record<keyof GlobalDefs, string>>> = {
  vrrp_rt_priority: 'the daemon runs with ordinary priority',
  vrrp_no_swap: 'its memory is not locked',
  vrrp_rlimit_rttime: 'the daemon runs with ordinary priority',
  vrrp_cpu_affinity: 'it runs on any processor',
  max_auto_priority: 'its priority never changes by itself',
  min_auto_priority_delay: 'its priority never changes by itself',
  reload_time_file: 'a reload happens on SIGHUP alone',
  reload_repeat: 'a reload happens on SIGHUP alone',
  reload_file: 'a reload reads the whole file',
  log_unknown_vrids: 'advertisements of others are counted, not logged',
  vrrp_strict: 'packets to the VIPs are accepted: there is no firewall for no_accept',
};

const INSTANCE: Readonly<Partial<Record<keyof Instance, string>>> = {
  track_bfd: 'BFD is not spoken: these trackers count for nothing',
  strict_mode: GLOBALS.vrrp_strict!,
};

export function unoffered({ config, at }: Parsed): readonly Problem[] {
  const problems: Problem[] = [];
  const add = (severity: Problem['severity'], node: object, key: string, message: string): void => {
    const place = at(node, key) ?? at(node);
    problems.push({ code: 'conf-unsupported', severity, message, ...(place && { at: place }) });
  };
  for (const [key, meaning] of Object.entries(GLOBALS)) {
    const set = config.global_defs[key as keyof GlobalDefs];
    if (set !== undefined && set !== false) add('warning', config.global_defs, key, `"${key}": ${meaning}`);
  }
  for (const instance of config.vrrp_instance) {
    for (const [key, meaning] of Object.entries(INSTANCE)) {
      const set = instance[key as keyof Instance];
      if (set !== undefined && set !== false) add('warning', instance, key, `"${key}": ${meaning}`);
    }
    const ipvlan = otherLine(instance, 'use_ipvlan');
    if (ipvlan) add('error', ipvlan, 'keyword', NO_IPVLAN);
    if (instance.accept === false) add('warning', instance, 'accept', `"no_accept": ${GLOBALS.vrrp_strict}`);
  }
  for (const line of [...config.static_ipaddress, ...config.static_routes, ...config.static_rules]) {
    if (line.track_group !== undefined) add('warning', line, 'track_group', TRACK_GROUP);
  }
  for (const group of config.vrrp_sync_group) {
    if (group.track_bfd) add('warning', group, 'track_bfd', `"track_bfd": ${INSTANCE.track_bfd}`);
  }
  return problems;
}

const NO_IPVLAN = '"use_ipvlan" is not offered: the VIPs would lie on the interface itself';
const TRACK_GROUP = '"track_group": what someone removes is put back; no instance goes into FAULT for it';
