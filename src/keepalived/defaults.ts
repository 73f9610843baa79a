/**
 * What keepalived takes where a keyword is absent, as measured with 2.2.7: the model stores what the file says,
 * these functions say what then holds.
 */
import type { Family, Ip } from '../base/address.ts';
import { type Millis, ms, seconds } from '../base/units.ts';
import type { Config, GlobalDefs, Instance, VrrpScript } from './model.ts';

/**
 * The IP version an instance speaks: that of its advertised addresses, else of its source and peers, else of the
 * excluded ones; a mix, which keepalived refuses, counts as IPv4.
 */
export function familyOf(instance: Instance): Family {
  const sources = [instance.unicast_src_ip, instance.mcast_src_ip].filter((ip): ip is Ip => ip !== undefined);
  const families = [
    (instance.virtual_ipaddress ?? []).map((line) => line.address.family),
    [...sources, ...(instance.unicast_peer ?? [])].map((ip) => ip.family),
    (instance.virtual_ipaddress_excluded ?? []).map((line) => line.address.family),
  ].find((list) => list.length > 0);
  return families === undefined || families.includes(4) ? 4 : 6;
}

/** IPv6 instances always speak version 3. */
export const versionOf = (globals: GlobalDefs, instance: Instance): 2 | 3 =>
  familyOf(instance) === 6 ? 3 : (instance.version ?? globals.vrrp_version ?? 2);

/** The configured priority, before trackers: `state MASTER` without one makes an address owner. */
export const priorityOf = (instance: Instance): number =>
  instance.priority ?? (instance.state === 'MASTER' ? 255 : 100);

/** `state` counts only for the address owner: everyone else starts as BACKUP and waits. */
export const startsAsMaster = (instance: Instance): boolean =>
  priorityOf(instance) === 255 && instance.state !== 'BACKUP';

/** `state MASTER` takes nopreempt back. */
export const preempts = (instance: Instance): boolean => !instance.nopreempt || instance.state === 'MASTER';

export const advertIntOf = (instance: Instance): Millis => instance.advert_int ?? seconds(1);

export const downTimerAdvertsOf = (globals: GlobalDefs, instance: Instance): number =>
  instance.down_timer_adverts ?? globals.vrrp_down_timer_adverts ?? 3;

export interface Garp {
  /** Until the second burst after a takeover; 0: none. */
  readonly delay: Millis;
  readonly repeat: number;
  /** 0: no refreshing. */
  readonly refresh: Millis;
  readonly refreshRepeat: number;
  readonly lowerPrioDelay: Millis;
  readonly lowerPrioRepeat: number;
}

/**
 * Gratuitous ARP and unsolicited NA: the instance's own keywords, the globals, vrrp_min_garp, the built-in ones. The
 * burst after a lower-priority advert follows the global master's values, never the instance's own.
 */
export function garpOf(globals: GlobalDefs, instance: Instance): Garp {
  const least = globals.vrrp_min_garp ?? false;
  const delay = globals.vrrp_garp_master_delay ?? seconds(least ? 0 : 5);
  const repeat = globals.vrrp_garp_master_repeat ?? (least ? 1 : 5);
  return {
    delay: instance.garp_master_delay ?? delay,
    repeat: instance.garp_master_repeat ?? repeat,
    refresh: instance.garp_master_refresh ?? globals.vrrp_garp_master_refresh ?? ms(0),
    refreshRepeat: instance.garp_master_refresh_repeat ?? globals.vrrp_garp_master_refresh_repeat ?? 1,
    lowerPrioDelay: instance.garp_lower_prio_delay ?? globals.vrrp_garp_lower_prio_delay ?? delay,
    lowerPrioRepeat: instance.garp_lower_prio_repeat ?? globals.vrrp_garp_lower_prio_repeat ?? repeat,
  };
}

/**
 * Whether packets to the VIPs themselves are taken. The owner always takes them; strict mode does so where the file
 * says it, and in version 2 not even then.
 */
export function acceptsPackets(globals: GlobalDefs, instance: Instance): boolean {
  const strict = instance.strict_mode ?? globals.vrrp_strict ?? false;
  if (priorityOf(instance) === 255) return true;
  if (strict && versionOf(globals, instance) === 2) return false;
  return instance.accept ?? !strict;
}

/** Scripts run every second, may take as long as that, and count after one result. */
export function scriptTimes(script: VrrpScript): { interval: Millis; timeout: Millis; rise: number; fall: number } {
  const interval = script.interval ?? seconds(1);
  return { interval, timeout: script.timeout ?? interval, rise: script.rise ?? 1, fall: script.fall ?? 1 };
}

/** The sync group that an instance is a member of. */
export const groupOf = (config: Config, name: string) =>
  config.vrrp_sync_group.find((group) => group.group.includes(name));
