/** What forbids an apply whatever is allowed, and what the user should know before it. */
import type { Problem } from '../base/problem.ts';
import { isAtLeast } from '../base/version.ts';
import type { Change } from '../change/change.ts';
import type { Impact } from '../change/impact-model.ts';
import type { EngineProcess, Observed } from '../change/observed.ts';
import { arpIgnore } from '../change/primary.ts';
import { KEYWORDS } from '../keepalived/keywords.ts';
import type { Instance } from '../keepalived/model.ts';
import { block } from './block.ts';
import { installBlocks, type Replacement, replacementOf } from './install.ts';
import { isKnown } from './live-file.ts';
import type { NodePlan } from './plan.ts';
import { addressesOf } from './proof.ts';
import type { Schedule } from './schedule.ts';

export interface GuardInput {
  readonly nodes: readonly NodePlan[];
  readonly impact: Impact | undefined;
  readonly schedule: Schedule | undefined;
}

/** Every reason at once; empty where the plan may be carried out. */
export function blocksOf({ nodes, impact, schedule }: GuardInput): Problem[] {
  const changes = (schedule?.moves.length ?? 1) > 0;
  const blocks = nodes.flatMap((node) => [...readingBlocks(node), ...daemonBlocks(node), ...installBlocks(node)]);
  if (!changes) return blocks;
  return [
    ...blocks,
    ...nodes.flatMap((node) => [...oldBlocks(node), ...interfaceBlocks(node), ...ownAddressBlocks(node)]),
    ...lossBlocks(impact),
    ...engineBlocks(nodes, impact),
    ...windowBlocks(nodes, schedule),
    ...roleBlocks(nodes),
  ];
}

function readingBlocks({ router, reading }: NodePlan): Problem[] {
  if (reading.kind === 'read') return [];
  return [
    block(
      'plan-unreachable',
      `${router} cannot be read: ${reading.reason}`,
      'a pair is changed only when both routers answer',
    ),
  ];
}

/** The first keepalived whose --config-test reads the interfaces and tells by its exit code (its issue 955). */
const CONFIG_TEST_SINCE = '2.0.7';

function daemonBlocks({ router, reading, desired }: NodePlan): Problem[] {
  if (reading.kind !== 'read') return [];
  const { daemon } = reading.observed;
  switch (daemon.kind) {
    case 'unknown':
      if (daemon.engines) return [twoEnginesBlock(router, daemon.engines)];
      return [
        block(
          'plan-daemon-unknown',
          `${router}: ${daemon.reason}`,
          'Tandem changes nothing that it does not understand',
        ),
      ];
    case 'absent':
      // tandemd is brought along; what stands against that is said in install.ts.
      if (desired.engine === 'tandemd') return [];
      return [
        block(
          'plan-daemon-absent',
          `keepalived is not installed on ${router}`,
          "install the distribution's keepalived package",
        ),
      ];
    case 'stopped':
    case 'running':
      if (desired.engine !== 'keepalived') return [];
      if (daemon.kind === 'stopped' && daemon.engine === 'keepalived') {
        const unit = unitBlock(router, reading.observed);
        if (unit) return [unit];
      }
      if (daemon.kind === 'running' && !isKnown(reading.observed)) {
        const what = `${router}: ${daemon.engine} runs without its file ${daemon.configPath}`;
        return [block('plan-daemon-unknown', `${what}, and does not tell what it loaded`, 'put the file back there')];
      }
      return [];
  }
}

/** Where nothing is to be changed such a keepalived is read like any other. */
function oldBlocks({ router, reading, desired }: NodePlan): Problem[] {
  if (reading.kind !== 'read' || desired.engine !== 'keepalived') return [];
  const { daemon } = reading.observed;
  if (!('engine' in daemon) || daemon.engine !== 'keepalived') return [];
  if (isAtLeast(daemon.version, CONFIG_TEST_SINCE)) return [];
  const message = `${router} has keepalived ${daemon.version}, whose --config-test cannot be relied on before ${CONFIG_TEST_SINCE}: Tandem only reads there`;
  return [block('plan-daemon-old', message)];
}

/** systemd would not start it. Of a change of engine the units are part: install.ts. */
function unitBlock(router: string, { system, install }: Observed): Problem | undefined {
  const name = 'keepalived.service';
  const unit = install?.units.find((each) => each.name === name);
  if (system.init !== 'systemd' || unit === undefined || !['masked', 'not-found'].includes(unit.load)) return undefined;
  return unit.load === 'masked'
    ? block('plan-unit-unusable', `${name} is masked on ${router}`, `\`systemctl unmask ${name}\` there`)
    : block('plan-unit-unusable', `${router} has no ${name}`, 'install one that starts the keepalived that is there');
}

/** keepalived and tandemd on one router. */
export function twoEnginesBlock(router: string, engines: readonly EngineProcess[]): Problem {
  const all = engines.map(({ engine, pid, unit }) => `${engine} ${pid}${unit === undefined ? '' : ` (${unit})`}`);
  return block(
    'plan-two-engines',
    `${router} runs ${all.join(' and ')} side by side, and both believe that the VIPs are theirs`,
    'stop the one that shall not run, and mask its unit',
  );
}

/** A missing interface would end the daemon and leave its VIPs behind: a permanent split. */
function interfaceBlocks({ router, reading, desired }: NodePlan): Problem[] {
  if (reading.kind !== 'read') return [];
  const present = reading.observed.interfaces.map((i) => i.name);
  const wanted = new Set(desired.config.vrrp_instance.flatMap(devicesOf));
  return [...wanted]
    .filter((dev) => !present.includes(dev))
    .map((dev) =>
      block(
        'plan-interface-absent',
        `${router} has no interface ${dev}`,
        `it has ${present.filter((p) => p !== 'lo').join(', ')}`,
      ),
    );
}

/** Every device that an instance names, but for one that it makes itself. */
export function devicesOf(instance: Instance): string[] {
  const vmac = instance.use_vmac?.name;
  const hops = (instance.virtual_routes ?? []).flatMap((route) => [
    route.dev,
    ...(route.nexthops ?? []).map((hop) => hop.dev),
  ]);
  const rules = (instance.virtual_rules ?? []).flatMap((rule) => [rule.iif, rule.oif]);
  const tracked = (instance.track_interface ?? []).map((track) => track.name);
  const named = [instance.interface, ...addressesOf(instance).map((a) => a.dev), ...hops, ...rules, ...tracked];
  return named.filter((dev): dev is string => dev !== undefined && dev !== vmac);
}

/** A VIP that the router has of its own would stand on both routers, whoever is MASTER. */
function ownAddressBlocks(node: NodePlan): Problem[] {
  const { router, reading, desired } = node;
  if (reading.kind !== 'read') return [];
  const { observed } = reading;
  const ownBy = new Map(observed.interfaces.flatMap((i) => i.configured.map((c) => [c.address.text, c.file] as const)));
  const strange = strangeAddresses(node, observed);
  // RFC 9568, 8.3.2: who has priority 255 owns the addresses.
  const vips = desired.config.vrrp_instance.filter(({ priority }) => priority !== 255).flatMap(addressesOf);
  return vips.flatMap(({ address: { text } }) => {
    const [file, dev] = [ownBy.get(text), strange.get(text)];
    if (file === undefined && dev === undefined) return [];
    const how = file === undefined ? `it stands on ${dev}, and not by VRRP` : `configured by ${file}`;
    const message = `VIP ${text} is an address of ${router} itself, ${how}`;
    return [block('plan-vip-is-own-address', message, 'take it out there, or choose another VIP')];
  });
}

/** Addresses by the device that they stand on, which the daemon that runs knows nothing of. */
function strangeAddresses({ running }: NodePlan, { daemon, addresses }: Observed): Map<string, string> {
  if (daemon.kind !== 'running' || running.vrrp_instance.length === 0) return new Map();
  const known = [...running.vrrp_instance.flatMap(addressesOf), ...running.static_ipaddress];
  const texts = new Set(known.map(({ address }) => address.text));
  return new Map(addresses.flatMap(({ address: { text }, dev }) => (texts.has(text) ? [] : [[text, dev] as const])));
}

/** Two engines agree about a file that both run; what changes with the engine, one of them would refuse or not know. */
function engineBlocks(nodes: readonly NodePlan[], impact: Impact | undefined): Problem[] {
  return nodes.flatMap((node) => {
    const { router, reading } = node;
    const replaces = replacementOf(node);
    if (reading.kind !== 'read' || !replaces) return [];
    const { daemon, system } = reading.observed;
    const beside = besideReplacement(node, replaces, impact);
    const blocks = beside === undefined ? [] : [beside];
    if (daemon.kind === 'running' && system.init === 'systemd' && daemon.unit === undefined) {
      blocks.push(
        block(
          'plan-engine',
          `${daemon.engine} on ${router} was started outside of its systemd unit, so how the next one is to be started is not known`,
          'start it by its unit first',
        ),
      );
    }
    return blocks;
  });
}

/** What would change together with the daemon of a router, there or on its peer. */
function besideReplacement(
  { router, desired }: NodePlan,
  { why, engine }: Replacement,
  impact: Impact | undefined,
): Problem | undefined {
  // A new build of the same engine may bring hot changes along.
  const borne = engine ? ['none'] : ['none', 'hot'];
  const others = (impact?.findings ?? []).filter(
    ({ change, class: severity }) => change && !borne.includes(severity) && !(engine && isOwn(change)),
  );
  const peer = others.find(({ apart }) => apart === 'bring-up')?.router;
  if (peer !== undefined) {
    const before = desired.engine === 'tandemd' ? 'keepalived' : 'tandemd';
    return block(
      'plan-engine',
      `${router} changes its daemon (${why}), and ${peer} runs none that could serve meanwhile`,
      engine
        ? `leave \`engine: ${before}\` until \`tandem apply --allow bring-up\` has started ${peer}`
        : `start the daemon of ${peer} first`,
    );
  }
  const other = others.find((each) => each.router === router) ?? others[0];
  if (other === undefined) return undefined;
  return block(
    'plan-engine',
    `${router} changes its daemon (${why}) and more at the same time: ${other.change!.text} on ${other.router}`,
    'one after the other: apply the one, then the other',
  );
}

/** A line behind @tandemd: it stands in the file before and after, and one of the two engines does not read it. */
const isOwn = ({ keyword }: Change): boolean => KEYWORDS.some(({ name, engine }) => name === keyword && engine);

/** keepalived would say MASTER and serve nothing, and neither a reload nor a way back brings the addresses again. */
function lossBlocks(impact: Impact | undefined): Problem[] {
  return (impact?.findings ?? []).flatMap(({ change, reason, hint }) => {
    if (!hint) return [];
    const setting = `net.ipv4.conf.${hint.dev}.promote_secondaries`;
    return [
      block(
        'plan-addresses-lost',
        `${hint.router}: with ${setting} 0, ${change?.text} takes other addresses along for good: ${reason}`,
        `\`sysctl -w ${setting}=1\` on ${hint.router} first, and they stay`,
      ),
    ];
  });
}

function windowBlocks(nodes: readonly NodePlan[], steps: Schedule | undefined): Problem[] {
  if (!steps?.moves.some((move) => move.kind === 'reload' && move.routers.length > 1)) return [];
  const roundTrip = Math.max(
    ...nodes.map((n) => (n.reading.kind === 'read' ? 2 * n.reading.observed.clock.uncertainty : 0)),
  );
  if (steps.window > roundTrip) return [];
  return [
    block(
      'plan-window-too-small',
      `both routers must be reloaded within ${Math.round(steps.window)} ms, and an answer takes ${Math.round(roundTrip)} ms`,
      'raise advert_int first, or make the change from a machine that is nearer to the routers',
    ),
  ];
}

/** A pair of which one cannot take over now is not changed: a mistake would have no second router to stand on. */
function roleBlocks(nodes: readonly NodePlan[]): Problem[] {
  if (nodes.some((n) => n.reading.kind !== 'read' || n.reading.observed.daemon.kind !== 'running')) return [];
  // What concerns the pair stands at both routers.
  const messages = new Set(nodes.flatMap((node) => node.drift.filter((d) => d.degrades).map((d) => d.message)));
  return [...messages].map((message) =>
    block('plan-degraded', message, 'mend the pair first; `tandem help plan-degraded` says how'),
  );
}

/** Of a router that runs nothing there is nothing to go back to: what apply starts there it would stop again. */
export const noWayBack = (nodes: readonly NodePlan[]): Problem[] =>
  nodes
    .filter(({ reading }) => reading.kind === 'read' && ['stopped', 'absent'].includes(reading.observed.daemon.kind))
    .map(({ router }) =>
      block('plan-no-way-back', `${router} runs no VRRP: the way back is to stop what apply would start there`),
    );

/** What should be known and forbids nothing. */
export function cautionsOf(nodes: readonly NodePlan[]): Problem[] {
  return nodes.flatMap((node) => {
    const { router, reading, desired } = node;
    if (reading.kind !== 'read') return [];
    const { daemon, system } = reading.observed;
    const cautions = sysctlCautions(node, reading.observed);
    if (daemon.kind === 'running' && daemon.unit === undefined && system.init === 'systemd') {
      cautions.push({
        code: 'plan-outside-unit',
        severity: 'warning',
        message: `${daemon.engine} on ${router} was started outside of its systemd unit: it is reloaded by SIGHUP`,
      });
    }
    if (system.init !== 'systemd' && replacementOf(node)?.engine) {
      cautions.push({
        code: 'plan-start-at-boot',
        severity: 'warning',
        message: `${router} has no systemd: that it starts ${desired.engine} at boot from now on is left to you`,
      });
    }
    return cautions;
  });
}

/** What the kernel is told to do would take the sense out of what it is given. */
function sysctlCautions({ router, desired }: NodePlan, observed: Observed): Problem[] {
  const { sysctls } = observed;
  const warning = (code: Problem['code'], message: string): Problem => ({ code, severity: 'warning', message });
  const instances = desired.config.vrrp_instance;
  const families = new Set(instances.flatMap((i) => (i.virtual_routes ?? []).map(({ to }) => to.family)));
  const forwarding = [
    [4, 'net.ipv4.ip_forward'],
    [6, 'net.ipv6.conf.all.forwarding'],
  ] as const;
  const devices = new Set(
    instances.flatMap((i) => addressesOf(i).flatMap((v) => (v.address.family === 4 ? [v.dev ?? i.interface] : []))),
  );
  return [
    ...forwarding
      .filter(([family, name]) => families.has(family) && sysctls[name] === '0')
      .map(([, name]) => warning('plan-not-forwarding', `${router} does not forward packets: ${name} is 0`)),
    ...[...devices]
      .filter((dev) => dev !== undefined && arpIgnore(observed, dev) >= ARP_NEVER)
      .map((dev) =>
        warning('plan-arp-ignored', `${router} answers nobody who asks for a VIP on ${dev}: arp_ignore is 8 there`),
      ),
  ];
}

/** `arp_ignore`: no local address is answered for (Documentation/networking/ip-sysctl). */
const ARP_NEVER = 8;
