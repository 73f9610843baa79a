/**
 * What holds for an instance once keepalived's defaults and the globals are applied: the ground for "does this
 * change anything", for the identity that a reload goes by, and for who outranks whom.
 * Source: keepalived.conf(5); identity as measured with 2.2.7.
 */
import type { Family } from '../base/address.ts';
import type { Millis } from '../base/units.ts';
import { advertIntOf, downTimerAdvertsOf, familyOf, preempts, priorityOf, versionOf } from '../keepalived/defaults.ts';
import type { Config, Instance } from '../keepalived/model.ts';
import { canonical, compareText } from './lines.ts';

/** Every field is a plain value, so that two can be compared with `===`. */
export interface Effective {
  readonly name: string;
  readonly family: Family;
  readonly vrid: number | undefined;
  readonly interface: string | undefined;
  readonly version: 2 | 3;
  /** The configured one, before trackers. */
  readonly priority: number;
  readonly advertInt: Millis;
  readonly downTimerAdverts: number;
  /** Whether it takes over from a MASTER of lower priority. */
  readonly preempts: boolean;
  /** What a reload recognises the instance by, beside VRID, family and interface. */
  readonly mode: string;
  readonly vmac: string;
  /** Authentication as it goes over the wire; empty in version 3, which has none. Secret: for comparing only. */
  readonly authentication: string;
  /** The advertised addresses, sorted, as one text. */
  readonly advertised: string;
  readonly skipsAddressCheck: boolean;
}

export function effective(config: Config, instance: Instance): Effective {
  const globals = config.global_defs;
  const family = familyOf(instance);
  const version = versionOf(globals, instance);
  const unicast = instance.unicast_peer !== undefined && instance.unicast_peer.length > 0;
  const common = family === 4 ? globals.vrrp_mcast_group4?.text : globals.vrrp_mcast_group6?.text;
  return {
    name: instance.name,
    family,
    vrid: instance.virtual_router_id,
    interface: deviceOf(config, instance),
    version,
    priority: priorityOf(instance),
    advertInt: advertIntOf(instance),
    downTimerAdverts: downTimerAdvertsOf(globals, instance),
    preempts: preempts(instance),
    mode: unicast
      ? `unicast ${instance.unicast_src_ip?.text ?? ''}`
      : `multicast ${instance.mcast_dst_ip?.text ?? common ?? (family === 4 ? '224.0.0.18' : 'ff02::12')}`,
    vmac: instance.use_vmac ? `use_vmac${instance.vmac_xmit_base ? ' vmac_xmit_base' : ''}` : '',
    authentication: version === 3 ? '' : canonical(instance.authentication ?? {}),
    advertised: (instance.virtual_ipaddress ?? [])
      .map((line) => line.address.text)
      .sort(compareText)
      .join(),
    skipsAddressCheck: instance.skip_check_adv_addr ?? globals.vrrp_skip_check_adv_addr ?? false,
  };
}

/** The interface of an instance; `default_interface` (eth0) where it names none. */
export const deviceOf = (config: Config, instance: Instance): string | undefined =>
  instance.interface ?? config.global_defs.default_interface;

/** The identity by which a reload finds a running instance again. The name is no part of it. */
export const identityOf = (e: Effective): string => canonical([e.vrid, e.family, e.interface, e.mode, e.vmac]);
