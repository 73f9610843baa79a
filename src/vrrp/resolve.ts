/** From keepalived.conf, checked by `keepalived/check.ts`, to what the core runs on: every default applied. */
import { type Ip, parseIp } from '../base/address.ts';
import { assert } from '../base/assert.ts';
import { utf8Bytes } from '../base/bytes.ts';
import { ms } from '../base/units.ts';
import {
  advertIntOf,
  downTimerAdvertsOf,
  familyOf,
  garpOf,
  groupOf,
  preempts,
  priorityOf,
  startsAsMaster,
  versionOf,
} from '../keepalived/defaults.ts';
import type { Config, GlobalDefs, Instance } from '../keepalived/model.ts';
import { otherFlag } from '../keepalived/other-line.ts';
import { type AnnounceConfig, type InstanceConfig, PRIORITY_OWNER, type RouterConfig } from './config.ts';
import { VRRP_TTL } from './ipv4.ts';
import { trackersOf } from './resolve-trackers.ts';

export function routerConfig(config: Config): RouterConfig {
  const names = new Set(config.vrrp_instance.map(({ name }) => name));
  return {
    instances: config.vrrp_instance.map((instance) => instanceConfig(config, instance)),
    syncGroups: config.vrrp_sync_group.map(({ name, group }) => ({
      name,
      members: group.filter((member) => names.has(member)),
    })),
    ...(config.global_defs.log_unknown_vrids && { tellsUnknown: true as const }),
  };
}

/** RFC 9568 section 5.1.1.2 and 5.1.2.2. */
const MULTICAST_GROUPS = { 4: parseIp('224.0.0.18')!, 6: parseIp('ff02::12')! };

const groupOfAll = ({ vrrp_mcast_group4, vrrp_mcast_group6 }: GlobalDefs, family: 4 | 6): Ip =>
  (family === 4 ? vrrp_mcast_group4 : vrrp_mcast_group6) ?? MULTICAST_GROUPS[family];

/** Without `unicast_ttl`; keepalived 2.2.7 leaves IPv6 to the device's default hop limit, which is Linux's. */
const UNICAST_TTL = { 4: VRRP_TTL, 6: 64 } as const;

function instanceConfig(config: Config, instance: Instance): InstanceConfig {
  const globals = config.global_defs;
  const family = familyOf(instance);
  const strict = instance.strict_mode ?? globals.vrrp_strict ?? false;
  const primary = instance.interface ?? globals.default_interface;
  assert(primary !== undefined && instance.virtual_router_id !== undefined, 'the file has been checked');
  const source = instance.unicast_src_ip ?? instance.mcast_src_ip;
  const peers = instance.unicast_peer ?? [];
  const password = passwordOf(globals, instance, strict);
  const group = groupOf(config, instance.name);
  return {
    name: instance.name,
    family,
    version: versionOf(globals, instance),
    vrid: instance.virtual_router_id,
    interface: primary,
    device: primary,
    startState: startStateOf(instance, strict),
    priority: priorityOf(instance),
    advertisementInterval: advertIntOf(instance),
    downTimerAdverts: downTimerAdvertsOf(globals, instance),
    preempt: preempts(instance),
    preemptDelay: instance.state === 'MASTER' ? ms(0) : (instance.preempt_delay ?? ms(0)),
    ...(password && { password }),
    addresses: (instance.virtual_ipaddress ?? []).map(({ address }) => ({
      family: address.family,
      text: address.text,
    })),
    ...(source && { source }),
    trackSource: instance.track_src_ip === true,
    ...(peers.length > 0 && { peers }),
    multicastGroup: instance.mcast_dst_ip ?? groupOfAll(globals, family),
    ttl: peers.length === 0 ? VRRP_TTL : (instance.unicast_ttl ?? UNICAST_TTL[family]),
    checkUnicastSource: instance.check_unicast_src ?? globals.vrrp_check_unicast_src ?? false,
    checksum: (otherFlag(instance, 'v3_checksum_as_v2') ?? globals.v3_checksum_as_v2) ? 'plain' : 'pseudo-header',
    skipAddressCheck: instance.skip_check_adv_addr ?? globals.vrrp_skip_check_adv_addr ?? false,
    lowerPriorityNoAdvert: instance.lower_prio_no_advert ?? globals.vrrp_lower_prio_no_advert ?? strict,
    higherPrioritySendAdvert: instance.higher_prio_send_advert ?? globals.vrrp_higher_prio_send_advert ?? false,
    ownerIgnoreAdverts: otherFlag(instance, 'owner_ignore_adverts') ?? globals.vrrp_owner_ignore_adverts ?? false,
    dontTrackPrimary: instance.dont_track_primary === true,
    announce: announceOf(globals, instance),
    trackers: trackersOf(config, instance, primary),
    ...(group && { syncGroup: group.name }),
  };
}

/** Strict mode makes every owner start as one, whatever the file says. */
function startStateOf(instance: Instance, strict: boolean): 'Active' | 'Backup' {
  const owner = startsAsMaster(instance) || (strict && priorityOf(instance) === PRIORITY_OWNER);
  return owner || instance.state === 'MASTER' ? 'Active' : 'Backup';
}

const PASSWORD_LENGTH = 8;

/** v2 only, and not in strict mode: RFC 3768 took it out. Cut after eight bytes, as keepalived does. */
function passwordOf(globals: GlobalDefs, instance: Instance, strict: boolean): Uint8Array | undefined {
  const { authentication } = instance;
  if (versionOf(globals, instance) === 3 || strict || authentication?.auth_type !== 'PASS') return undefined;
  if (authentication.auth_pass === undefined) return undefined;
  const bytes = new Uint8Array(PASSWORD_LENGTH);
  bytes.set(utf8Bytes(authentication.auth_pass).subarray(0, PASSWORD_LENGTH));
  return bytes;
}

function announceOf(globals: GlobalDefs, instance: Instance): AnnounceConfig {
  const { lowerPrioRepeat, lowerPrioDelay, ...rest } = garpOf(globals, instance);
  const { interval = ms(0), all = false } = instance.garp_extra_if ?? globals.vrrp_garp_extra_if ?? {};
  return {
    ...rest,
    lowerPriorityRepeat: lowerPrioRepeat,
    lowerPriorityDelay: lowerPrioDelay,
    ...(interval > 0 && { elsewhere: { interval, all } }),
  };
}
