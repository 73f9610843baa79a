/**
 * What the daemon wants of nf_tables: the reports of VMACs on another way, and for no_accept nothing for the VIPs
 * themselves. A VIP is refused whether we are MASTER or not: as BACKUP it is not ours, and nothing for it comes here.
 */
import { release } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import { acceptsPackets } from '../keepalived/defaults.ts';
import type { Config } from '../keepalived/model.ts';
import type { FirewallRule, Kernel } from '../linux/kernel.ts';
import type { Log } from './log.ts';
import type { Placement } from './vmac.ts';

const WITHOUT: Readonly<Record<FirewallRule['kind'], string>> = {
  reports: 'a switch that snoops may take a BACKUP for the MASTER for a second',
  refuse: 'what is sent to the VIPs of no_accept is taken',
};

export class Firewall {
  readonly #kernel: Kernel;
  readonly #log: Log;
  #rules: Readonly<Record<FirewallRule['kind'], readonly FirewallRule[]>> = { reports: [], refuse: [] };
  /** Before Linux 5.12 rules outlive a kill -9. */
  #stands = isBefore(release(), [5, 12]);

  constructor(kernel: Kernel, log: Log) {
    this.#kernel = kernel;
    this.#log = log;
  }

  /** All of a kind, in place of those before. Reports are set anew though they say the same: devices are numbers. */
  set(kind: FirewallRule['kind'], rules: readonly FirewallRule[]): void {
    if (kind === 'refuse' && isDeepStrictEqual(rules, this.#rules.refuse)) return;
    this.#rules = { ...this.#rules, [kind]: rules };
    const all = [...this.#rules.reports, ...this.#rules.refuse];
    // A kernel that was never asked for nf_tables need not have any.
    if (all.length === 0 && !this.#stands) return;
    try {
      this.#kernel.setFirewall(all);
      this.#stands = all.length > 0;
    } catch (error) {
      if (all.length > 0) this.#log('warning', `${(error as Error).message}: ${WITHOUT[kind]}`);
    }
  }
}

/** `6.1.0-28-amd64` */
export function isBefore(version: string, [major, minor]: readonly [number, number]): boolean {
  const [first = 0, second = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return first < major || (first === major && second < minor);
}

/** The VIPs of all instances that do not accept, on their devices. */
export function refusals({ global_defs, vrrp_instance }: Config, { lines }: Placement): readonly FirewallRule[] {
  return vrrp_instance
    .filter((instance) => !acceptsPackets(global_defs, instance))
    .flatMap(({ interface: primary, virtual_ipaddress = [], virtual_ipaddress_excluded = [] }) =>
      [...virtual_ipaddress, ...virtual_ipaddress_excluded].map((line): FirewallRule => {
        const dev = lines.get(line) ?? line.dev ?? primary ?? global_defs.default_interface ?? '';
        return { kind: 'refuse', dev, address: { family: line.address.family, text: line.address.text } };
      }),
    );
}
