/** What a built instance and a built pair may not say, or should not: refusals and warnings at their places. */
import { contains, formatIpPrefix, type IpPrefix, networkOf } from '../base/address.ts';
import type { Location, Problem } from '../base/problem.ts';
import { didYouMean } from '../base/suggest.ts';
import { seconds } from '../base/units.ts';
import type { Track } from '../keepalived/model.ts';
import { isPrintable } from '../keepalived/quote.ts';
import { type BuiltInstance, isLinkLocal, ownAddress } from './instance.ts';
import { locate } from './layers.ts';
import type { Interface, Member, Pair, VipIntent, VrrpIntent } from './model.ts';
import type { Path, YamlDocument } from './yaml.ts';

/** One instance on one router. */
export function checkInstance(built: BuiltInstance, member: Member, problems: Problem[]): void {
  const check = new InstanceCheck(built, member, problems);
  check.interface();
  check.version();
  check.authentication();
  check.vips();
  check.devices();
  check.trackers();
  check.preemption();
}

/** The most addresses that one advert can carry within an MTU of 1500: 255 by the count's octet, 89 of IPv6 by size. */
export const VIPS_MAX = { 4: 255, 6: 89 } as const;
const AUTH_BYTES_MAX = 8;

class InstanceCheck {
  readonly #built: BuiltInstance;
  readonly #intent: VrrpIntent;
  readonly #member: Member;
  readonly #interfaces: ReadonlyMap<string, Interface>;
  readonly #problems: Problem[];

  constructor(built: BuiltInstance, member: Member, problems: Problem[]) {
    this.#built = built;
    this.#intent = built.intent;
    this.#member = member;
    this.#interfaces = new Map(member.interfaces.map((i) => [i.name, i]));
    this.#problems = problems;
  }

  interface(): void {
    const { interface: device, link, source, unicast, family } = this.#intent;
    this.#known(device, () => this.#at(['interface']));
    if (link !== 'direct' || source !== 'own' || unicast || !this.#interfaces.has(device)) return;
    if (ownAddress(this.#member, device, family)) return;
    const which = family === 4 ? 'an IPv4 address' : 'a link-local IPv6 address';
    this.#error(
      'no-own-address',
      `${this.#member.name} has not ${which} on ${device}, which a direct link pins as the source of its adverts`,
      ['interface'],
      {
        hint: `give ${device} of ${this.#member.name} its address under interfaces:, or write source: kernel`,
      },
    );
  }

  version(): void {
    const { version, family, advert_int } = this.#intent;
    if (family === 6 && version === 2) {
      this.#error('version-and-family', 'VRRP version 2 knows no IPv6', ['version'], {
        hint: 'write version: 3 in this instance',
      });
    }
    const unit = version === 2 ? 1000 : 10;
    const max = version === 2 ? 255_000 : 40_950;
    if (advert_int >= unit && advert_int <= max && advert_int % unit === 0) return;
    const hint =
      version === 2
        ? 'version 2 carries whole seconds, 1s to 255s; version 3 goes down to 10ms'
        : 'version 3 carries 10ms to 40.95s in steps of 10ms';
    this.#error('advert-int-version', `VRRP version ${version} cannot carry this advert_int`, ['advert_int'], { hint });
  }

  authentication(): void {
    const { auth_pass, version } = this.#intent;
    if (auth_pass === undefined) return;
    if (version === 3) {
      this.#error(
        'auth-version',
        'VRRP version 3 has no authentication; keepalived would ignore auth_pass',
        ['auth_pass'],
        {
          hint: 'remove it with auth_pass: null, or write version: 2',
        },
      );
    }
    const bytes = new TextEncoder().encode(auth_pass).length;
    if (bytes > AUTH_BYTES_MAX) {
      this.#error(
        'auth-too-long',
        `auth_pass has ${bytes} bytes; VRRP carries ${AUTH_BYTES_MAX} and keepalived cuts the rest in silence`,
        ['auth_pass'],
        {
          hint: `use at most ${AUTH_BYTES_MAX} bytes`,
        },
      );
    }
    if (!isPrintable(auth_pass)) {
      this.#error(
        'text-unprintable',
        'auth_pass holds what keepalived.conf cannot carry: a double quote, a control character, ${_',
        ['auth_pass'],
        {
          hint: 'keepalived.conf cannot carry such a character in any form',
        },
      );
    }
    if (this.#built.literalSecret) {
      this.#warn('auth-literal', 'the password stands in the tree in the clear', ['auth_pass'], {
        hint: `write \${env:NAME} or \${file:PATH}`,
      });
    }
  }

  vips(): void {
    const { vips, family, version, name } = this.#intent;
    const advertised = vips.filter((vip) => vip.advertised);
    const { vips: said, advertise } = this.#built.settings.merged;
    const none = (said?.length ?? 0) === 0;
    if (version === 3 && (none || (Array.isArray(advertise) && advertise.length === 0))) {
      const at = none ? this.#intent.at : this.#at(['advertise']);
      this.#push('error', 'inventory-missing', `${name} advertises no VIP; version 3 needs one`, at, {});
    }
    if (advertised.length > VIPS_MAX[family]) {
      this.#error(
        'too-many-vips',
        `${name} advertises ${advertised.length} VIPs; one advert carries ${VIPS_MAX[family]}`,
        ['vips'],
        {
          hint: 'name the ones to advertise: advertise: [ADDRESS, ...]; the rest are held all the same',
        },
      );
    }
    const first = advertised[0];
    if (family === 6 && first && first.line.address.family === 6 && !isLinkLocal(first.line.address)) {
      this.#push('warning', 'link-local-first', 'the first VIP of an IPv6 instance should be link-local', first.at, {
        hint: 'put one like fe80::1/64 first',
      });
    }
    for (const vip of vips) this.#vip(vip);
  }

  #vip({ line, advertised, at }: VipIntent): void {
    const { family } = this.#intent;
    const device = line.dev ?? this.#intent.interface;
    if (advertised && line.address.family !== family) {
      this.#push(
        'error',
        'family-mixed',
        `an IPv${line.address.family} address in the adverts of an IPv${family} instance`,
        at,
        {
          hint:
            line.address.family === 6
              ? 'make an instance of its own with family: ipv6'
              : 'make an instance of its own with family: ipv4',
        },
      );
    }
    if (line.label !== undefined && line.label !== device && !line.label.startsWith(`${device}:`)) {
      this.#push(
        'warning',
        'label-without-device',
        `the label ${line.label} does not start with its device ${device}`,
        at,
        { hint: `write ${device}:NAME` },
      );
    }
    const known = line.dev === undefined ? this.#interfaces.get(device) : this.#known(device, () => at);
    if (known) this.#insideNetwork(line.address, known, at);
  }

  #insideNetwork(address: IpPrefix, device: Interface, at: Location): void {
    const networks = device.addresses.filter((a) => a.family === address.family);
    if (networks.length === 0 || isLinkLocal(address) || networks.some((network) => contains(network, address))) return;
    const shown = networks.map((n) => `${networkOf(n)}/${n.prefix}`).join(', ');
    this.#push('warning', 'vip-outside-subnet', "the VIP is not in its interface's network", at, {
      label: `${device.name} on ${this.#member.name} is ${networks.map(formatIpPrefix).join(', ')} (${device.at.file}:${device.at.line})`,
      hint: `use an address of ${shown}, or name another dev`,
    });
  }

  devices(): void {
    for (const { line, at } of this.#built.routesAt) {
      for (const dev of [line.dev, ...(line.nexthops ?? []).map((hop) => hop.dev)])
        if (dev !== undefined) this.#device(dev, line, at);
    }
    for (const { line, at } of this.#built.rulesAt) {
      for (const dev of [line.iif, line.oif]) if (dev !== undefined) this.#device(dev, line, at);
    }
    for (const [index, { name }] of this.#intent.track.interface.entries())
      this.#known(name, () => this.#at(['track', 'interface', index]));
  }

  /** keepalived tracks the device of a route or a rule, which silently undoes dont_track_primary on that device. */
  #device(device: string, line: { readonly no_track?: true }, at: Location): void {
    this.#known(device, () => at);
    const { link, interface: primary } = this.#intent;
    if (link !== 'direct' || device !== primary || line.no_track) return;
    this.#problems.push({
      code: 'direct-link-tracked',
      severity: 'warning',
      message: `keepalived tracks ${device} because of this line: when the cable goes dark, the router that is left faults`,
      at,
      hint: 'add no_track to the line, or leave out its device',
    });
  }

  trackers(): void {
    const { track, preempt } = this.#intent;
    const defined = {
      script: new Map(this.#member.scripts.map((s) => [s.name, s.weight])),
      file: new Map(this.#member.track_files.map((f) => [f.name, f.weight ?? 1])),
      process: new Map(this.#member.track_processes.map((p) => [p.name, p.weight])),
    };
    for (const kind of ['script', 'file', 'process'] as const) {
      for (const [index, { name }] of track[kind].entries()) {
        if (defined[kind].has(name)) continue;
        const hint =
          didYouMean(name, defined[kind].keys()) ??
          `define it under ${kind === 'script' ? 'scripts' : `track_${kind === 'file' ? 'files' : 'processes'}`}:`;
        this.#error('unknown-name', `there is no ${kind} "${name}" on ${this.#member.name}`, ['track', kind, index], {
          hint,
        });
      }
    }
    if (preempt) return;
    for (const kind of ['interface', 'script', 'file', 'process'] as const) {
      for (const [index, item] of track[kind].entries()) {
        if (weightOf(kind, item, this.#member) === 0) continue;
        this.#error(
          'weight-never-acts',
          `the weight of ${item.name} never acts while preempt is false`,
          ['track', kind, index],
          {
            hint: `${kind === 'file' ? 'say weight: 0' : 'leave the weight out'} (then its failure means FAULT), or write preempt: true`,
          },
        );
      }
    }
  }

  preemption(): void {
    const { state, preempt, preempt_delay } = this.#intent;
    if (state === 'MASTER' && !preempt) {
      this.#error('state-clears-nopreempt', 'state: MASTER makes keepalived ignore preempt: false', ['state'], {
        hint: 'leave state out',
      });
    }
    if (preempt_delay !== undefined && preempt_delay > seconds(1000)) {
      this.#error('bad-duration', 'preempt_delay is 1000s at the most', ['preempt_delay'], {});
    }
  }

  /** The interface, or a problem where it is none of this router's. */
  #known(device: string, at: () => Location): Interface | undefined {
    const found = this.#interfaces.get(device);
    const { use_vmac, virtual_router_id } = this.#intent;
    const vmac = use_vmac && (use_vmac.name ?? `vrrp.${virtual_router_id}`);
    if (found || device === 'lo' || device === vmac) return found;
    this.#push('error', 'unknown-interface', `${this.#member.name} has no interface ${device}`, at(), {
      hint:
        didYouMean(device, this.#interfaces.keys()) ??
        `name it under interfaces: of ${this.#member.name}; {} where it has no address`,
    });
    return undefined;
  }

  #at(path: Path): Location {
    return locate(this.#built.settings.layers, path);
  }

  #error(code: Problem['code'], message: string, path: Path, more: More): void {
    this.#push('error', code, message, more.at ?? this.#at(path), more);
  }

  #warn(code: Problem['code'], message: string, path: Path, more: More): void {
    this.#push('warning', code, message, this.#at(path), more);
  }

  #push(
    severity: Problem['severity'],
    code: Problem['code'],
    message: string,
    at: Location,
    { hint, label }: More,
  ): void {
    this.#problems.push({ code, severity, message, at, ...(hint && { hint }), ...(label && { label }) });
  }
}

interface More {
  readonly hint?: string;
  readonly label?: string;
  readonly at?: Location | undefined;
}

/** The weight that a tracker has here: its own, else its definition's; 0 means that its failure is a FAULT. */
function weightOf(kind: keyof VrrpIntent['track'], item: Track, member: Member): number {
  if (item.weight !== undefined) return item.weight;
  switch (kind) {
    case 'interface':
      return 0;
    case 'script':
      return member.scripts.find((s) => s.name === item.name)?.weight ?? 0;
    case 'file':
      return member.track_files.find((f) => f.name === item.name)?.weight ?? 1;
    case 'process':
      return member.track_processes.find((p) => p.name === item.name)?.weight ?? 0;
  }
}

/** Both members of a pair together. */
export function checkPair(
  pair: Pair,
  instances: readonly (readonly [BuiltInstance, BuiltInstance])[],
  document: YamlDocument,
  problems: Problem[],
): void {
  for (const [first, second] of instances) checkWeights(pair, first, second, problems);
  const links = instances.map(([first]) => first);
  if (links.length > 0 && !pair.acceptDualMaster && links.every(({ intent }) => intent.link === 'direct')) {
    problems.push({
      code: 'single-heartbeat',
      severity: 'warning',
      message:
        'all VRRP of this pair runs over a direct cable: if only the cable is cut, both routers become MASTER until it is back',
      at: locate(links[0]!.settings.layers, ['link']),
      hint: 'run VRRP over the LAN as well, or say accept_dual_master: true',
    });
  }
  checkSyncGroups(pair, document, problems);
}

/** All weights of the higher router together cannot bring it below the other: they do nothing. */
function checkWeights(pair: Pair, first: BuiltInstance, second: BuiltInstance, problems: Problem[]): void {
  const [a, b] = [first.intent, second.intent];
  const [high, low, member] = a.priority >= b.priority ? [first, b, pair.members[0]] : [second, a, pair.members[1]];
  if (!high.intent.preempt) return;
  const kinds = ['interface', 'script', 'file', 'process'] as const;
  const weights = kinds.flatMap((kind) =>
    high.intent.track[kind].map((item) => ({ kind, item, weight: weightOf(kind, item, member) })),
  );
  // A file's value multiplies its weight: it can turn any order.
  if (weights.some(({ kind, weight }) => kind === 'file' && weight !== 0)) return;
  const sum = weights.reduce((total, { weight }) => total + Math.abs(weight), 0);
  const distance = high.intent.priority - low.priority;
  const one = weights.find(({ weight }) => weight !== 0);
  if (!one || sum > distance) return;
  problems.push({
    code: 'weight-never-turns',
    severity: 'warning',
    message: `the weights come to ${sum}, the priorities are ${distance} apart: the order never turns`,
    at: locate(high.settings.layers, ['track', one.kind, high.intent.track[one.kind].indexOf(one.item)]),
    hint: `a weight of ${distance + 1} or more turns it`,
  });
}

function checkSyncGroups(pair: Pair, document: YamlDocument, problems: Problem[]): void {
  for (const member of pair.members) {
    const names = new Set(member.instances.map(({ name }) => name));
    const groupOf = new Map<string, Location>();
    for (const group of member.sync_groups) {
      for (const [index, name] of group.members.entries()) {
        const at = document.at(['sync_groups', group.name, 'members', index]);
        const first = groupOf.get(name);
        if (first) {
          const related = [{ at: first, message: 'it is a member here first' }];
          const message = `${name} is in sync groups twice; an instance is in one`;
          problems.push({ code: 'defined-twice', severity: 'error', message, at, related });
        }
        groupOf.set(name, at);
        if (names.has(name)) continue;
        const hint = didYouMean(name, names) ?? `its instances are ${[...names].join(', ')}`;
        problems.push({
          code: 'unknown-name',
          severity: 'error',
          message: `this pair has no instance "${name}"`,
          at,
          hint,
        });
      }
    }
  }
}
