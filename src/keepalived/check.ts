/**
 * What is wrong with a configuration as a whole: what keepalived -t refuses although every line reads well, and what
 * it accepts but cannot mean (docs/keepalived-conf.md lists where we are stricter). Pure; reports everything.
 */
import type { Location, Problem } from '../base/problem.ts';
import { drain, type Steps } from '../base/steps.ts';
import { didYouMean } from '../base/suggest.ts';
import { checkInstance } from './check-instance.ts';
import { checkRoute, checkRule } from './check-lines.ts';
import { familyOf } from './defaults.ts';
import type { Config, Instance, SyncGroup, Track } from './model.ts';
import type { Parsed } from './parser.ts';

export interface CheckOptions {
  /** Every interface of the router; absent: not known, and not checked. */
  readonly interfaces?: ReadonlySet<string>;
}

/** Collects problems about objects of the model, each at its place in the file. */
export interface Findings {
  add(
    code: Problem['code'],
    node: object,
    key: string | undefined,
    message: string,
    extra?: Pick<Problem, 'hint' | 'related' | 'label'> & { severity?: Problem['severity'] },
  ): void;
  at(node: object, key?: string): Location | undefined;
  /** Whether the file says it, be it wrong: what the parser has reported is not missing, too. */
  says(node: object, key: string): boolean;
}

/** Checks a parsed configuration; the parser's own problems are not repeated. */
export const check = (parsed: Parsed, options: CheckOptions = {}): readonly Problem[] =>
  drain(checkSteps(parsed, options));

/** `check` part by part. */
export function* checkSteps(parsed: Parsed, options: CheckOptions = {}): Steps<readonly Problem[]> {
  const problems: Problem[] = [];
  const { config } = parsed;
  const place = (node: object, key?: string) =>
    (key === undefined ? undefined : parsed.at(node, key)) ?? parsed.at(node);
  const findings: Findings = {
    at: place,
    says: (node, key) => parsed.at(node, key) !== undefined,
    add(code, node, key, message, { severity = 'error', ...extra } = {}) {
      const at = place(node, key);
      problems.push({ code, severity, message, ...(at ? { at } : {}), ...extra });
    },
  };
  if (config.vrrp_instance.length === 0) {
    problems.push({
      code: 'conf-missing',
      severity: 'error',
      message: 'the file defines no vrrp_instance',
      ...(parsed.start && { at: parsed.start }),
    });
  }
  checkNames(config, findings);
  checkVrids(config, findings);
  for (const instance of config.vrrp_instance) {
    yield* checkInstance(config, instance, findings);
    checkTracks(config, instance, findings);
  }
  if (config.global_defs.notification_email?.length === 0) {
    findings.add('conf-missing', config.global_defs, 'notification_email', 'notification_email names nobody');
  }
  for (const group of config.track_group) {
    if (group.group.length > 0) continue;
    findings.add('conf-missing', group, undefined, `the track_group "${group.name}" has no member`);
  }
  for (const group of config.vrrp_sync_group) checkGroup(config, group, findings);
  checkDefinitions(config, findings);
  yield* checkStatics(config, findings);
  if (options.interfaces) yield* checkInterfaces(config, options.interfaces, findings);
  return problems;
}

function checkNames(config: Config, findings: Findings): void {
  const lists = {
    vrrp_instance: config.vrrp_instance,
    vrrp_sync_group: config.vrrp_sync_group,
    vrrp_script: config.vrrp_script,
    track_file: config.track_file,
    vrrp_track_process: config.track_process,
    track_group: config.track_group,
  };
  for (const [keyword, list] of Object.entries(lists)) {
    const first = new Map<string, object>();
    for (const node of list) {
      const earlier = first.get(node.name);
      if (earlier) duplicate(findings, node, undefined, `${keyword} "${node.name}" is defined twice`, earlier);
      else first.set(node.name, node);
    }
  }
}

/** VRIDs are unique per interface, IP version and multicast; unicast ones among instances that share a peer. */
function checkVrids(config: Config, findings: Findings): void {
  const seen = new Map<string, Instance>();
  for (const instance of config.vrrp_instance) {
    const { virtual_router_id: vrid } = instance;
    if (vrid === undefined) continue;
    const peers = instance.unicast_peer?.map((peer) => peer.text) ?? [];
    for (const mode of peers.length > 0 ? peers : ['multicast']) {
      const key = JSON.stringify([instance.interface, familyOf(instance), vrid, mode]);
      const earlier = seen.get(key);
      if (earlier && earlier !== instance) {
        const message = `VRID ${vrid} is used twice on ${instance.interface ?? 'the default interface'} for IPv${familyOf(instance)}`;
        duplicate(findings, instance, 'virtual_router_id', message, earlier);
        break;
      }
      seen.set(key, instance);
    }
  }
}

function duplicate(findings: Findings, node: object, key: string | undefined, message: string, first: object): void {
  const at = findings.at(first, key);
  findings.add('conf-duplicate', node, key, message, at ? { related: [{ at, message: 'the first is here' }] } : {});
}

function checkGroup(config: Config, group: SyncGroup, findings: Findings): void {
  checkTracks(config, group, findings);
  const names = config.vrrp_instance.map((instance) => instance.name);
  if (group.group.length < 2) {
    const message = `the sync group "${group.name}" has ${group.group.length === 0 ? 'no member' : 'only one member'}`;
    findings.add('conf-missing', group, 'group', message, { hint: 'a group holds two instances or more' });
  }
  group.group.forEach((member, i) => {
    if (!names.includes(member)) unknownName(findings, group, `group.${i}`, `vrrp_instance "${member}"`, member, names);
    const other = config.vrrp_sync_group.find((one) => one.group.includes(member))!;
    if (other !== group || group.group.indexOf(member) !== i) {
      findings.add('conf-duplicate', group, `group.${i}`, `"${member}" can be a member of one sync group only, once`);
    }
  });
}

function unknownName(
  findings: Findings,
  node: object,
  key: string | undefined,
  what: string,
  word: string,
  names: readonly string[],
): void {
  const hint = didYouMean(word, names);
  findings.add('conf-unknown-name', node, key, `${what} is not defined`, hint === undefined ? {} : { hint });
}

/** A thing with a name; `node` where the place is another object's. */
interface Definition {
  readonly name: string;
  readonly node?: object;
}

/** keepalived knows only what it has read: a definition must stand above its use. Seen within one file. */
function checkOrder(findings: Findings, definition: Definition, use: object, what: string): void {
  const at = findings.at(definition.node ?? definition);
  const usedAt = findings.at(use);
  if (!at || !usedAt || at.file !== usedAt.file || at.line <= usedAt.line) return;
  findings.add('conf-unknown-name', use, undefined, `${what} is defined below its use; keepalived does not find it`, {
    related: [{ at, message: 'it is defined here' }],
  });
}

/** Every tracked object must be defined, and stand once. */
function checkTracks(config: Config, owner: Instance | SyncGroup, findings: Findings): void {
  const bfd = config.other
    .filter((line) => line.keyword === 'bfd_instance')
    .map((line) => ({ name: line.args[0] ?? '', node: line }));
  const kinds: readonly [string, readonly Track[] | undefined, readonly Definition[] | undefined][] = [
    ['interface', owner.track_interface, undefined],
    ['vrrp_script', owner.track_script, config.vrrp_script],
    ['track_file', owner.track_file, config.track_file],
    ['vrrp_track_process', owner.track_process, config.track_process],
    ['bfd_instance', owner.track_bfd, bfd],
  ];
  for (const [what, tracks = [], definitions] of kinds) {
    tracks.forEach((track, i) => {
      const definition = definitions?.find((one) => one.name === track.name);
      if (definitions && !definition) {
        const names = definitions.map((one) => one.name);
        unknownName(findings, track, undefined, `${what} "${track.name}"`, track.name, names);
      } else if (definition) checkOrder(findings, definition, track, `${what} "${track.name}"`);
      const first = tracks.findIndex((one) => one.name === track.name);
      if (first < i) duplicate(findings, track, undefined, `"${track.name}" is tracked twice`, tracks[first]!);
    });
  }
}

function checkDefinitions(config: Config, findings: Findings): void {
  for (const script of config.vrrp_script) {
    if (!script.script && !findings.says(script, 'script'))
      findings.add('conf-missing', script, undefined, `vrrp_script "${script.name}" has no script`);
  }
  for (const file of config.track_file) {
    if (file.file === undefined && !findings.says(file, 'file'))
      findings.add('conf-missing', file, undefined, `track_file "${file.name}" has no file`);
  }
  for (const process of config.track_process) {
    if (process.process || findings.says(process, 'process')) continue;
    findings.add('conf-missing', process, undefined, `vrrp_track_process "${process.name}" has no process`);
  }
}

function* checkStatics(config: Config, findings: Findings): Steps<void> {
  const groups = config.track_group.map((group) => group.name);
  for (const route of config.static_routes) checkRoute(route, 'static', findings);
  for (const rule of config.static_rules) checkRule(rule, 'static', findings);
  for (const line of [...config.static_ipaddress, ...config.static_routes, ...config.static_rules]) {
    if (line.track_group === undefined) continue;
    const definition = config.track_group.find((group) => group.name === line.track_group);
    const what = `track_group "${line.track_group}"`;
    if (definition) checkOrder(findings, definition, line, what);
    else unknownName(findings, line, 'track_group', what, line.track_group, groups);
  }
  for (const instance of config.vrrp_instance) {
    yield;
    const {
      virtual_ipaddress = [],
      virtual_ipaddress_excluded = [],
      virtual_routes = [],
      virtual_rules = [],
    } = instance;
    for (const line of [...virtual_ipaddress, ...virtual_ipaddress_excluded, ...virtual_routes, ...virtual_rules]) {
      if (line.track_group === undefined) continue;
      findings.add('conf-value', line, 'track_group', 'track_group belongs to static addresses, routes and rules only');
    }
  }
}

/** Every interface that the file names, where it names it. Under dynamic_interfaces it may come later. */
function* checkInterfaces(config: Config, interfaces: ReadonlySet<string>, findings: Findings): Steps<void> {
  const own = config.vrrp_instance.flatMap((one) => (one.use_vmac?.name === undefined ? [] : [one.use_vmac.name]));
  const known = new Set([...interfaces, ...own]);
  const dynamic = config.global_defs.dynamic_interfaces !== undefined;
  const need = (node: object, key: string | undefined, name: string | undefined) => {
    if (name === undefined || known.has(name)) return;
    const hint = didYouMean(name, known);
    const extra = { ...(hint !== undefined && { hint }), ...(dynamic && ({ severity: 'warning' } as const)) };
    findings.add('conf-unknown-interface', node, key, `the interface "${name}" does not exist on the router`, extra);
  };
  const { default_interface } = config.global_defs;
  need(config.global_defs, 'default_interface', default_interface);
  for (const line of [...config.static_ipaddress, ...config.static_routes]) need(line, 'dev', line.dev);
  for (const route of config.static_routes) for (const hop of route.nexthops ?? []) need(hop, undefined, hop.dev);
  for (const rule of config.static_rules) {
    need(rule, 'iif', rule.iif);
    need(rule, 'oif', rule.oif);
  }
  for (const instance of config.vrrp_instance) {
    need(instance, 'interface', instance.interface);
    for (const line of [...(instance.virtual_ipaddress ?? []), ...(instance.virtual_ipaddress_excluded ?? [])]) {
      need(line, 'dev', line.dev);
    }
    yield;
    for (const route of instance.virtual_routes ?? []) {
      need(route, 'dev', route.dev);
      for (const hop of route.nexthops ?? []) need(hop, undefined, hop.dev);
    }
    for (const rule of instance.virtual_rules ?? []) {
      need(rule, 'iif', rule.iif);
      need(rule, 'oif', rule.oif);
    }
  }
  for (const owner of [...config.vrrp_instance, ...config.vrrp_sync_group]) {
    for (const track of owner.track_interface ?? []) need(track, undefined, track.name);
  }
}
