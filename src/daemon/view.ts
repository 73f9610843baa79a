/** The router's devices and addresses as the kernel's notices tell them, from a first look on. */
import type { Address } from '../linux/address.ts';
import type { KernelEvent, Snapshot } from '../linux/kernel.ts';
import type { Link } from '../linux/link.ts';
import { addressKey } from './things.ts';
import type { Surroundings } from './watching.ts';

export class View implements Surroundings {
  #links = new Map<number, Link>();
  /** By device and key, in the kernel's order. */
  #addresses = new Map<string, Map<string, Address>>();

  constructor(snapshot: Snapshot) {
    this.#reset(snapshot);
  }

  /** Whether it matters to anyone: devices are also told of when nothing of interest has changed. */
  apply(event: KernelEvent): boolean {
    switch (event.kind) {
      case 'link': {
        const { link } = event;
        const before = this.#links.get(link.index);
        this.#links.set(link.index, link);
        return before?.name !== link.name || before.up !== link.up || before.running !== link.running;
      }
      case 'link-gone':
        return this.#links.delete(event.link.index);
      case 'address':
        this.#add(event.address);
        return true;
      case 'address-gone':
        this.#addresses.get(event.address.dev)?.delete(addressKey(event.address));
        return true;
      case 'lost':
        this.#reset(event.snapshot);
        return true;
      default:
        return true;
    }
  }

  link(name: string): Link | undefined {
    for (const link of this.#links.values()) if (link.name === name) return link;
    return undefined;
  }

  links(): readonly Link[] {
    return [...this.#links.values()];
  }

  addresses(dev: string): readonly Address[] {
    return [...(this.#addresses.get(dev)?.values() ?? [])];
  }

  #reset({ links, addresses }: Snapshot): void {
    this.#links = new Map(links.map((link) => [link.index, link]));
    this.#addresses = new Map();
    for (const address of addresses) this.#add(address);
  }

  #add(address: Address): void {
    const ofDevice = this.#addresses.get(address.dev) ?? new Map<string, Address>();
    ofDevice.set(addressKey(address), address);
    this.#addresses.set(address.dev, ofDevice);
  }
}
