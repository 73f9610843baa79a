/** A router with two cables, and what a test wants to know of its VMACs. The namespace of the test is the router. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { after, beforeEach } from 'node:test';
import { ip, ipJson } from '../support/ip.ts';
import { inOwnNetwork } from '../support/namespace.ts';
import { sh } from '../support/shell.ts';
import { Place } from '../support/tandemd.ts';
import { until } from '../support/until.ts';

/** 0.1 s and version 3: MASTER after 0.36 s. */
export const conf = (lines: readonly string[], { globals = '', vips = ['10.0.0.1/24'] } = {}): string => `global_defs {
  vrrp_garp_master_delay 0
  vrrp_garp_master_repeat 1
  ${globals}
}
vrrp_instance VI_0 {
  interface eth0
  virtual_router_id 51
  priority 150
  advert_int 0.1
  version 3
  ${lines.join('\n  ')}
  virtual_ipaddress {
    ${vips.join('\n    ')}
  }
}
`;

/** The namespace of this process as the router from here on, with new cables for each test. */
export function beRouter(): Place {
  inOwnNetwork();
  sh('ip netns add far');
  beforeEach(layCables);
  const place = new Place();
  after(() => place[Symbol.dispose]());
  return place;
}

/** Two interfaces with a cable each to someone who says nothing; everything has the same MAC every time. */
export function layCable(i: 0 | 1): void {
  const name = `eth${i}`;
  ip('link', 'add', name, 'address', `02:00:00:00:00:0${i}`, 'type', 'veth', 'peer', name, 'netns', 'far');
  // The other end speaks no IPv6: what is heard there comes from here.
  sh(`ip netns exec far sh -c 'echo 1 >/proc/sys/net/ipv6/conf/${name}/disable_ipv6'`);
  sh(`echo 0 >/proc/sys/net/ipv6/conf/${name}/accept_dad`);
  ip('-n', 'far', 'link', 'set', name, 'up');
  ip('address', 'add', `10.${i}.0.11/24`, 'dev', name);
  ip('link', 'set', name, 'up');
}

/** Both, and nothing of the cables before them. */
export async function layCables(): Promise<void> {
  sh('for dev in eth0 eth1; do ip link delete $dev 2>/dev/null || :; done');
  sh('echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter');
  layCable(0);
  layCable(1);
  const hasLinkLocal = (dev: string): boolean => /fe80::(?!.*tentative)/.test(ip('-6', '-o', 'address', 'show', dev));
  await until(() => hasLinkLocal('eth0') && hasLinkLocal('eth1'), 'the link-local addresses');
}

export const macvlans = (): readonly Readonly<Record<string, unknown>>[] =>
  ipJson('link').filter(({ linkinfo }) => (linkinfo as { info_kind?: string } | undefined)?.info_kind === 'macvlan');
export const vmacs = (): readonly string[] => macvlans().map(({ ifname }) => String(ifname));
export const addressesOf = (dev: string): readonly string[] =>
  [...ip('-o', 'address', 'show', dev).matchAll(/inet6? (\S+)/g)].map((match) => match[1]!);
export const isOn = (address: string, dev: string) => (): boolean =>
  vmacs().includes(dev) && addressesOf(dev).includes(address);

/** What a device is told by `sysctl`; paths below /proc/sys/net. */
function settingsOf(dev: string): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const family of ['ipv4', 'ipv6']) {
    for (const key of readdirSync(`/proc/sys/net/${family}/conf/${dev}`)) {
      // A secret cannot be read, and we promote wherever there are VIPs.
      if (key === 'stable_secret' || (key === 'promote_secondaries' && dev.startsWith('eth'))) continue;
      found[`${family} ${key}`] = readFileSync(`/proc/sys/net/${family}/conf/${dev}/${key}`, 'utf8').trim();
    }
  }
  return found;
}

const SHARED = ['eth0', 'eth1', 'all', 'default'];
export const shared = () => Object.fromEntries(SHARED.map((dev) => [dev, settingsOf(dev)]));

/** All that both daemons should have made the same, but for whose it is. */
export function picture() {
  const links = macvlans().map(({ ifindex: _, ifalias: __, ...rest }) => rest);
  const routes = ip('route', 'show', 'table', 'all')
    .replaceAll(/ proto \S+/g, '')
    .split('\n')
    .sort();
  const addresses = ipJson('address').map(({ ifname, addr_info }) => ({
    ifname,
    addresses: (addr_info as Record<string, unknown>[]).map(({ protocol: _, ...rest }) => rest),
  }));
  return {
    links,
    addresses,
    routes,
    settings: { ...shared(), ...Object.fromEntries(vmacs().map((dev) => [dev, settingsOf(dev)])) },
  };
}

/** Frames from the virtual MACs, and advertisements and announcements from any. */
export class Capture implements AsyncDisposable {
  /** One a stream: a piece of one may end in the middle of a line. */
  readonly #texts: string[] = [];
  readonly #children: readonly ChildProcess[];

  constructor() {
    this.#children = ['eth0', 'eth1'].map((dev) => {
      const argv = ['netns', 'exec', 'far', 'tcpdump', '-Z', 'root', '-i', dev, '-Q', 'in', '-n', '-l', '-t', '-xx'];
      const child = spawn('ip', [...argv, '--immediate-mode'], { stdio: ['ignore', 'pipe', 'pipe'] });
      for (const stream of [child.stdout, child.stderr]) {
        const index = this.#texts.push('') - 1;
        stream.setEncoding('utf8').on('data', (chunk: string) => {
          this.#texts[index] += chunk;
        });
      }
      return child;
    });
  }

  static async start(): Promise<Capture> {
    const capture = new Capture();
    await until(() => capture.#texts.join().split('listening on').length === 3, 'tcpdump to listen');
    return capture;
  }

  frames(): ReadonlySet<string> {
    const blocks = this.#texts.flatMap((text) => text.split(/^\S.*$/m));
    const hexes = blocks.map((block) =>
      [...block.matchAll(/^\s+0x[0-9a-f]+:\s+(.*)$/gm)].map((row) => row[1]!.replaceAll(' ', '')).join(''),
    );
    return new Set(hexes.filter(isOfInterest).map(withoutId));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) {
      const ended = once(child, 'exit');
      child.kill('SIGINT');
      await ended;
    }
  }
}

export const isVirtual = (hex: string): boolean => hex.slice(12, 20) === '00005e00';
export const isAdvertisement = (hex: string): boolean => /^.{24}(0800.{18}70|86dd.{12}70)/.test(hex);
export const isAnnouncement = (hex: string): boolean => /^.{24}(0806|86dd.{12}3a.{66}88)/.test(hex);
const isOfInterest = (hex: string): boolean => isVirtual(hex) || isAdvertisement(hex) || isAnnouncement(hex);

/** IPv4: identification is bytes 18 and 19, the header's checksum 24 and 25. */
const withoutId = (hex: string): string =>
  hex.slice(24, 28) === '0800' ? `${hex.slice(0, 36)}----${hex.slice(40, 48)}----${hex.slice(52)}` : hex;

/** The device's number, as long as there is one. */
export const numberOf = (dev: string): number => Number(macvlans().find(({ ifname }) => ifname === dev)?.ifindex);
export const rules = (): string => execFileSync('nft', ['list', 'ruleset'], { encoding: 'utf8' });

/** keepalived in this namespace, with the place's file. */
export class Keepalived implements AsyncDisposable {
  readonly #child: ChildProcess;

  constructor(place: Place) {
    const files = ['-f', place.file('conf'), '-p', place.file('ka.pid'), '-r', place.file('kavrrp.pid')];
    const argv = ['-n', '-l', '-D', ...files];
    this.#child = spawn('keepalived', argv, { stdio: 'ignore' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await ended;
  }
}
