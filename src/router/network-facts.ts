/** The kernel's network as `ip -j` prints it, checked and in the house's words. */
import { z } from 'zod';
import { type IpPrefix, parseIpPrefix } from '../base/address.ts';
import type { AddressFact, InterfaceFact, RouteFact, RuleFact } from '../change/observed.ts';

/** Fields that are not named here are of no consequence; iproute2 adds some with every release. */
const links = z.array(
  z.object({
    ifindex: z.int(),
    ifname: z.string(),
    flags: z.array(z.string()),
    mtu: z.int(),
    address: z.string().optional(),
    addr_info: z.array(
      z.object({
        local: z.string().optional(),
        prefixlen: z.int().optional(),
        broadcast: z.string().optional(),
        scope: z.string().optional(),
        label: z.string().optional(),
        secondary: z.boolean().optional(),
      }),
    ),
  }),
);

const word = z.union([z.string(), z.number()]).transform(String);

const routes = z.array(
  z.object({
    type: word.optional(),
    dst: z.string(),
    gateway: z.string().optional(),
    via: z.object({ host: z.string() }).optional(),
    dev: z.string().optional(),
    table: word.optional(),
    protocol: word.optional(),
    scope: word.optional(),
    prefsrc: z.string().optional(),
    metric: z.int().optional(),
  }),
);

const rules = z.array(
  z.object({
    priority: z.int(),
    src: z.string().optional(),
    srclen: z.int().optional(),
    dst: z.string().optional(),
    dstlen: z.int().optional(),
    table: word.optional(),
    iif: z.string().optional(),
    oif: z.string().optional(),
    fwmark: word.optional(),
    fwmask: word.optional(),
  }),
);

/** rtnetlink's protocol number for keepalived; older iproute2 does not know its name. */
const keepalivedProtocol = '18';

export interface Links {
  readonly interfaces: readonly Omit<InterfaceFact, 'managedBy' | 'configured'>[];
  readonly addresses: readonly AddressFact[];
}

/** `ip -j address show`. Throws where the text is not that. */
export function parseLinks(text: string): Links {
  const interfaces: Omit<InterfaceFact, 'managedBy' | 'configured'>[] = [];
  const addresses: AddressFact[] = [];
  for (const link of links.parse(JSON.parse(text))) {
    const up = link.flags.includes('UP');
    interfaces.push({
      name: link.ifname,
      index: link.ifindex,
      up,
      carrier: up && !link.flags.includes('NO-CARRIER'),
      mtu: link.mtu,
      mac: link.address ?? '',
    });
    for (const info of link.addr_info) {
      const address = parseIpPrefix(`${info.local}/${info.prefixlen}`);
      if (address === undefined) continue;
      addresses.push({
        address,
        dev: link.ifname,
        // The kernel's label is the device's name where nobody gave one.
        ...(info.label === undefined || info.label === link.ifname ? {} : { label: info.label }),
        ...(info.broadcast === undefined ? {} : { broadcast: info.broadcast }),
        scope: info.scope ?? 'global',
        secondary: info.secondary === true,
      });
    }
  }
  return { interfaces, addresses };
}

/** `ip -j -4 route show table all`: what iproute2 leaves out is the kernel's default. */
export function parseRoutes(text: string, family: 4 | 6): RouteFact[] {
  return routes.parse(JSON.parse(text || '[]')).map((route) => {
    const via = route.gateway ?? route.via?.host;
    return {
      family,
      to: route.dst,
      ...(route.type === undefined ? {} : { type: route.type }),
      ...(via === undefined ? {} : { via }),
      ...(route.dev === undefined ? {} : { dev: route.dev }),
      table: route.table ?? 'main',
      protocol: route.protocol === keepalivedProtocol ? 'keepalived' : (route.protocol ?? 'boot'),
      ...(route.prefsrc === undefined ? {} : { src: route.prefsrc }),
      ...(route.metric === undefined ? {} : { metric: route.metric }),
      ...(route.scope === undefined ? {} : { scope: route.scope }),
    };
  });
}

/** `ip -j rule show`. */
export function parseRules(text: string, family: 4 | 6): RuleFact[] {
  return rules.parse(JSON.parse(text || '[]')).map((rule) => {
    const mark = rule.fwmask === undefined ? rule.fwmark : `${rule.fwmark}/${rule.fwmask}`;
    return {
      family,
      priority: rule.priority,
      from: prefixed(rule.src ?? 'all', rule.srclen),
      ...(rule.dst === undefined ? {} : { to: prefixed(rule.dst, rule.dstlen) }),
      ...(rule.table === undefined ? {} : { table: rule.table }),
      ...(rule.iif === undefined ? {} : { iif: rule.iif }),
      ...(rule.oif === undefined ? {} : { oif: rule.oif }),
      ...(mark === undefined ? {} : { fwmark: mark }),
    };
  });
}

const prefixed = (address: string, length: number | undefined) =>
  length === undefined ? address : `${address}/${length}`;

/** `ipv4/conf/bond0.91/arp_ignore:0` a line, as `net.ipv4.conf.bond0.91.arp_ignore`: a device's dots stay. */
export function parseSysctls(text: string): Record<string, string> {
  const sysctls: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const colon = line.lastIndexOf(':');
    if (colon > 0) sysctls[`net.${line.slice(0, colon).replaceAll('/', '.')}`] = line.slice(colon + 1);
  }
  return sysctls;
}

/** An address of a configuration file: with a prefix, or with what stands beside it. */
export function parseConfigured(address: string, mask?: string): IpPrefix | undefined {
  if (address.includes('/') || mask === undefined || mask === '') return parseIpPrefix(address);
  return parseIpPrefix(`${address}/${mask.includes('.') ? maskLength(mask) : mask}`);
}

/** 255.255.255.0 is 24. */
function maskLength(mask: string): number {
  const bits = mask
    .split('.')
    .map((octet) => Number(octet).toString(2).padStart(8, '0'))
    .join('');
  return /^1*0*$/.test(bits) ? bits.replace(/0+$/, '').length : Number.NaN;
}
