/**
 * What a lab consists of, as data: networks (bridges of the lab's switch), cables (two ends, no switch to be seen),
 * and nodes with their legs. `core` is the pair of the seed; `bare` the same pair with LAN legs that have no address.
 */

export interface Leg {
  /** The interface's name inside the node. */
  readonly iface: string;
  /** A network of the topology, or a cable that joins exactly two legs. */
  readonly to: { readonly network: string } | { readonly cable: string };
  /** Base addresses with prefix length. */
  readonly addresses: readonly string[];
}

export interface LabNode {
  readonly name: string;
  /** A router has a file system, an init and SSH of its own; a host shares the machine's files. */
  readonly kind: 'router' | 'host';
  readonly legs: readonly Leg[];
  /** `ip` commands after the addresses, without the word `ip`: routes, rules. */
  readonly routing: readonly string[];
  /** Interfaces behind which a router hides what it forwards (masquerading). */
  readonly masquerade: readonly string[];
}

export interface Topology {
  readonly name: string;
  readonly networks: readonly string[];
  readonly nodes: readonly LabNode[];
}

/** The network on which each router's SSH is reached; the switch itself has an address in it. */
export const MANAGEMENT = { network: 'mgmt', iface: 'mgmt0', switchAddress: '172.31.255.1/24' } as const;

const GATEWAYS = { wan1: '78.123.65.1', wan2: '91.59.24.131' } as const;

function router(number: 1 | 2, options: { readonly lanAddresses: boolean }): LabNode {
  const lan = (address: string): readonly string[] => (options.lanAddresses ? [address] : []);
  return {
    name: `rtr-core0${number}`,
    kind: 'router',
    legs: [
      { iface: 'p1p1', to: { network: 'wan1' }, addresses: [`78.123.65.${1 + number}/24`] },
      { iface: 'p1p2', to: { network: 'wan2' }, addresses: [`91.59.24.${131 + number}/24`] },
      { iface: 'p3p1', to: { network: 'lan1' }, addresses: lan(`192.168.1.${10 + number}/24`) },
      { iface: 'p3p2', to: { network: 'lan2' }, addresses: lan(`10.1.1.${10 + number}/24`) },
      { iface: 'p4p1', to: { cable: 'sync' }, addresses: [`10.255.0.${number}/30`] },
      { iface: MANAGEMENT.iface, to: { network: MANAGEMENT.network }, addresses: [`172.31.255.${10 + number}/24`] },
    ],
    routing: [`route add default via ${GATEWAYS.wan1}`],
    masquerade: ['p1p1', 'p1p2'],
  };
}

/** Talks through the pair: its gateways are the pair's VIPs, one on each LAN. */
const client: LabNode = {
  name: 'client',
  kind: 'host',
  legs: [
    { iface: 'lan1', to: { network: 'lan1' }, addresses: ['192.168.1.50/24'] },
    { iface: 'lan2', to: { network: 'lan2' }, addresses: ['10.1.1.50/24'] },
  ],
  routing: [
    'route add default via 192.168.1.1',
    'route add default via 10.1.1.1 table 2',
    'rule add from 10.1.1.50 lookup 2',
  ],
  masquerade: [],
};

/** Both WAN gateways, and behind them the addresses that the seed's virtual routes lead to. */
const server: LabNode = {
  name: 'server',
  kind: 'host',
  legs: [
    { iface: 'wan1', to: { network: 'wan1' }, addresses: [`${GATEWAYS.wan1}/24`] },
    { iface: 'wan2', to: { network: 'wan2' }, addresses: [`${GATEWAYS.wan2}/24`] },
  ],
  routing: [
    'address add 198.51.100.10/32 dev lo',
    'address add 158.209.0.99/32 dev lo',
    'address add 193.166.0.10/32 dev lo',
  ],
  masquerade: [],
};

function pair(name: string, options: { readonly lanAddresses: boolean }): Topology {
  return {
    name,
    networks: ['lan1', 'lan2', 'wan1', 'wan2', MANAGEMENT.network],
    nodes: [router(1, options), router(2, options), client, server],
  };
}

export const TOPOLOGIES: Readonly<Record<'core' | 'bare', Topology>> = {
  core: pair('core', { lanAddresses: true }),
  bare: pair('bare', { lanAddresses: false }),
};

export function nodeNamed(topology: Topology, name: string): LabNode {
  const node = topology.nodes.find((candidate) => candidate.name === name);
  if (node === undefined) {
    throw new Error(`no node ${name} in this lab; there are ${topology.nodes.map((each) => each.name).join(', ')}`);
  }
  return node;
}

export function routers(topology: Topology): readonly LabNode[] {
  return topology.nodes.filter((node) => node.kind === 'router');
}

export function legNamed(node: LabNode, iface: string): Leg {
  const leg = node.legs.find((candidate) => candidate.iface === iface);
  if (leg === undefined) {
    throw new Error(`no interface ${iface} on ${node.name}; it has ${node.legs.map((each) => each.iface).join(', ')}`);
  }
  return leg;
}

/** The far side of a leg as the switch names it: `n0-p4p1` is node 0's p4p1. At most 15 characters (IFNAMSIZ). */
export function outerEnd(topology: Topology, node: LabNode, leg: Leg): string {
  return `n${topology.nodes.indexOf(node)}-${leg.iface}`;
}

export interface CableEnd {
  readonly node: LabNode;
  readonly leg: Leg;
}

export interface Cable {
  readonly name: string;
  readonly ends: readonly [CableEnd, CableEnd];
}

export function cables(topology: Topology): readonly Cable[] {
  const byName = new Map<string, CableEnd[]>();
  for (const node of topology.nodes) {
    for (const leg of node.legs) {
      if ('cable' in leg.to) byName.set(leg.to.cable, [...(byName.get(leg.to.cable) ?? []), { node, leg }]);
    }
  }
  return [...byName].map(([name, ends]) => {
    const [first, second, ...more] = ends;
    if (first === undefined || second === undefined || more.length > 0) {
      throw new Error(`cable ${name} of topology ${topology.name} has ${ends.length} ends; a cable has two`);
    }
    return { name, ends: [first, second] };
  });
}

/** Every end that goes dark together with this one: both of a cable, only itself on a network. */
export function endsSharedWith(topology: Topology, node: LabNode, leg: Leg): readonly CableEnd[] {
  const { to } = leg;
  if ('network' in to) return [{ node, leg }];
  const cable = cables(topology).find((candidate) => candidate.name === to.cable);
  return cable?.ends ?? [{ node, leg }];
}

export function managementAddress(node: LabNode): string {
  const address = legNamed(node, MANAGEMENT.iface).addresses[0];
  if (address === undefined) throw new Error(`${node.name} has no management address`);
  return address.slice(0, address.indexOf('/'));
}
