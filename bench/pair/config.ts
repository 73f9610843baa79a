/** The files of the benchmarks: one instance with so many VIPs and as many routes, the same for both daemons. */
import type { Family } from '../../src/base/address.ts';
import { type Beginning, LEG, speakerOf } from './network.ts';

export interface Timing {
  readonly name: string;
  readonly version: 2 | 3;
  readonly intervalMs: number;
}

export const TIMINGS = {
  slow: { name: 'v2, 1 s', version: 2, intervalMs: 1000 },
  fast: { name: 'v3, 0.1 s', version: 3, intervalMs: 100 },
} as const satisfies Readonly<Record<string, Timing>>;

export const VRID = 51;
/** So many are in the advertisements, the others, beyond what one can hold (255), in virtual_ipaddress_excluded. */
const ADVERTISED = 20;
/** What a list of IPv6 addresses has to begin with. RFC 9568 section 5.2.9. */
const LINK_LOCAL = 'fe80::64';

export interface FileOptions {
  readonly family: Family;
  readonly timing: Timing;
  readonly priority: number;
  readonly size: number;
  /** So many VIPs more, with one route each: excluded ones first, then advertised ones. */
  readonly more?: { readonly excluded: number; readonly advertised: number };
  /** It believes whoever is MASTER, whatever addresses are advertised: keepalived 2.2.7 would not. */
  readonly isBelieving?: boolean;
}

const PREFIXES = {
  4: { vip: '10.64.', route: '10.128.', bits: 32 },
  6: { vip: 'fd00:64::', route: 'fd00:80::', bits: 128 },
} as const;

export const vipAt = (family: Family, i: number): string => `${PREFIXES[family].vip}${host(family, i)}`;
const routeAt = (family: Family, i: number): string => `${PREFIXES[family].route}${host(family, i)}`;
const host = (family: Family, i: number): string =>
  family === 4 ? `${(i + 1) >> 8}.${(i + 1) & 0xff}` : (i + 1).toString(16);

/** What the advertisements of such a file name. */
export const advertisedBy = ({ family, size }: Pick<FileOptions, 'family' | 'size'>): readonly string[] => [
  ...(family === 6 ? [LINK_LOCAL] : []),
  ...Array.from({ length: Math.min(size, ADVERTISED) }, (_, i) => vipAt(family, i)),
];

export const vips = (family: Family): Beginning => ({ family, beginning: PREFIXES[family].vip });
export const routes = (family: Family): Beginning => ({ family, beginning: PREFIXES[family].route });

/** Every VIP is announced five times, as by default, but not once more after 5 s, which would fall anywhere. */
export function fileOf({ family, timing, priority, size, more, isBelieving }: FileOptions): string {
  const { bits } = PREFIXES[family];
  const all = size + (more?.excluded ?? 0) + (more?.advertised ?? 0);
  const lines = Array.from({ length: all }, (_, i) => `${vipAt(family, i)}/${bits} dev ${LEG}`);
  const late = size + (more?.excluded ?? 0);
  const first = family === 6 ? [`${LINK_LOCAL}/128 dev ${LEG}`] : [];
  const advertised = [...first, ...lines.slice(0, Math.min(size, ADVERTISED)), ...lines.slice(late)];
  const excluded = lines.slice(Math.min(size, ADVERTISED), late);
  const ways = Array.from({ length: all }, (_, i) => {
    return `${routeAt(family, i)}/${bits} via ${speakerOf('far', family)} dev ${LEG}`;
  });
  return `global_defs {
    vrrp_garp_master_delay 0
${isBelieving ? '    vrrp_skip_check_adv_addr\n' : ''}}
vrrp_instance VI_0 {
    state BACKUP
    interface ${LEG}
    virtual_router_id ${VRID}
    priority ${priority}
    version ${timing.version}
    advert_int ${timing.intervalMs / 1000}
${block('virtual_ipaddress', advertised)}${block('virtual_ipaddress_excluded', excluded)}${block('virtual_routes', ways)}}
`;
}

const block = (keyword: string, lines: readonly string[]): string =>
  lines.length === 0 ? '' : `    ${keyword} {\n${lines.map((line) => `        ${line}\n`).join('')}    }\n`;
