/** One vrrp_instance: what it lacks, and what cannot stand together in it. */
import { partsOf, type Steps } from '../base/steps.ts';
import type { Findings } from './check.ts';
import { checkRoute, checkRule } from './check-lines.ts';
import { checkStrict } from './check-strict.ts';
import { familyOf, groupOf, priorityOf, versionOf } from './defaults.ts';
import type { AddressLine, Config, Instance, Track } from './model.ts';
import { WRONG } from './parser.ts';

export function* checkInstance(config: Config, instance: Instance, findings: Findings): Steps<void> {
  if (instance.interface === undefined && !findings.says(instance, 'interface')) {
    findings.add('conf-missing', instance, undefined, `vrrp_instance "${instance.name}" has no interface`);
  }
  if (instance.interface === 'lo') {
    findings.add('conf-value', instance, 'interface', 'nobody is heard on the loopback interface "lo"', {
      hint: 'name the interface that leads to the other router; VIPs may lie on lo, by "dev lo"',
    });
  }
  if (instance.virtual_router_id === undefined && !findings.says(instance, 'virtual_router_id')) {
    findings.add('conf-missing', instance, undefined, `vrrp_instance "${instance.name}" has no virtual_router_id`);
  }
  checkVersion(config, instance, findings);
  yield* checkAddresses(instance, findings);
  checkUnicast(instance, findings);
  checkAuthentication(config, instance, findings);
  checkPreemption(instance, findings);
  checkWeights(config, instance, findings);
  checkOwnInterface(instance, findings);
  checkStrict(config, instance, findings);
  for (const part of partsOf(instance.virtual_routes ?? [])) {
    yield;
    for (const route of part) checkRoute(route, 'virtual', findings);
  }
  for (const part of partsOf(instance.virtual_rules ?? [])) {
    yield;
    for (const rule of part) checkRule(rule, 'virtual', findings);
  }
}

/** The 12 bits of a version 3 packet hold 40.95 s, in hundredths. */
const INTERVAL_V3_MAX = 40_950;

function checkVersion(config: Config, instance: Instance, findings: Findings): void {
  const { advert_int } = instance;
  const version = versionOf(config.global_defs, instance);
  if (familyOf(instance) === 6 && instance.version === 2) {
    findings.add('conf-value', instance, 'version', 'IPv6 has no VRRP version 2; keepalived would take 3', {
      hint: 'write "version 3", or leave the line out',
    });
  }
  if (advert_int === undefined) return;
  if (version === 2 && advert_int % 1000 !== 0) {
    findings.add('conf-value', instance, 'advert_int', 'version 2 takes whole seconds; keepalived would round', {
      hint: 'use version 3 for intervals below a second',
    });
  }
  if (version === 3 && advert_int % 10 !== 0) {
    findings.add(
      'conf-value',
      instance,
      'advert_int',
      'version 3 takes hundredths of a second; keepalived would round',
    );
  }
  if (version === 3 && advert_int > INTERVAL_V3_MAX) {
    findings.add('conf-value', instance, 'advert_int', 'version 3 takes 40.95 seconds at most');
  }
}

/** One octet each in the advert's header, and an advert must fit in 1500 bytes: 255 of IPv4, 89 of IPv6. */
const ADVERTISED_MAX = { 4: 255, 6: 89 };

function* checkAddresses(instance: Instance, findings: Findings): Steps<void> {
  const { virtual_ipaddress: advertised = [], virtual_ipaddress_excluded: excluded = [] } = instance;
  const family = familyOf(instance);
  const bare = instance.other?.some((line) => line.keyword === 'no_virtual_ipaddress');
  if (advertised.length === 0 && !bare && !findings.says(instance, `virtual_ipaddress.${WRONG}`)) {
    findings.add(
      'conf-missing',
      instance,
      'virtual_ipaddress',
      `vrrp_instance "${instance.name}" has no virtual_ipaddress`,
    );
  }
  for (const line of advertised) {
    if (line.address.family === family) continue;
    findings.add('conf-value', line, undefined, `virtual_ipaddress mixes IPv4 and IPv6: "${line.address.text}"`, {
      hint: 'put the addresses of one of them in virtual_ipaddress_excluded, or in an instance of their own',
    });
  }
  if (advertised.length > ADVERTISED_MAX[family]) {
    const line = advertised[ADVERTISED_MAX[family]]!;
    const message = `${advertised.length} addresses do not fit in an advert; IPv${family} takes ${ADVERTISED_MAX[family]}`;
    findings.add('conf-value', line, undefined, message, { hint: 'move the rest to virtual_ipaddress_excluded' });
  }
  yield* checkEach(instance, [...advertised, ...excluded], findings);
}

function* checkEach(instance: Instance, lines: readonly AddressLine[], findings: Findings): Steps<void> {
  const deviceOf = (line: AddressLine): string | undefined => line.dev ?? instance.interface;
  const seen = new Map<string, AddressLine>();
  /** On other devices than the first of their address: by both. */
  const more = new Map<string, AddressLine>();
  for (const part of partsOf(lines)) {
    yield;
    for (const line of part) {
      const { text } = line.address;
      const other = seen.get(text);
      if (!other) seen.set(text, line);
      else {
        const device = deviceOf(line);
        const key = `${text} ${device}`;
        const first = deviceOf(other) === device ? other : more.get(key);
        if (first) sameAddress(instance, line, first, findings);
        else more.set(key, line);
      }
      checkLine(line, findings);
    }
  }
}

function sameAddress({ name }: Instance, line: AddressLine, first: AddressLine, findings: Findings): void {
  const at = findings.at(first);
  findings.add('conf-duplicate', line, undefined, `"${line.address.text}" stands twice in "${name}"`, {
    severity: 'warning',
    ...(at ? { related: [{ at, message: 'the first is here' }] } : {}),
  });
}

function checkLine(line: AddressLine, findings: Findings): void {
  if (line.address.family === 4) return;
  for (const key of ['label', 'scope', 'broadcast'] as const) {
    if (line[key] !== undefined) findings.add('conf-value', line, key, `an IPv6 address takes no ${key}`);
  }
}

function checkUnicast(instance: Instance, findings: Findings): void {
  const family = familyOf(instance);
  for (const key of ['unicast_src_ip', 'mcast_src_ip', 'mcast_dst_ip'] as const) {
    if (instance[key] && instance[key].family !== family) {
      findings.add('conf-value', instance, key, `${key} is not of the instance's IP version, IPv${family}`);
    }
  }
  for (const peer of instance.unicast_peer ?? []) {
    if (peer.family === family) continue;
    findings.add('conf-value', peer, undefined, `the peer is not of the instance's IP version, IPv${family}`);
  }
  if ((instance.unicast_peer ?? []).length > 0) {
    if (instance.use_vmac && !instance.vmac_xmit_base) {
      findings.add('conf-missing', instance, 'use_vmac', 'use_vmac with unicast peers needs vmac_xmit_base');
    }
  } else {
    for (const key of ['unicast_src_ip', 'check_unicast_src', 'unicast_ttl', 'unicast_peer'] as const) {
      if (instance[key] === undefined) continue;
      findings.add('conf-missing', instance, key, `${key} without a unicast peer: keepalived would use multicast`);
    }
  }
  if (instance.vmac_xmit_base && !instance.use_vmac) {
    findings.add('conf-value', instance, 'vmac_xmit_base', 'vmac_xmit_base means nothing without use_vmac');
  }
}

function checkAuthentication(config: Config, instance: Instance, findings: Findings): void {
  const { authentication } = instance;
  if (!authentication) return;
  if (authentication.auth_pass === undefined && !findings.says(authentication, 'auth_pass')) {
    findings.add(
      'conf-missing',
      authentication,
      undefined,
      'authentication has no auth_pass; keepalived would send none',
    );
  }
  if (versionOf(config.global_defs, instance) === 3) {
    findings.add(
      'conf-value',
      authentication,
      undefined,
      'VRRP version 3 has no authentication; keepalived ignores it',
    );
  } else if (instance.strict_mode ?? config.global_defs.vrrp_strict) {
    findings.add(
      'conf-value',
      authentication,
      undefined,
      'strict mode allows no authentication; keepalived ignores it',
    );
  }
}

function checkPreemption(instance: Instance, findings: Findings): void {
  if (instance.nopreempt && instance.state === 'MASTER') {
    findings.add('conf-value', instance, 'nopreempt', 'nopreempt does not work with "state MASTER"', {
      hint: 'write "state BACKUP": the priorities alone decide who becomes master',
    });
  }
  if (!instance.preempt_delay) return;
  if (instance.state === 'MASTER') {
    findings.add('conf-value', instance, 'preempt_delay', 'preempt_delay does not work with "state MASTER"');
  } else if (instance.nopreempt) {
    findings.add('conf-value', instance, 'preempt_delay', 'preempt_delay means nothing under nopreempt');
  }
}

/** An instance follows its own interface unless it says dont_track_primary; naming it again is refused. */
function checkOwnInterface(instance: Instance, findings: Findings): void {
  for (const track of instance.track_interface ?? []) {
    if (track.name !== instance.interface) continue;
    const message = `"${track.name}" is the instance's own interface, which is tracked anyway`;
    findings.add('conf-value', track, undefined, message, { hint: 'remove the line' });
  }
}

/** Weights that never act: on an address owner, inside a sync group, under nopreempt. */
function checkWeights(config: Config, instance: Instance, findings: Findings): void {
  const group = groupOf(config, instance.name);
  const reason =
    priorityOf(instance) === 255
      ? 'the address owner (priority 255) never changes its priority'
      : group && !group.sync_group_tracking_weight
        ? `members of the sync group "${group.name}" ignore weights`
        : instance.nopreempt
          ? 'under nopreempt a changed priority moves nothing'
          : undefined;
  if (!reason) return;
  const defaults = (list: readonly { readonly name: string; readonly weight?: number }[], absent: number) =>
    new Map(list.map((one) => [one.name, one.weight ?? absent]));
  const kinds: readonly [tracks: readonly Track[] | undefined, weights: ReadonlyMap<string, number>][] = [
    [instance.track_interface, new Map()],
    [instance.track_script, defaults(config.vrrp_script, 0)],
    [instance.track_file, defaults(config.track_file, 1)],
    [instance.track_process, defaults(config.track_process, 1)],
    [instance.track_bfd, new Map()],
  ];
  for (const [tracks = [], weights] of kinds) {
    for (const track of tracks) {
      if ((track.weight ?? weights.get(track.name) ?? 0) === 0) continue;
      findings.add('conf-value', track, 'weight', `the weight of "${track.name}" never acts: ${reason}`);
    }
  }
}
