/** A topology as batches of `ip`: the switch's, and for each node what it plugs in and what it configures. */
import type { CableEnd, LabNode, Leg, Topology } from './topology.ts';
import { cables, MANAGEMENT, outerEnd } from './topology.ts';

const bridgeOf = (leg: Leg): string => ('network' in leg.to ? leg.to.network : `cable-${leg.to.cable}`);

/** Run in the switch's namespace: one bridge a network, one a cable. Without STP and forward delay a port forwards at once. */
export function switchBatch(topology: Topology): string {
  const bridges = [...topology.networks, ...cables(topology).map((cable) => `cable-${cable.name}`)];
  return lines([
    'link set lo up',
    ...bridges.flatMap((bridge) => [
      `link add ${bridge} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`,
      `link set ${bridge} up`,
    ]),
    ...(topology.networks.includes(MANAGEMENT.network)
      ? [`address add ${MANAGEMENT.switchAddress} dev ${MANAGEMENT.network}`]
      : []),
  ]);
}

/**
 * Run in the switch's namespace by the node's first process, whose pid namespace makes it process 1: the near end
 * lands in the node. The MAC depends on the place in the topology only, so it is the same after a reboot.
 */
export function plugInBatch(topology: Topology, node: LabNode): string {
  return lines(
    node.legs.map((leg, index) => {
      const mac = `02:4c:00:00:${hex(topology.nodes.indexOf(node))}:${hex(index)}`;
      return `link add ${outerEnd(topology, node, leg)} type veth peer name ${leg.iface} address ${mac} netns 1`;
    }),
  );
}

/** Run in the switch's namespace once the node's own side is up: only then may a cable light up. */
export function attachBatch(topology: Topology, node: LabNode): string {
  return lines(node.legs.map((leg) => `link set ${outerEnd(topology, node, leg)} master ${bridgeOf(leg)}`));
}

/** Run in the node. */
export function nodeBatch(node: LabNode): string {
  return lines([
    'link set lo up',
    ...node.legs.flatMap((leg) => [
      ...leg.addresses.map((address) => `address add ${address} brd + dev ${leg.iface}`),
      `link set ${leg.iface} up`,
    ]),
    ...node.routing,
  ]);
}

/** `BRIDGE NAME END END KEY KEY` a line: what the cable keeper needs; a key names the file that says "unplugged". */
export function cableTable(topology: Topology): string {
  const end = ({ node, leg }: CableEnd): string => outerEnd(topology, node, leg);
  return lines(cables(topology).map(({ name, ends: [a, b] }) => `cable-${name} ${end(a)} ${end(b)}`));
}

export const masqueradeRules = (node: LabNode): string =>
  lines([
    'table ip lab {',
    ' chain postrouting {',
    '  type nat hook postrouting priority 100;',
    `  oifname { ${node.masquerade.join(', ')} } masquerade`,
    ' }',
    '}',
  ]);

const hex = (value: number): string => value.toString(16).padStart(2, '0');
const lines = (parts: readonly string[]): string => parts.map((part) => `${part}\n`).join('');
