/** What iproute2 shows of everything, to compare what two daemons have made of one file. */
import { ipJson } from './ip.ts';

export interface Shown {
  /** In the kernel's order: the first of a subnet is its primary one. */
  readonly addresses: readonly Entry[];
  /** In the order of their text. */
  readonly routes: readonly string[];
  readonly rules: readonly Entry[];
}
type Entry = Readonly<Record<string, unknown>>;

/** All but for lo, protocol numbers and what counts down. */
export const shown = (): Shown => ({
  addresses: ipJson('addr', 'show')
    .filter(({ ifname }) => ifname !== 'lo')
    .flatMap(({ ifname, addr_info }) => (addr_info as Entry[]).map((entry) => ({ ifname, ...still(entry) }))),
  routes: [4, 6]
    .flatMap((family) => ipJson(`-${family}`, 'route', 'show', 'table', 'all'))
    .map((entry) => JSON.stringify(still(entry)))
    .sort(),
  rules: [4, 6].flatMap((family) => ipJson(`-${family}`, 'rule', 'show')).map(still),
});

function still({ protocol, preferred_life_time, expires, ...entry }: Entry): Entry {
  const lifetime = preferred_life_time as number | undefined;
  const counting = lifetime !== undefined && lifetime > 0 && lifetime < 0xffff_ffff;
  return {
    ...entry,
    ...(lifetime !== undefined && { lifetime: counting ? 'counting' : lifetime }),
    expires: expires !== undefined,
  };
}
