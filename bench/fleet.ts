/** Writes a fleet of any size: branch offices that are all alike, with the same private addresses at each. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** VIPs an office: as many as the 20 that keepalived's early versions had as their limit. */
const VIPS = 20;

/** Writes inventory/ and pairs/ under `dir`; the same number of pairs gives the same bytes. */
export function generateFleet(dir: string, pairs: number): void {
  mkdirSync(join(dir, 'inventory'), { recursive: true });
  mkdirSync(join(dir, 'pairs'), { recursive: true });
  writeFileSync(join(dir, 'inventory', 'defaults.yaml'), DEFAULTS);
  writeFileSync(join(dir, 'inventory', 'groups.yaml'), `groups:\n${REGIONS.map(group).join('')}`);
  const names = Array.from({ length: pairs }, (_, index) => `office-${String(index + 1).padStart(5, '0')}`);
  const routers = names.flatMap((name, index) => [router(`${name}-a`, index, 2), router(`${name}-b`, index, 3)]);
  writeFileSync(join(dir, 'inventory', 'routers.yaml'), `routers:\n${routers.join('')}`);
  for (const [index, name] of names.entries()) writeFileSync(join(dir, 'pairs', `${name}.yaml`), pair(name, index));
}

const REGIONS = ['north', 'east', 'south', 'west'] as const;

const DEFAULTS = `defaults:
  engine: keepalived
  vrrp: { version: 3, advert_int: 1s, preempt: false }
  smtp: { server: 10.80.1.41, from: vrrp@example.net, to: [noc@example.net], connect_timeout: 30s }
  ssh: { user: root, host_keys: strict }
`;

const group = (region: string): string => `  ${region}:\n    labels: { region: ${region} }\n`;

const router = (name: string, index: number, host: number): string => `  ${name}:
    groups: [${REGIONS[index % REGIONS.length]}]
    interfaces:
      lan0: 192.168.1.${host}/24
      lan1: 10.1.1.${host}/24
      wan0: { address: 203.0.113.${host}/24 }
`;

function pair(name: string, index: number): string {
  const vips = Array.from({ length: VIPS }, (_, i) => {
    const [device, network] = i % 2 === 0 ? ['lan0', '192.168.1'] : ['lan1', '10.1.1'];
    return `      - ${network}.${100 + i}/24 brd ${network}.255 dev ${device} label ${device}:${100 + i}\n`;
  });
  return `# One branch office
members: { primary: ${name}-a, secondary: ${name}-b }
vrrp:
  LAN:
    interface: lan0
    link: switched
    virtual_router_id: 51
    smtp_alert: ${index % 3 === 0}
    vips:
${vips.join('')}    routes:
      - default via 203.0.113.1 dev wan0
      - { to: 198.51.100.0/24, via: 203.0.113.1, dev: wan0, table: 50 }
`;
}
