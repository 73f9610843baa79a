/** One vrrp_instance as it shall be on one router: every layer merged, peers and priorities derived. */
import { type Ip, type IpPrefix, isLinkLocal, parseIp } from '../base/address.ts';
import type { Location } from '../base/problem.ts';
import { didYouMean } from '../base/suggest.ts';
import { seconds } from '../base/units.ts';
import type { RouteLine, RuleLine, Track } from '../keepalived/model.ts';
import { type CommandContext, commandReader, readNotify } from './command.ts';
import { type Doubts, inDoubt, type Refused } from './doubts.ts';
import { type Layer, locate, placeOf, type Stack, stack } from './layers.ts';
import { type ListPlace, type Placed, type Read, readRoutes, readRules, readVips } from './lines.ts';
import { durationOf, given, rawLines, secretAt } from './member.ts';
import type { ManagedFile, Member, VipIntent, VrrpIntent } from './model.ts';
import type { InstanceYaml, TrackedYaml } from './schema.ts';

export interface InstanceContext extends CommandContext {
  readonly instance: string;
  /** Where the pair names the instance. */
  readonly at: Location;
  readonly router: string;
  readonly member: Member;
  readonly peer: Member;
  readonly peerLayers: readonly Layer<object>[];
  /** Both members, and which of them is the pair's primary. */
  readonly names: readonly [string, string];
  readonly layers: readonly Layer<object>[];
  /** Lists already read: both members share what no override changes. */
  readonly lists: Map<readonly unknown[], Read<unknown>>;
  readonly refused: readonly Refused[];
  /** What was refused about this instance on either member. */
  readonly doubts: Doubts;
}

export interface BuiltInstance {
  readonly intent: VrrpIntent;
  readonly files: readonly ManagedFile[];
  /** The merged layers, for the place of any setting. */
  readonly settings: Stack<InstanceYaml>;
  readonly routesAt: readonly Placed<RouteLine>[];
  readonly rulesAt: readonly Placed<RuleLine>[];
  readonly literalSecret: boolean;
  /** The keys whose values are not known: refused, or missing. */
  readonly doubts: Doubts;
}

/** What is missing is a problem, and stands in here as something that the checks know to be in doubt. */
export function buildInstance(context: InstanceContext): BuiltInstance {
  const settings = stack(context.layers as readonly Layer<InstanceYaml>[]);
  const yaml = settings.merged;
  const missing = reportMissing(yaml, context);
  const doubts = missing.length === 0 ? context.doubts : new Set([...context.doubts, ...missing]);
  const device = yaml.interface ?? '';
  const family = yaml.family === 'ipv6' ? 6 : 4;
  const commands = commandReader(settings.layers, context);
  const routesAt = lines(settings, 'routes', readRoutes, context);
  const rulesAt = lines(settings, 'rules', readRules, context);
  const secret = yaml.auth_pass == null ? undefined : secretAt(yaml.auth_pass, settings.layers, ['auth_pass'], context);
  const unicast = buildUnicast(settings, device, family, context);
  const intent: VrrpIntent = {
    name: context.instance,
    at: context.at,
    family,
    ...given({ state: yaml.state, preempt_delay: durationOf(yaml.preempt_delay), auth_pass: secret?.value }),
    interface: device,
    link: yaml.link ?? 'switched',
    source: yaml.source ?? 'own',
    virtual_router_id: yaml.virtual_router_id ?? 0,
    version: yaml.version ?? (family === 6 ? 3 : 2),
    priority: priorityOf(settings, context),
    preempt: yaml.preempt ?? true,
    advert_int: durationOf(yaml.advert_int) ?? seconds(1),
    ...given({ smtp_alert: yaml.smtp_alert, unicast, use_vmac: vmacOf(yaml.use_vmac) }),
    notify: readNotify(yaml.notify, ['notify'], commands),
    vips: buildVips(settings, context),
    routes: routesAt.map(({ line }) => line),
    rules: rulesAt.map(({ line }) => line),
    track: {
      interface: tracks(yaml.track?.interface),
      script: tracks(yaml.track?.script),
      file: tracks(yaml.track?.file),
      process: tracks(yaml.track?.process),
    },
    garp: garpOf(yaml.garp),
    raw: rawLines(yaml.raw),
  };
  return {
    intent,
    files: commands.files,
    settings,
    routesAt,
    rulesAt,
    literalSecret: secret?.literal ?? false,
    doubts,
  };
}

/** The required keys that no layer says; of those that are refused already nothing is said. */
function reportMissing(yaml: InstanceYaml, { problems, at, instance, router, doubts }: InstanceContext): string[] {
  const hints = {
    interface: 'interface: the one that the adverts go through',
    link: 'link: direct (a cable to the peer), switched, or routed',
    virtual_router_id: 'virtual_router_id: 1 to 255, the same on both members',
  };
  const missing = (['interface', 'link', 'virtual_router_id'] as const).filter((key) => yaml[key] == null);
  const unsaid = missing.filter((key) => !inDoubt(doubts, [key]));
  if (unsaid.length > 0) {
    problems.push({
      code: 'inventory-missing',
      severity: 'error',
      message: `${instance} on ${router} has no ${unsaid.join(', no ')}`,
      at,
      hint: unsaid.map((key) => hints[key]).join('; '),
    });
  }
  return missing;
}

/** The lines of a list that are for this router. Both members share one reading of a list that both have. */
function lines<Y extends object, T>(
  { merged, layers }: Stack<InstanceYaml>,
  key: 'vips' | 'routes' | 'rules',
  read: (list: readonly (string | Y)[], place: ListPlace) => Read<T>,
  { lists, problems, router, names, refused }: InstanceContext,
): readonly Placed<T>[] {
  const list = merged[key] as readonly (string | Y)[] | null | undefined;
  if (!list || list.length === 0) return [];
  let found = lists.get(list) as Read<T> | undefined;
  if (!found) {
    found = read(list, { ...placeOf(layers, [key]), refused });
    lists.set(list, found);
    problems.push(...found.problems);
    for (const { on, at } of found.lines) {
      if (on !== undefined && !names.includes(on)) problems.push(notAMember(on, names, at));
    }
  }
  return found.lines.some((line) => line.on !== undefined)
    ? found.lines.filter(({ on }) => on === undefined || on === router)
    : found.lines;
}

const notAMember = (word: string, names: readonly string[], at: Location) => ({
  code: 'unknown-name' as const,
  severity: 'error' as const,
  message: `"${word}" is no member of this pair`,
  at,
  hint: didYouMean(word, names) ?? `its members are ${names.join(' and ')}`,
});

/** Priority as said for this router, else 100 for the primary of this instance and 50 for the other. */
function priorityOf({ merged, layers }: Stack<InstanceYaml>, context: InstanceContext): number {
  const { names, problems, router } = context;
  if (merged.primary != null && !names.includes(merged.primary)) {
    problems.push(notAMember(merged.primary, names, locate(layers, ['primary'])));
  }
  const byRole = router === (merged.primary ?? names[0]) ? 100 : 50;
  const { priority } = merged;
  if (priority == null || typeof priority === 'number') return priority ?? byRole;
  for (const key of Object.keys(priority)) {
    if (names.includes(key)) continue;
    const { document, path } = placeOf(layers, ['priority', key]);
    problems.push(notAMember(key, names, document.keyAt(path)));
  }
  return ownValue(priority, router) ?? byRole;
}

/** A router may be called "constructor": only what the map itself says counts. */
const ownValue = <T>(map: Readonly<Record<string, T>>, router: string): T | undefined =>
  Object.hasOwn(map, router) ? map[router] : undefined;

function buildVips(settings: Stack<InstanceYaml>, context: InstanceContext): readonly VipIntent[] {
  const vips = lines(settings, 'vips', readVips, context);
  const { advertise } = settings.merged;
  if (!Array.isArray(advertise)) return vips.map(({ line, at }) => ({ line, at, advertised: true }));
  const named = new Set(advertise.map((text) => parseIp(text)!.text));
  for (const [index, text] of advertise.entries()) {
    if (vips.some(({ line }) => line.address.text === parseIp(text)!.text)) continue;
    const at = locate(settings.layers, ['advertise', index]);
    const hint = `its VIPs are ${vips
      .map(({ line }) => line.address.text)
      .slice(0, 8)
      .join(', ')}`;
    context.problems.push({
      code: 'unknown-name',
      severity: 'error',
      message: `${text} is no VIP of ${context.instance}`,
      at,
      hint,
    });
  }
  return vips.map(({ line, at }) => ({ line, at, advertised: named.has(line.address.text) }));
}

function buildUnicast(
  { merged, layers }: Stack<InstanceYaml>,
  device: string,
  family: 4 | 6,
  context: InstanceContext,
): VrrpIntent['unicast'] | undefined {
  const { unicast } = merged;
  if (unicast == null || unicast === false) return undefined;
  const { member, peer, problems } = context;
  const peerDevice = stack(context.peerLayers as readonly Layer<InstanceYaml>[]).merged.interface ?? device;
  const sideOf = (side: Member, on: string): Ip | undefined => {
    const said = typeof unicast === 'object' ? ownValue(unicast, side.name) : undefined;
    return said == null ? addressesOf(side, on, family)[0] : parseIp(said);
  };
  const [source, partner] = [sideOf(member, device), sideOf(peer, peerDevice)];
  if (source && partner) return { source: bare(source), peers: [bare(partner)] };
  const [who, on] = source ? [peer.name, peerDevice] : [member.name, device];
  problems.push({
    code: 'no-own-address',
    severity: 'error',
    message: `unicast needs an IPv${family} address of ${who} on ${on}`,
    at: locate(layers, ['unicast']),
    hint: `give ${on} of ${who} its address under interfaces:, or write unicast: { ${who}: ADDRESS }`,
  });
  return undefined;
}

const bare = ({ family, text }: Ip): Ip => ({ family, text });

/** The router's own address on a device: what VRRP sends from. IPv6 adverts come from a link-local one. */
export function ownAddress(member: Member, device: string, family: 4 | 6): IpPrefix | undefined {
  const addresses = addressesOf(member, device, family);
  return family === 4 ? addresses[0] : addresses.find(isLinkLocal);
}

const addressesOf = (member: Member, device: string, family: 4 | 6): readonly IpPrefix[] =>
  member.interfaces.find(({ name }) => name === device)?.addresses.filter((a) => a.family === family) ?? [];

function vmacOf(yaml: InstanceYaml['use_vmac']): VrrpIntent['use_vmac'] {
  if (yaml == null || yaml === false) return undefined;
  if (yaml === true) return { xmit_base: false };
  if (typeof yaml === 'string') return { name: yaml, xmit_base: false };
  return { ...given({ name: yaml.name }), xmit_base: yaml.xmit_base ?? false };
}

function garpOf(yaml: InstanceYaml['garp']): VrrpIntent['garp'] {
  if (yaml == null) return {};
  const { repeat, refresh_repeat, lower_prio_repeat } = yaml;
  const [delay, refresh, lower_prio_delay] = [yaml.delay, yaml.refresh, yaml.lower_prio_delay].map(durationOf);
  return given({ delay, repeat, refresh, refresh_repeat, lower_prio_delay, lower_prio_repeat });
}

const tracks = (list: TrackedYaml | null | undefined): readonly Track[] =>
  (list ?? []).map((item) =>
    typeof item === 'string'
      ? { name: item }
      : { name: item.name, ...given({ weight: item.weight, reverse: item.reverse }) },
  );
