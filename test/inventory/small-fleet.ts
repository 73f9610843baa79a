/** A small fleet without a problem, and the form of the cases that put one in. */

/** Two routers, one pair, nothing wrong: each case replaces or adds files. */
export const BASE = {
  'inventory/all.yaml': `defaults:
  engine: keepalived
  vrrp: { version: 3, advert_int: 1s, preempt: false }
routers:
  a:
    interfaces:
      lan: 192.0.2.2/24
      wan: { address: 198.51.100.2/24, segment: transit }
      x: 10.255.0.1/30
  b:
    interfaces:
      lan: 192.0.2.3/24
      wan: { address: 198.51.100.3/24, segment: transit }
      x: 10.255.0.2/30
`,
};
export const MEMBERS = 'members: { primary: a, secondary: b }\n';
/** A pair of one instance on the LAN; `lines` are further settings of it. */
export const instance = (
  lines: string,
  { top = '', vips = 'vips: [192.0.2.1/24]', vrid = '51' } = {},
): Record<string, string> => ({
  'pairs/p.yaml': `${MEMBERS}${top}vrrp:
  VI:
    interface: lan
    link: switched
    virtual_router_id: ${vrid}
    ${vips}
${lines
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => `    ${line}\n`)
  .join('')}`,
});
export const SECOND = `  c:
    interfaces:
      lan: 192.0.2.2/24
      wan: { address: 198.51.100.4/24, segment: transit }
  d:
    interfaces:
      lan: 192.0.2.3/24
      wan: { address: 198.51.100.5/24, segment: transit }
`;
export const onWan = (members: string, vrid: string, vip: string, more = ''): string => `members: { ${members} }
vrrp:
  VI: { interface: wan, link: switched, virtual_router_id: ${vrid}, vips: [${vip}]${more} }
`;

export interface Case {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  /** A word that the message or its hint must have. */
  readonly says?: RegExp;
}
