/** What holds for a router itself: how it is reached, its interfaces, mail, scripts. */
import { parseIpPrefix } from '../base/address.ts';
import type { Location } from '../base/problem.ts';
import { type Millis, parseDuration, seconds } from '../base/units.ts';
import { type CommandContext, commandReader, readNotify } from './command.ts';
import type { BuildContext } from './context.ts';
import { type Doubts, inDoubt } from './doubts.ts';
import { type Layer, locate, type Stack, stack } from './layers.ts';
import type { Interface, Member, ScriptIntent, Smtp, SshSettings, SyncGroupIntent } from './model.ts';
import { type RouterLayers, routerLayers } from './router-layers.ts';
import type { LayerYaml } from './schema.ts';
import { resolveSecret } from './secrets.ts';

/** A router in the LAN answers in milliseconds; through two jump hosts over a poor line in seconds. */
const CONNECT_TIMEOUT_DEFAULT = seconds(10);

/**
 * The instances are added by `build.ts`.
 * @param at where the pair names the router
 */
export function buildMember(
  name: string,
  at: Location,
  layers: RouterLayers,
  context: CommandContext & { readonly doubts: Doubts },
): Member {
  const own = stack(routerLayers(layers));
  const yaml = own.merged;
  if (yaml.engine == null && !inDoubt(context.doubts, ['engine'])) {
    const hint = 'say engine: keepalived or engine: tandemd in inventory/ or in the pair';
    context.problems.push({
      code: 'inventory-missing',
      severity: 'error',
      message: `no layer says which engine runs on ${name}`,
      at,
      hint,
    });
  }
  const commands = commandReader(own.layers, context);
  const scripts = buildScripts(own, commands);
  const groups = buildSyncGroups(layers, context);
  return {
    name,
    at,
    engine: yaml.engine ?? 'keepalived', // never used without one: the problem above is an error
    host: yaml.host ?? name,
    ssh: buildSsh(own, context),
    groups: layers.groups,
    labels: Object.fromEntries(Object.entries(yaml.labels ?? {}).filter((e): e is [string, string] => e[1] !== null)),
    router_id: yaml.router_id ?? name,
    ...(yaml.smtp && { smtp: buildSmtp(yaml.smtp) }),
    interfaces: buildInterfaces(own),
    instances: [],
    sync_groups: groups.groups,
    scripts,
    track_files: present(yaml.track_files).map(([key, { file, weight }]) => ({
      name: key,
      file,
      ...given({ weight }),
    })),
    track_processes: present(yaml.track_processes).map(([key, { process, weight, quorum }]) => ({
      name: key,
      process: typeof process === 'string' ? [process] : process,
      ...given({ weight, quorum }),
    })),
    files: [...commands.files, ...groups.files],
    raw: rawLines(yaml.raw),
    global_raw: rawLines(yaml.global_raw),
  };
}

type Given<T> = { [K in keyof T]?: Exclude<T[K], null | undefined> };

/** The fields that are given: null and undefined are left out. */
export function given<T extends object>(fields: T): Given<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value != null)) as Given<T>;
}

/** The entries of a merged map that no layer removed. */
const present = <T>(map: Readonly<Record<string, T | null>> | null | undefined): [string, T][] =>
  Object.entries(map ?? {}).filter((entry): entry is [string, T] => entry[1] !== null);

/** A duration that the schema has accepted. */
export const durationOf = (text: string | null | undefined): Millis | undefined =>
  text == null ? undefined : parseDuration(text);

/** Raw lines from a list or a text block, without empty lines at the end. */
export const rawLines = (raw: string | readonly string[] | null | undefined): readonly string[] =>
  typeof raw === 'string' ? raw.replace(/\n+$/, '').split('\n') : (raw ?? []);

function buildSsh({ merged, layers }: Stack<LayerYaml>, context: BuildContext): SshSettings {
  const ssh = merged.ssh ?? {};
  const list = (value: string | string[] | null | undefined) => (typeof value === 'string' ? [value] : value);
  const password =
    ssh.sudo_password == null ? undefined : secretAt(ssh.sudo_password, layers, ['ssh', 'sudo_password'], context);
  if (password?.literal) {
    const hint = `write \${env:NAME} or \${file:PATH}`;
    const at = locate(layers, ['ssh', 'sudo_password']);
    context.problems.push({
      code: 'auth-literal',
      severity: 'warning',
      message: 'the password stands in the tree in the clear',
      at,
      hint,
    });
  }
  return {
    ...given({ user: ssh.user, port: ssh.port, config: ssh.config }),
    ...given({ known_hosts: list(ssh.known_hosts), identity: list(ssh.identity), sudo_password: password?.value }),
    become: ssh.become ?? 'none',
    connect_timeout: durationOf(ssh.connect_timeout) ?? CONNECT_TIMEOUT_DEFAULT,
  };
}

/** The secret's value, kept for masking; a refusal is a problem where the reference stands. */
export function secretAt(
  text: string,
  layers: readonly Layer<object>[],
  path: readonly string[],
  { secrets, secretValues, problems }: BuildContext,
): { readonly value: string; readonly literal: boolean } | undefined {
  const resolved = resolveSecret(text, secrets);
  if (resolved.kind === 'value') {
    secretValues.add(resolved.value);
    return resolved;
  }
  const { code, message, hint } = resolved;
  problems.push({ code, severity: 'error', message, hint, at: locate(layers, path) });
  return undefined;
}

function buildSmtp(yaml: NonNullable<LayerYaml['smtp']>): Smtp {
  return {
    ...(yaml.server != null && { server: { host: yaml.server, ...given({ port: yaml.port }) } }),
    ...given({ from: yaml.from, to: yaml.to, helo: yaml.helo, connect_timeout: durationOf(yaml.connect_timeout) }),
  };
}

function buildInterfaces({ merged, layers }: Stack<LayerYaml>): Interface[] {
  return present(merged.interfaces).map(([name, yaml]) => {
    const object = typeof yaml === 'string' || Array.isArray(yaml) ? { address: yaml } : yaml;
    const addresses = typeof object.address === 'string' ? [object.address] : (object.address ?? []);
    return {
      name,
      addresses: addresses.map((text) => parseIpPrefix(text)!),
      ...given({ segment: 'segment' in object ? object.segment : undefined }),
      at: locate(layers, ['interfaces', name]),
    };
  });
}

function buildScripts({ merged }: Stack<LayerYaml>, commands: ReturnType<typeof commandReader>): ScriptIntent[] {
  return present(merged.scripts).flatMap(([name, yaml]) => {
    const command = commands.read(yaml.run, ['scripts', name, 'run']);
    if (!command) return [];
    const { weight, rise, fall } = yaml;
    const interval = durationOf(yaml.interval);
    return [{ name, command, ...given({ interval, timeout: durationOf(yaml.timeout), weight, rise, fall }) }];
  });
}

function buildSyncGroups({ own }: RouterLayers, context: CommandContext) {
  const { merged, layers } = stack(own.map((layer) => ({ ...layer, keys: new Set(['sync_groups']) })));
  const commands = commandReader(layers, context);
  const groups = present(merged.sync_groups).map(([name, yaml]): SyncGroupIntent => {
    const notify = readNotify(yaml.notify, ['sync_groups', name, 'notify'], commands);
    return { name, members: yaml.members, notify, ...given({ smtp_alert: yaml.smtp_alert }) };
  });
  return { groups, files: commands.files };
}
