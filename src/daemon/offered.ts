/**
 * Keywords that the language has and this daemon does not act on yet: each is named where it stands, none is passed
 * over in silence. What would change who answers for a VIP, or with which address, is refused.
 */
import type { Problem } from '../base/problem.ts';
import { versionOf } from '../keepalived/defaults.ts';
import type { GlobalDefs, Instance } from '../keepalived/model.ts';
import { otherLine } from '../keepalived/other-line.ts';
import type { Parsed } from '../keepalived/parser.ts';
import { readUmask } from './umask.ts';

const INSTANCE: Readonly<Partial<Record<keyof Instance, string>>> = {
  track_bfd: 'BFD is not spoken: these trackers count for nothing',
};

export function unoffered({ config, at }: Parsed): readonly Problem[] {
  const problems: Problem[] = [];
  const add = (severity: Problem['severity'], node: object, key: string, message: string): void => {
    const place = at(node, key) ?? at(node);
    problems.push({ code: 'conf-unsupported', severity, message, ...(place && { at: place }) });
  };
  const umask = otherLine(config.global_defs, 'umask');
  if (umask && readUmask(umask.args.join('')) === undefined) {
    const message = 'umask wants a number up to 0777, or bits as IWGRP|IWOTH';
    const place = at(umask);
    problems.push({ code: 'conf-value', severity: 'error', message, ...(place && { at: place }) });
  }
  for (const instance of config.vrrp_instance) {
    for (const [key, meaning] of Object.entries(INSTANCE)) {
      const set = instance[key as keyof Instance];
      if (set !== undefined && set !== false) add('warning', instance, key, `"${key}": ${meaning}`);
    }
    const ipvlan = otherLine(instance, 'use_ipvlan');
    if (ipvlan) add('error', ipvlan, 'keyword', NO_IPVLAN);
    const { authentication } = instance;
    if (authentication?.auth_type === 'AH' && isAuthenticated(config.global_defs, instance)) {
      add('error', authentication, 'auth_type', NO_AH);
    }
  }
  for (const group of config.vrrp_sync_group) {
    if (group.track_bfd) add('warning', group, 'track_bfd', `"track_bfd": ${INSTANCE.track_bfd}`);
  }
  return problems;
}

/**
 * The parser's findings without its warnings of rare keywords that tandemd does act on: the language only keeps them.
 */
export function withoutActedOn({ problems, config, at }: Parsed): readonly Problem[] {
  const owners = [config.global_defs, ...config.vrrp_instance, ...config.track_process];
  const lines = owners.flatMap(({ other = [] }) => other.filter(({ keyword }) => ACTED_ON.has(keyword)));
  const places = new Set(lines.map((line) => JSON.stringify(at(line))));
  return problems.filter(
    ({ code, severity, at: place }) =>
      code !== 'conf-unsupported' || severity !== 'warning' || !places.has(JSON.stringify(place)),
  );
}

const ACTED_ON: ReadonlySet<string> = new Set([
  'umask',
  'set_supplementary_groups',
  'notify_priority_changes',
  'v3_checksum_as_v2',
  'owner_ignore_adverts',
  'no_virtual_ipaddress',
  'param_match',
  'terminate_delay',
  'fork_delay',
  'full_command',
]);

/** Version 3 has no authentication, and strict mode allows none: there the block is ignored, as it is by keepalived. */
const isAuthenticated = (globals: GlobalDefs, instance: Instance): boolean =>
  versionOf(globals, instance) === 2 && !(instance.strict_mode ?? globals.vrrp_strict);

const NO_AH = '"auth_type AH" is not offered: tandemd would neither sign its advertisements nor check the others';
const NO_IPVLAN = '"use_ipvlan" is not offered: the VIPs would lie on the interface itself';
