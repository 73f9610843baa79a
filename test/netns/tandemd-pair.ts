/** A lab's two routers, each with tandemd or the real keepalived, and what a test wants to know of them. */
import assert from 'node:assert/strict';
import { Lab } from '../../src/lab/lab.ts';
import { onPath } from '../../src/lab/machine.ts';
import type { LinkEvent, Watch } from '../../src/lab/observe.ts';
import { waitFor } from '../../src/lab/process.ts';
import { startTandemd, stopTandemd, tandemdLog } from '../../src/lab/tandemd.ts';
import { labPossible } from '../lab/possible.ts';

export const [A, B] = ['rtr-core01', 'rtr-core02'] as const;
export type RouterName = typeof A | typeof B;
export type Engine = 'tandemd' | 'keepalived';

/** What `skip` of a test wants: why there can be no such pair here, or false. */
export const pairImpossible = async (): Promise<string | false> =>
  (await labPossible()) || (onPath('keepalived') ? false : 'keepalived is not installed (npm run setup)');

/** A lab whose LAN legs have IPv6 as well, with their link-local addresses in place. */
export async function upWithIpv6(): Promise<Lab> {
  const lab = await Lab.up({ init: 'small' });
  try {
    await Promise.all([A, B].map((router) => enableIpv6(lab, router)));
    return lab;
  } catch (cause) {
    await lab.down();
    throw cause;
  }
}

/** keepalived 2.2.7 does not send to link-local unicast peers: it knows no scope for them. */
export const IPV6: Readonly<Record<RouterName, string>> = { [A]: '2001:db8:1::11', [B]: '2001:db8:1::12' };

async function enableIpv6(lab: Lab, router: RouterName): Promise<void> {
  // Off and on: a link-local address that is being tested goes on being tested for a second or two, and nobody who has
  // to send from it hears anything until then.
  const settings =
    'cd /proc/sys/net/ipv6/conf/p3p1 && echo 1 >disable_ipv6 && echo 0 >accept_dad && echo 0 >disable_ipv6';
  const script = `${settings} && ip address add ${IPV6[router]}/64 dev p3p1 nodad`;
  await lab.must(router, ['sh', '-c', script]);
  const usable = async () =>
    /fe80::(?!.*tentative)/.test(await lab.must(router, ['ip', '-6', '-o', 'address', 'show', 'p3p1']));
  await waitFor(usable, { what: `${router} to have a link-local address`, timeoutMs: 20_000 });
}

export const start = (lab: Lab, router: RouterName, engine: Engine, text: string): Promise<void> =>
  engine === 'tandemd' ? startTandemd(lab, router, text) : lab.startKeepalived(router, text);

export const stop = (lab: Lab, router: RouterName, engine: Engine): Promise<void> =>
  engine === 'tandemd' ? stopTandemd(lab, router) : lab.stopKeepalived(router);

export const logOf = (lab: Lab, router: RouterName, engine: Engine): Promise<string> =>
  engine === 'tandemd' ? tandemdLog(lab, router) : lab.keepalivedLog(router);

/** The states that a daemon logged, in order: both say them in the same words. */
export async function states(lab: Lab, router: RouterName, engine: Engine): Promise<readonly string[]> {
  const log = await logOf(lab, router, engine);
  return [...log.matchAll(/\(VI_0\) Entering (\w+) STATE/g)].map((match) => match[1]!);
}

export interface Holding {
  readonly from: number;
  readonly to: number;
}

/** When a router held an address, from its own kernel's notices: milliseconds since 1970. */
export function holdings(events: readonly LinkEvent[], address: string): readonly Holding[] {
  const found: { from: number; to: number }[] = [];
  for (const event of events) {
    if (event.kind !== 'address' || event.address !== address) continue;
    const last = found.at(-1);
    if (event.present && (last === undefined || last.to !== Number.POSITIVE_INFINITY)) {
      found.push({ from: event.at, to: Number.POSITIVE_INFINITY });
    } else if (!event.present && last !== undefined) last.to = Math.min(last.to, event.at);
  }
  return found;
}

/** The longest time that both held it at once. */
export function longestOverlap(one: readonly Holding[], other: readonly Holding[]): number {
  const overlaps = one.flatMap((a) => other.map((b) => Math.min(a.to, b.to) - Math.max(a.from, b.from)));
  return Math.max(0, ...overlaps);
}

export async function holds(watch: Watch<LinkEvent>, address: string, what: string): Promise<number> {
  await waitFor(() => isHeld(watch, address), { what, timeoutMs: 30_000, everyMs: 10 });
  return holdings(watch.events, address).at(-1)!.from;
}

export async function letsGo(watch: Watch<LinkEvent>, address: string, what: string): Promise<number> {
  await waitFor(() => !isHeld(watch, address), { what, timeoutMs: 30_000, everyMs: 10 });
  return holdings(watch.events, address).at(-1)!.to;
}

const isHeld = (watch: Watch<LinkEvent>, address: string): boolean =>
  holdings(watch.events, address).at(-1)?.to === Number.POSITIVE_INFINITY;

export function assertBelow(value: number, limit: number, what: string): void {
  assert.ok(value <= limit, `${what}: ${value.toFixed(1)} ms, at most ${limit.toFixed(1)} ms`);
}
