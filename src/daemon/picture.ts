/**
 * The IPv4 addresses of the devices by subnet, in the kernel's order: the first of a subnet is its primary address, the
 * others are its secondaries. When a primary goes the kernel takes the routes of its secondaries away and makes them
 * again (promote_secondaries), or takes the secondaries along; and with a device's last address go all its IPv4 routes.
 * IPv6 knows nothing of this: its addresses are passed over.
 */
import { networkBits } from '../base/address.ts';
import type { Address } from '../linux/address.ts';
import { addressKey } from './things.ts';

export class Picture {
  readonly #subnets = new Map<string, Map<string, Address>>();
  readonly #counts = new Map<string, number>();

  constructor(addresses: Iterable<Address> = []) {
    for (const address of addresses) this.add(address);
  }

  /** One that is there already keeps its place. */
  add(address: Address): void {
    if (address.address.family === 6) return;
    const key = subnetKey(address);
    const members = this.#subnets.get(key) ?? new Map<string, Address>();
    const before = members.size;
    this.#subnets.set(key, members.set(addressKey(address), address));
    this.#count(address.dev, members.size - before);
  }

  delete(address: Address): void {
    const key = subnetKey(address);
    const members = this.#subnets.get(key);
    if (!members?.delete(addressKey(address))) return;
    if (members.size === 0) this.#subnets.delete(key);
    this.#count(address.dev, -1);
  }

  /** The addresses of its subnet on its device, itself among them where it is there. */
  subnet(address: Address): readonly Address[] {
    return [...(this.#subnets.get(subnetKey(address))?.values() ?? [])];
  }

  primary(address: Address): Address | undefined {
    return this.#subnets.get(subnetKey(address))?.values().next().value;
  }

  /** How many a device has. */
  count(dev: string): number {
    return this.#counts.get(dev) ?? 0;
  }

  #count(dev: string, by: number): void {
    this.#counts.set(dev, this.count(dev) + by);
  }
}

/** Of a point-to-point address it is the other end that has the subnet. */
export function subnetKey({ dev, address, peer }: Address): string {
  const there = peer ?? address;
  return `${dev} ${networkBits(there)}/${there.prefix}`;
}
