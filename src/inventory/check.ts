/** What one instance on one router may not say, or should not: refusals and warnings at their places. */
import { contains, formatIpPrefix, type Ip, type IpPrefix, isLinkLocal, networkOf } from '../base/address.ts';
import type { Location, Problem, Severity } from '../base/problem.ts';
import { didYouMean } from '../base/suggest.ts';
import { seconds } from '../base/units.ts';
import type { Findings } from '../keepalived/check.ts';
import { checkRoute, checkRule } from '../keepalived/check-lines.ts';
import type { RouteLine } from '../keepalived/model.ts';
import { isPrintable } from '../keepalived/quote.ts';
import { inDoubt } from './doubts.ts';
import { type BuiltInstance, ownAddress } from './instance.ts';
import { locate } from './layers.ts';
import type { Interface, Member, VipIntent } from './model.ts';
import { checkTrackers } from './trackers.ts';
import type { Path } from './yaml.ts';

/** One instance on one router, and where its problems go. */
interface Checking {
  readonly built: BuiltInstance;
  readonly member: Member;
  readonly problems: Problem[];
}

export function checkInstance(built: BuiltInstance, member: Member, problems: Problem[]): void {
  const checking = { built, member, problems };
  checkLink(checking);
  checkVersion(checking);
  checkAuthentication(checking);
  checkVips(checking);
  checkDevices(checking);
  checkPreemption(checking);
  checkTrackers(built, member, problems);
}

/** The most addresses that one advert can carry within an MTU of 1500: 255 by the count's octet, 89 of IPv6 by size. */
export const VIPS_MAX = { 4: 255, 6: 89 } as const;
const AUTH_BYTES_MAX = 8;

function checkLink(checking: Checking): void {
  const { built, member } = checking;
  const { interface: device, link, source, unicast, family } = built.intent;
  const known = knownInterface(checking, device, () => place(built, ['interface']));
  if (!known || link !== 'direct' || source !== 'own' || unicast || ownAddress(member, device, family)) return;
  const which = family === 4 ? 'no IPv4 address' : 'no link-local IPv6 address';
  refuse(checking, 'no-own-address', ['interface'], {
    message: `${member.name} has ${which} on ${device}: a direct link pins it as the source of the adverts`,
    hint: `give ${device} of ${member.name} its address under interfaces:, or write source: kernel`,
  });
}

function checkVersion(checking: Checking): void {
  const { version, family, advert_int } = checking.built.intent;
  if (family === 6 && version === 2) {
    const hint = 'write version: 3 in this instance';
    refuse(checking, 'version-and-family', ['version'], { message: 'VRRP version 2 knows no IPv6', hint });
  }
  const unit = version === 2 ? 1000 : 10;
  const max = version === 2 ? 255_000 : 40_950;
  if (advert_int >= unit && advert_int <= max && advert_int % unit === 0) return;
  refuse(checking, 'advert-int-version', ['advert_int'], {
    message: `VRRP version ${version} cannot carry this advert_int`,
    hint:
      version === 2
        ? 'version 2 carries whole seconds, 1s to 255s; version 3 goes down to 10ms'
        : 'version 3 carries 10ms to 40.95s in steps of 10ms',
  });
}

function checkAuthentication(checking: Checking): void {
  const { auth_pass, version } = checking.built.intent;
  if (auth_pass === undefined) return;
  if (version === 3) {
    refuse(checking, 'auth-version', ['auth_pass'], {
      message: 'VRRP version 3 has no authentication; keepalived would ignore auth_pass',
      hint: 'remove it with auth_pass: null, or write version: 2',
    });
  }
  const bytes = new TextEncoder().encode(auth_pass).length;
  if (bytes > AUTH_BYTES_MAX) {
    refuse(checking, 'auth-too-long', ['auth_pass'], {
      message: `auth_pass has ${bytes} bytes; VRRP carries ${AUTH_BYTES_MAX} and keepalived cuts off the rest`,
      hint: `use at most ${AUTH_BYTES_MAX} bytes`,
    });
  }
  if (!isPrintable(auth_pass)) {
    refuse(checking, 'text-unprintable', ['auth_pass'], {
      message: 'auth_pass holds what keepalived.conf cannot carry: a double quote, a control character, ${_',
      hint: 'choose a password without it; there is no way to escape it',
    });
  }
  if (checking.built.literalSecret) {
    const hint = `write \${env:NAME} or \${file:PATH}`;
    const at = place(checking.built, ['auth_pass']);
    add(checking, 'warning', 'auth-literal', at, { message: 'the password stands in the tree in the clear', hint });
  }
}

function checkVips(checking: Checking): void {
  const { intent, settings } = checking.built;
  const { vips, family, version, name } = intent;
  const { vips: said, advertise } = settings.merged;
  const none = (said?.length ?? 0) === 0;
  const known = !inDoubt(checking.built.doubts, ['version', 'family', 'vips', 'advertise']);
  if (known && version === 3 && (none || (Array.isArray(advertise) && advertise.length === 0))) {
    const at = none ? intent.at : place(checking.built, ['advertise']);
    add(checking, 'error', 'inventory-missing', at, { message: `${name} advertises no VIP; version 3 needs one` });
  }
  const advertised = vips.filter((vip) => vip.advertised);
  if (advertised.length > VIPS_MAX[family]) {
    refuse(checking, 'too-many-vips', ['vips'], {
      message: `${name} advertises ${advertised.length} VIPs; one advert carries ${VIPS_MAX[family]}`,
      hint: 'name the ones to advertise: advertise: [ADDRESS, ...]; the rest are held all the same',
    });
  }
  const first = advertised[0];
  if (family === 6 && first?.line.address.family === 6 && !isLinkLocal(first.line.address)) {
    const message = 'the first VIP of an IPv6 instance should be link-local';
    add(checking, 'warning', 'link-local-first', first.at, { message, hint: 'put one like fe80::1/64 first' });
  }
  for (const vip of vips) checkVip(checking, vip);
}

function checkVip(checking: Checking, { line, advertised, at }: VipIntent): void {
  const { family, interface: primary } = checking.built.intent;
  const device = line.dev ?? primary;
  if (advertised && line.address.family !== family) {
    add(checking, 'error', 'family-mixed', at, {
      message: `an IPv${line.address.family} address in the adverts of an IPv${family} instance`,
      hint: `make an instance of its own with family: ipv${line.address.family}`,
    });
  }
  if (line.label !== undefined && line.label !== device && !line.label.startsWith(`${device}:`)) {
    const message = `the label ${line.label} does not start with its device ${device}`;
    add(checking, 'warning', 'label-without-device', at, { message, hint: `write ${device}:NAME` });
  }
  if (isNoHost(line.address)) {
    const message = `${line.address.text} is no address that a host can have`;
    add(checking, 'error', 'bad-address', at, { message });
  }
  checkOwner(checking, line.address, at);
  const known =
    line.dev === undefined
      ? checking.member.interfaces.find(({ name }) => name === device)
      : knownInterface(checking, device, () => at);
  if (known) checkNetwork(checking, line.address, known, at);
}

/** Unspecified, multicast, limited broadcast: the kernel takes some of them, and nobody could answer for them. */
const isNoHost = ({ family, text }: Ip): boolean =>
  family === 6 ? text === '::' || /^ff/i.test(text) : /^(0|22[4-9]|23\d|255\.255\.255\.255$)/.test(text);

/** The priority of the router whose own address a VIP is (RFC 9568 section 5.2.4). */
const OWNER_PRIORITY = 255;

/** A router that is not the owner keeps its own address while the other one, as MASTER, serves it too. */
function checkOwner(checking: Checking, vip: Ip, at: Location): void {
  const { member, built } = checking;
  if (built.intent.priority === OWNER_PRIORITY) return;
  const device = member.interfaces.find(({ addresses }) => addresses.some(({ text }) => text === vip.text));
  if (!device) return;
  add(checking, 'error', 'vip-duplicate', at, {
    message: `VIP ${vip.text} is the own address of ${member.name} on ${device.name}: both routers would answer for it`,
    hint: `use an address that no router has; only with priority ${OWNER_PRIORITY} may a router's own address be a VIP`,
  });
}

function checkNetwork(checking: Checking, address: IpPrefix, device: Interface, at: Location): void {
  // Every IPv6 interface has a link-local address: where it has no other its network is not known.
  const networks = device.addresses.filter((a) => a.family === address.family && !isLinkLocal(a));
  if (networks.length === 0 || isLinkLocal(address) || networks.some((n) => contains(n, address))) return;
  const own = networks.map(formatIpPrefix).join(', ');
  const shown = networks.map((n) => `${networkOf(n)}/${n.prefix}`).join(', ');
  add(checking, 'warning', 'vip-outside-subnet', at, {
    message: "the VIP is not in its interface's network",
    label: `${device.name} on ${checking.member.name} is ${own} (${device.at.file}:${device.at.line})`,
    hint: `use an address of ${shown}, or name another dev`,
  });
}

/** Every interface that routes, rules and trackers name. */
function checkDevices(checking: Checking): void {
  const { routesAt, rulesAt, intent } = checking.built;
  for (const { line, at } of routesAt) {
    checkDestination(checking, line.to, at);
    checkRoute(line, 'virtual', findingsAt(at, checking.problems));
    for (const device of [line.dev, ...(line.nexthops ?? []).map(({ dev }) => dev)])
      checkDevice(checking, device, line, at);
  }
  for (const { line, at } of rulesAt) {
    for (const device of [line.iif, line.oif]) checkDevice(checking, device, line, at);
    checkRule(line, 'virtual', findingsAt(at, checking.problems));
  }
  for (const [index, { name }] of intent.track.interface.entries()) {
    knownInterface(checking, name, () => place(checking.built, ['track', 'interface', index]));
  }
}

/** What the language's own checks find, where the YAML has the line. */
const findingsAt = (at: Location, problems: Problem[]): Findings => ({
  at: () => at,
  says: () => false,
  add: (code, _line, _key, message, { severity = 'error', ...extra } = {}) =>
    problems.push({ code, severity, at, message, ...extra }),
});

/** keepalived takes such a route, and the kernel refuses it: it would never be served. */
function checkDestination(checking: Checking, to: RouteLine['to'], at: Location): void {
  if ('default' in to) return;
  const network = networkOf(to);
  if (network === to.text) return;
  const message = `${formatIpPrefix(to)} is no network: the address has bits beyond its prefix`;
  add(checking, 'error', 'bad-address', at, { message, hint: `write ${network}/${to.prefix}, or ${to.text}` });
}

/** keepalived tracks the device of a route or a rule, which silently undoes dont_track_primary on that device. */
function checkDevice(
  checking: Checking,
  device: string | undefined,
  line: { readonly no_track?: true },
  at: Location,
): void {
  if (device === undefined) return;
  knownInterface(checking, device, () => at);
  const { link, interface: primary } = checking.built.intent;
  if (link !== 'direct' || device !== primary || line.no_track) return;
  add(checking, 'warning', 'direct-link-tracked', at, {
    message: `keepalived tracks ${device} because of this line: when the cable goes dark, the router that is left faults`,
    hint: 'add no_track to the line',
  });
}

/** keepalived's own limit on preempt_delay. */
const PREEMPT_DELAY_MAX = seconds(1000);

function checkPreemption(checking: Checking): void {
  const { state, preempt, preempt_delay } = checking.built.intent;
  if (state === 'MASTER' && !preempt) {
    const message = 'state: MASTER makes keepalived ignore preempt: false';
    refuse(checking, 'state-clears-nopreempt', ['state'], { message, hint: 'leave state out' });
  }
  if (preempt_delay !== undefined && preempt_delay > PREEMPT_DELAY_MAX) {
    refuse(checking, 'bad-duration', ['preempt_delay'], { message: 'preempt_delay is 1000s at the most' });
  }
}

/** The interface, or a problem where it is none of this router's. */
function knownInterface(checking: Checking, device: string, at: () => Location): Interface | undefined {
  const { name, interfaces } = checking.member;
  const { use_vmac, virtual_router_id } = checking.built.intent;
  const found = interfaces.find((i) => i.name === device);
  const vmac = use_vmac && (use_vmac.name ?? `vrrp.${virtual_router_id}`);
  if (found || device === 'lo' || device === vmac) return found;
  const meant = didYouMean(
    device,
    interfaces.map((i) => i.name),
  );
  add(checking, 'error', 'unknown-interface', at(), {
    message: `${name} has no interface ${device}`,
    hint: meant ?? `name it under interfaces: of ${name}; {} where it has no address`,
  });
  return undefined;
}

const place = (built: BuiltInstance, path: Path): Location => locate(built.settings.layers, path);

type Words = Pick<Problem, 'message' | 'hint' | 'label'>;

/** An error where a setting stands. */
function refuse(checking: Checking, code: Problem['code'], path: Path, words: Words): void {
  add(checking, 'error', code, place(checking.built, path), words);
}

function add({ problems }: Checking, severity: Severity, code: Problem['code'], at: Location, words: Words): void {
  problems.push({ code, severity, at, ...words });
}
