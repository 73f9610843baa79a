/**
 * Reads and plays a case: a folder per rule, in it files that are each one story.
 *
 *   says:    the rule in a sentence
 *   config:  what differs from keepalived's defaults, in the names of src/vrrp/config.ts; or
 *   instances: { NAME: config }, with groups: { NAME: [members] }
 *   known:   what is known before the start; default: interface lan up, source 10.0.0.1
 *   steps:   at (ms), do (an event, see `eventOf`), and what must follow: expect (effects in order, nothing where
 *            absent), state, priority, next (the earliest deadline, ms or never), counters; with `do: configured`
 *            also `config` (or `instances`, `groups`): what the new configuration says, and `grace` (ms)
 *
 * With several instances an event begins with `NAME: `, and so do its effects; state and the rest are by name.
 */
import { readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import { ms, parseDuration } from '../../src/base/units.ts';
import type { InstanceConfig, RouterConfig } from '../../src/vrrp/config.ts';
import { keepalivedState } from '../../src/vrrp/names.ts';
import { encode } from '../../src/vrrp/packet.ts';
import { type Action, type Event, type Instance, nextDeadline } from '../../src/vrrp/state.ts';
import {
  type Effect,
  initialRouter,
  type Router,
  type RouterStep,
  reconfigureRouter,
  startRouter,
  stepRouter,
} from '../../src/vrrp/sync.ts';
import { instanceConfig, ip } from '../support/vrrp.ts';

export interface Case {
  readonly says: string;
  readonly config?: Record<string, unknown>;
  readonly instances?: Record<string, Record<string, unknown>>;
  readonly groups?: Record<string, readonly string[]>;
  readonly known?: readonly string[];
  readonly steps: readonly CaseStep[];
}

export interface CaseStep extends Seen, Pick<Case, 'config' | 'instances' | 'groups'> {
  readonly at: number;
  readonly do: string;
  readonly grace?: number;
}

/** What a step of the story shows: in a case only what matters to it. */
export interface Seen {
  readonly expect?: readonly string[];
  readonly state?: string | Record<string, string>;
  readonly priority?: number | Record<string, number>;
  readonly next?: number | 'never' | Record<string, number | 'never'>;
  readonly counters?: Record<string, unknown>;
}

export const readCase = (path: string): Case => load(readFileSync(path, 'utf8')) as unknown as Case;

/** Plays the whole story and gives what is seen after each step, in the case's own form. */
export function play(story: Case): Seen[] {
  let config = configOf(story);
  let router = initialRouter(config);
  for (const known of story.known ?? ['interface lan up', 'source 10.0.0.1']) {
    for (const { name } of config.instances) {
      router = stepRouter(config, router, name, eventOf(known, config.instances[0]!), ms(0)).router;
    }
  }
  return story.steps.map((step) => {
    const taken = step.do === 'configured' ? reconfigure(story, config, router, step) : take(config, router, step);
    if (step.do === 'configured') config = configOf({ ...story, ...step });
    router = taken.router;
    return seen(config, router, taken.effects);
  });
}

/** Instances are known by their names here; each watches the same as before. */
function reconfigure(story: Case, before: RouterConfig, router: Router, step: CaseStep): RouterStep {
  const after = configOf({ ...story, ...step });
  const names = new Set(before.instances.map(({ name }) => name));
  const kept = new Map(after.instances.flatMap(({ name }) => (names.has(name) ? [[name, name] as const] : [])));
  const surroundings = { statuses: { 'interface lan': true }, source: ip('10.0.0.1'), sourcePresent: true };
  const { farewell, ...taken } = reconfigureRouter(
    router,
    {
      before,
      after,
      kept,
      watched: (_config, known) => known ?? surroundings,
      grace: ms(step.grace ?? 120_000),
      started: true,
    },
    ms(step.at),
  );
  return { ...taken, effects: [...farewell.effects, ...taken.effects] };
}

function take(config: RouterConfig, router: Router, step: CaseStep): RouterStep {
  const now = ms(step.at);
  if (step.do === 'startup') return startRouter(config, router, now);
  const [, name = config.instances[0]!.name, text = ''] = /^(?:(\w+): )?(.*)$/.exec(step.do)!;
  const instance = config.instances.find((candidate) => candidate.name === name)!;
  return stepRouter(config, router, name, eventOf(text, instance), now);
}

/**
 *   timer | shutdown | forget | removed WHAT
 *   source ADDRESS | source lost
 *   interface NAME up | script NAME down | process NAME up | file NAME NUMBER
 *   advert priority=150 from=10.0.0.2 [to= ttl= interval= version= vrid= type= addresses=a,b password= checksum=plain|bad]
 *   hex BYTES from=10.0.0.2 [to= ttl=]
 */
function eventOf(text: string, config: InstanceConfig): Event {
  const [word, ...rest] = text.split(' ');
  const [name = '', value = ''] = rest;
  switch (word) {
    case 'timer':
    case 'shutdown':
    case 'forget':
      return { kind: word };
    case 'removed':
      return { kind: 'removed', what: rest.join(' ') };
    case 'source':
      return name === 'lost' ? { kind: 'source' } : { kind: 'source', source: ip(name) };
    case 'interface':
    case 'script':
    case 'process':
      return { kind: 'tracked', tracker: `${word} ${name}`, status: value === 'up' };
    case 'file':
      return { kind: 'tracked', tracker: `file ${name}`, status: Number(value) };
    case 'advert':
    case 'hex':
      return packetOf(word, rest, config);
    default:
      throw new Error(`a case has no such event: ${text}`);
  }
}

function packetOf(word: 'advert' | 'hex', words: readonly string[], config: InstanceConfig): Event {
  const given: Record<string, string> = Object.fromEntries(words.map((each) => each.split('=')));
  const source = ip(given.from ?? '10.0.0.2');
  const destination = ip(given.to ?? config.multicastGroup.text);
  const payload =
    word === 'hex' ? Uint8Array.from(Buffer.from(words[0]!, 'hex')) : advertOf(given, config, { source, destination });
  const ttl = given.ttl === 'unknown' ? {} : { ttl: Number(given.ttl ?? 255) };
  return { kind: 'packet', packet: { source, destination, ...ttl, payload } };
}

function advertOf(
  given: Record<string, string>,
  config: InstanceConfig,
  addressing: Parameters<typeof encode>[1],
): Uint8Array {
  const version = given.version === undefined ? config.version : (Number(given.version) as 2 | 3);
  const bytes = encode(
    {
      version,
      vrid: config.vrid,
      priority: Number(given.priority),
      interval: given.interval ? parseDuration(given.interval)! : config.advertisementInterval,
      addresses: given.addresses === undefined ? config.addresses : given.addresses.split(',').filter(Boolean).map(ip),
      ...(given.password && { authentication: { type: 1, data: password(given.password) } }),
    },
    addressing,
    given.checksum === 'plain' ? 'plain' : 'pseudo-header',
  );
  if (given.checksum === 'bad') bytes[7]! ^= 1;
  if (given.type) bytes[0] = version * 16 + Number(given.type);
  return bytes;
}

const password = (text: string): Uint8Array => {
  const bytes = new Uint8Array(8);
  bytes.set(new TextEncoder().encode(text).subarray(0, 8));
  return bytes;
};

function seen(config: RouterConfig, router: Router, effects: readonly Effect[]): Seen {
  const several = config.instances.length > 1;
  const each = <T>(view: (instance: Instance) => T): T | Record<string, T> => {
    const views = config.instances.map(({ name }) => [name, view(router.instances[name]!)] as const);
    return several ? Object.fromEntries(views) : views[0]![1];
  };
  const first = router.instances[config.instances[0]!.name]!;
  const next = (instance: Instance) => {
    const at = nextDeadline(instance);
    return Number.isFinite(at) ? at : 'never';
  };
  return {
    expect: effects.map((effect) => effectLine(effect, several)),
    state: each((instance) => (keepalivedState(instance) === 'FAULT' ? 'Fault' : instance.state)),
    priority: each(({ priority }) => priority),
    next: each(next),
    counters: { ...first.counters },
  };
}

function effectLine(effect: Effect, several: boolean): string {
  if (effect.kind === 'group') return `group ${effect.name}: notify ${effect.notify}`;
  return `${several ? `${effect.name}: ` : ''}${actionLine(effect.action)}`;
}

function actionLine(action: Action): string {
  switch (action.kind) {
    case 'advertise':
      return `advertise ${action.priority}${action.former ? ' as before' : ''}`;
    case 'install':
    case 'remove':
    case 'notify':
      return `${action.kind} ${action.what}`;
    case 'announce':
      return `announce ${action.repeat}`;
    case 'cancel-announcements':
    case 'announce-source':
    case 'announce-elsewhere':
      return action.kind;
    case 'transition':
      return `${action.from} -> ${action.to}: ${action.reason}`;
    case 'note': {
      const { about, ...rest } = action.note;
      const values = Object.values(rest).map((value) => (typeof value === 'object' ? (value.text ?? value) : value));
      return ['note', about, ...values].join(' ');
    }
  }
}

function configOf({ config, instances, groups }: Case): RouterConfig {
  const named = instances ?? { V: config ?? {} };
  const syncGroups = Object.entries(groups ?? {}).map(([name, members]) => ({ name, members }));
  return {
    syncGroups,
    instances: Object.entries(named).map(([name, overrides]) => {
      const group = syncGroups.find(({ members }) => members.includes(name));
      return instanceConfig({ name, ...valuesOf(overrides), ...(group && { syncGroup: group.name }) });
    }),
  };
}

/** Durations are written with their unit, addresses as text. */
function valuesOf(overrides: Record<string, unknown>): Partial<InstanceConfig> {
  const value = (key: string, given: unknown): unknown => {
    if (key === 'password') return password(String(given));
    if (key === 'announce') return { ...instanceConfig().announce, ...valuesOf(given as Record<string, unknown>) };
    if (key === 'elsewhere') return valuesOf(given as Record<string, unknown>);
    if (key === 'peers') return (given as (string | { ip: string })[]).map(peer);
    if (key === 'addresses') return (given as string[]).map(ip);
    if (key === 'source' || key === 'multicastGroup') return ip(String(given));
    return typeof given === 'string' ? (parseDuration(given) ?? given) : given;
  };
  return Object.fromEntries(Object.entries(overrides).map(([key, given]) => [key, value(key, given)]));
}

const peer = (given: string | { readonly ip: string }) =>
  typeof given === 'string' ? ip(given) : { ...ip(given.ip), ...given };
