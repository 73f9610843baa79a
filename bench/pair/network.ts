/**
 * The wires of a benchmark, in a network of its own: `far` is a bridge in this namespace, where the prober lives; the
 * router under test and its backup have namespaces of their own, with one leg, `lan`, each.
 */
import { execFileSync } from 'node:child_process';
import type { Family } from '../../src/base/address.ts';
import { waitFor } from '../../src/lab/process.ts';

export type Router = 'router' | 'backup';
type Host = Router | 'far';

/** The leg that the VIPs are on. */
export const LEG = 'lan';
export const FAR = 'far';
const HOSTS = { far: 1, router: 2, backup: 3 } as const;

export const macOf = (host: Host): readonly number[] => [2, 0, 0, 0, 0, HOSTS[host]];
export const addressOf = (host: Host, family: Family): string =>
  family === 4 ? `10.99.0.${HOSTS[host]}` : `fd00:99::${HOSTS[host]}`;
/** What adverts come from: of IPv6 the link-local address. */
export const speakerOf = (host: Host, family: Family): string =>
  family === 4 ? addressOf(host, 4) : `fe80::${HOSTS[host]}`;

/** Both routers, their legs up and with addresses. */
export async function layNetwork(): Promise<void> {
  ip('link', 'add', FAR, 'address', mac('far'), 'type', 'bridge', 'mcast_snooping', '0');
  setUp('far', FAR, []);
  for (const router of ['router', 'backup'] as const) {
    ip('netns', 'add', router);
    ip('link', 'add', `to-${router}`, 'type', 'veth', 'peer', 'name', LEG, 'address', mac(router), 'netns', router);
    ip('link', 'set', `to-${router}`, 'master', FAR, 'addrgenmode', 'none', 'up');
    setUp(router, LEG, ['-n', router]);
    set(router, { 'ipv4/ip_forward': 1, 'ipv6/conf/all/forwarding': 1, 'ipv4/conf/all/rp_filter': 0 });
  }
  const up = (): boolean => ['router', 'backup'].every((n) => ip('-n', n, 'link', 'show', LEG).includes('LOWER_UP'));
  await waitFor(up, { what: 'the legs', timeoutMs: 5_000 });
}

function setUp(host: Host, device: string, where: readonly string[]): void {
  ip(...where, 'link', 'set', device, 'addrgenmode', 'none', 'up');
  const addresses = [`${addressOf(host, 4)}/24`, `${addressOf(host, 6)}/64`, `${speakerOf(host, 6)}/64`];
  for (const address of addresses) {
    const noWait = address.includes(':') ? ['nodad'] : [];
    ip(...where, 'address', 'add', address, 'dev', device, ...noWait);
  }
}

/** Settings below /proc/sys/net of a router. */
export function set(router: Router, settings: Readonly<Record<string, number>>): void {
  const lines = Object.entries(settings).map(([path, value]) => `echo ${value} >/proc/sys/net/${path}`);
  execFileSync('ip', ['netns', 'exec', router, 'sh', '-ec', lines.join('\n')]);
}

const mac = (host: Host): string =>
  macOf(host)
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join(':');

export const farIndex = (): number => Number(ip('-o', 'link', 'show', FAR).split(':')[0]);

/** 10,000 addresses with all that `ip` says about them. */
const OUTPUT_MAX = 16 * 1024 * 1024;

export const ip = (...argv: readonly string[]): string =>
  execFileSync('ip', argv, { encoding: 'utf8', maxBuffer: OUTPUT_MAX });

/** How many addresses of this beginning stand on a router. */
export function countAddresses(router: Router, { family, beginning }: Beginning): number {
  return count(ip('-n', router, `-${family}`, '-o', 'address', 'show', 'dev', LEG), ` ${beginning}`);
}

export function countRoutes(router: Router, { family, beginning }: Beginning): number {
  return count(ip('-n', router, `-${family}`, 'route', 'show'), beginning);
}

export interface Beginning {
  readonly family: Family;
  readonly beginning: string;
}

const count = (text: string, part: string): number => text.split('\n').filter((line) => line.includes(part)).length;
