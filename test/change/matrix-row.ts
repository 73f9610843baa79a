/** What the rows of the reload matrix are made of: pairs before and after an edit, and what is told of a row. */
import { ms } from '../../src/base/units.ts';
import type { ImpactClass } from '../../src/change/impact-model.ts';
import type { Config, Instance } from '../../src/keepalived/model.ts';
import { instance, route, vip } from './build.ts';
import { type FactParts, file, type Pair, PRIORITY, type RouterName } from './pair.ts';

export interface Row {
  readonly name: string;
  readonly pair: Pair;
  /** With 2.2.7, 2.4.3, tandemd. */
  readonly classes: readonly [ImpactClass, ImpactClass, ImpactClass];
  /** What a plan of real routers, or apply, says where it does not carry the row out. */
  readonly notCarriedOut?: NotCarriedOut;
  /** With 2.2.7. */
  readonly order: string;
  /** With 2.2.7: `0`, `1`, `<=2`. */
  readonly transitions: string;
  readonly rule: string;
}

/** Why apply does not carry a row out on real routers, and what 2.2.7 would do with it. */
interface NotCarriedOut {
  readonly ends: 'refused' | 'rolled-back';
  readonly says: RegExp;
  readonly harm: string;
}

type Parts = Partial<Instance> | ((router: RouterName) => Partial<Instance>);

const parts = (p: Parts, router: RouterName): Partial<Instance> => (typeof p === 'function' ? p(router) : p);

/** The same edit of VI_0 on both routers. */
export const edit = (before: Parts, after: Parts, facts: (router: RouterName) => FactParts = () => ({})): Pair => ({
  before: (router) => file(router, parts(before, router)),
  after: (router) => file(router, { ...parts(before, router), ...parts(after, router) }),
  facts,
});

export const files = (
  before: (r: RouterName) => Config,
  after: (r: RouterName) => Config,
  more: Partial<Pair> = {},
): Pair => ({
  before,
  after,
  ...more,
});

export const [first, second] = [vip('192.168.1.1/24'), vip('192.168.1.2/24')];
export const third = vip('192.168.1.3/24');
/** A leg without a base address: the first VIP is primary. */
export const bare = (router: RouterName): FactParts => {
  const at = { dev: 'p3p1', scope: 'global' } as const;
  const held = [
    { ...at, address: first.address, secondary: false },
    { ...at, address: second.address, secondary: true },
  ];
  return { addresses: router === 'A' ? held : [] };
};
export const promoting = (router: RouterName): FactParts => ({
  ...bare(router),
  sysctls: { 'net.ipv4.conf.p3p1.promote_secondaries': '1' },
});
export const v3 = { version: 3 } as const;
export const fast = { ...v3, advert_int: ms(100) };
export const many = (count: number, timers: Partial<Instance>): Pair => {
  const excluded = Array.from({ length: count }, (_, i) => vip(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}/32`));
  const routes = Array.from({ length: count }, (_, i) =>
    route(`172.${16 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}/32 via 10.1.1.9 dev p3p2`),
  );
  return edit(
    { ...timers, virtual_ipaddress_excluded: excluded, virtual_routes: routes },
    {
      virtual_ipaddress_excluded: [...excluded, vip('11.0.0.1/32')],
      virtual_routes: [...routes, route('11.1.0.0/16 via 10.1.1.9 dev p3p2')],
    },
  );
};
export const lan = (router: RouterName): Instance =>
  instance({
    name: 'VI_lan',
    virtual_router_id: 61,
    priority: PRIORITY[router],
    virtual_ipaddress: [vip('10.1.1.1/24 dev p3p2')],
  });
export const wan = (router: RouterName): Instance =>
  instance({
    name: 'VI_wan',
    virtual_router_id: 62,
    priority: PRIORITY[router],
    virtual_ipaddress: [vip('91.59.24.140/24 dev p1p2')],
  });
export const main = (router: RouterName): Instance => instance({ priority: PRIORITY[router] });
export const chk = { name: 'chk', script: { argv: ['/etc/keepalived/chk'] } };

export const LOST: NotCarriedOut = {
  ends: 'refused',
  says: /promote_secondaries 0/,
  harm: 'the other VIPs of the subnet are gone from both routers, for good',
};
