/**
 * The virtual routers' own devices in the kernel: made when their interface is there, made again when someone deletes
 * them, given up at the end. Settings are keepalived 2.2.7's, but that those of the interface are put back.
 *
 * Group reports of a VMAC would tell a snooping switch, from a BACKUP too, that the virtual MAC lives here: they leave
 * by the interface instead, which takes nf_tables.
 */
import { isLinkLocal } from '../base/address.ts';
import { type Address, IFA_F } from '../linux/address.ts';
import { type Kernel, OWN_PROTOCOL } from '../linux/kernel.ts';
import { isMacvlan, type Link, OWN_ALIAS } from '../linux/link.ts';
import type { Firewall } from './firewall.ts';
import type { Log } from './log.ts';
import type { View } from './view.ts';
import type { Vmac } from './vmac.ts';

/** Two who both want it their way would fight for ever. */
const REPAIRS_MAX = 5;
const REPAIRS_MS = 10_000;

export interface VmacsOptions {
  readonly kernel: Kernel;
  readonly view: View;
  readonly log: Log;
  readonly firewall: Firewall;
}

export class Vmacs {
  readonly #options: VmacsOptions;
  #wanted: readonly Vmac[] = [];
  /** Devices that have been made or taken over, by their names: another number means another device. */
  readonly #held = new Map<string, number>();
  /** When each was made, on the kernel's clock. */
  readonly #made = new Map<string, readonly number[]>();
  /** What went wrong, so that it is told once. */
  readonly #trouble = new Map<string, string>();
  /** Settings of interfaces that are to be put back when nothing lies on them any more. */
  readonly #adjusted = new Set<string>();
  /** The link-local addresses that the IPv6 ones have. */
  readonly #linkLocals = new Map<string, string>();

  constructor(options: VmacsOptions) {
    this.#options = options;
  }

  /** These from here on, and at once; what is not wanted any more stays until `tidy`, unless it is in the way. */
  want(vmacs: readonly Vmac[]): boolean {
    this.#wanted = vmacs;
    this.#delete((link) => this.#isInTheWay(link));
    return this.refresh();
  }

  /** To be asked when devices or addresses have changed. False: to be tried again in a while. */
  refresh(): boolean {
    const { view } = this.#options;
    let all = true;
    for (const vmac of this.#wanted) {
      const [link, lower] = [view.link(vmac.name), view.link(vmac.lower)];
      if (lower === undefined) continue;
      const isHeld = link && this.#held.get(vmac.name) === link.index && isMacvlan(link, lower, vmac.mac);
      if (!isHeld) all = this.#hold(vmac) && all;
      if (vmac.family === 6) this.#giveLinkLocal(vmac);
    }
    return all;
  }

  /** A device of ours that could not be had, or is not what it should be, is as good as down. */
  isUsable(name: string): boolean {
    return !this.#wanted.some((vmac) => vmac.name === name) || this.#held.has(name);
  }

  /** Deletes what was made by this daemon or an earlier one and is not wanted any more. */
  tidy(): void {
    const deleted = this.#delete((link) => !this.#wanted.some(({ name }) => name === link.name));
    if (this.#wanted.length === 0) this.#putBack();
    // After the devices: what they say at their end is kept in as well.
    if (deleted || this.#wanted.length === 0) this.#wall();
  }

  #delete(which: (link: Link) => boolean): boolean {
    const { kernel, view, log } = this.#options;
    const isOurs = (link: Link): boolean => link.alias === OWN_ALIAS && link.isPrivate === true;
    const going = view.links().filter((link) => isOurs(link) && which(link));
    for (const link of going) {
      this.#held.delete(link.name);
      try {
        kernel.deleteLink(link.name);
        log('info', `VMAC interface ${link.name} removed`);
      } catch (error) {
        log('error', `VMAC interface ${link.name} cannot be removed: ${(error as Error).message}`);
      }
    }
    return going.length > 0;
  }

  /** One with the same hardware address on the same interface under another name: there can be one only. */
  #isInTheWay(link: Link): boolean {
    return this.#wanted.some((vmac) => {
      const lower = this.#options.view.link(vmac.lower);
      return lower !== undefined && vmac.name !== link.name && isMacvlan(link, lower, vmac.mac);
    });
  }

  #hold(vmac: Vmac): boolean {
    const { kernel, view, log } = this.#options;
    const { name, lower } = vmac;
    const now = kernel.now();
    const made = (this.#made.get(name) ?? []).filter((at) => at > now - REPAIRS_MS);
    if (made.length >= REPAIRS_MAX) return this.#tell(name, 'someone else deletes it again and again');
    this.#held.delete(name);
    this.#linkLocals.delete(name);
    try {
      const link = kernel.holdMacvlan(vmac, () => this.#prepare(vmac));
      view.apply({ kind: 'link', link });
      this.#held.set(name, link.index);
      this.#made.set(name, [...made, now]);
      this.#trouble.delete(name);
      log('info', `VMAC interface ${name} on ${lower} is there`);
      return true;
    } catch (error) {
      return this.#tell(name, (error as Error).message);
    }
  }

  #tell(name: string, message: string): false {
    if (this.#trouble.get(name) !== message) this.#options.log('error', `VMAC interface ${name}: ${message}`);
    this.#trouble.set(name, message);
    return false;
  }

  /**
   * IPv4: the VIPs' addresses answer on their own device alone, a packet may come in by it that the routes expect on
   * the interface, and the peers' packets have an address that is in the interface's subnet.
   */
  #prepare(vmac: Vmac): void {
    const { name, lower, family } = vmac;
    this.#wall(vmac);
    this.#set(`ipv6/conf/${name}/addr_gen_mode`, '1');
    if (family === 6) return;
    this.#set(`ipv6/conf/${name}/disable_ipv6`, '1');
    for (const key of ['accept_local', 'arp_ignore', 'promote_secondaries']) this.#set(`ipv4/conf/${name}/${key}`, '1');
    this.#spreadReversePathFilter();
    this.#set(`ipv4/conf/${name}/rp_filter`, '0');
    for (const key of ['arp_ignore', 'arp_filter']) this.#setForNow(`ipv4/conf/${lower}/${key}`, '1');
  }

  /** What holds for a device is the greater of its own and all's: all's becomes everyone's own. */
  #spreadReversePathFilter(): void {
    const { kernel, view } = this.#options;
    const filterOf = (name: string): number => Number(kernel.setting(`ipv4/conf/${name}/rp_filter`) ?? 0);
    const all = filterOf('all');
    if (all === 0) return;
    for (const name of ['default', ...[...view.links()].map((link) => link.name)]) {
      if (filterOf(name) < all) this.#setForNow(`ipv4/conf/${name}/rp_filter`, String(all));
    }
    this.#setForNow('ipv4/conf/all/rp_filter', '0');
  }

  #setForNow(path: string, value: string): void {
    this.#adjusted.add(path);
    this.#set(path, value);
  }

  #set(path: string, value: string): void {
    try {
      this.#options.kernel.adjust(path, value);
    } catch (error) {
      this.#options.log('warning', (error as Error).message);
    }
  }

  /** In the reverse of their order: all's reverse path filter before those that were raised for it. */
  #putBack(): void {
    for (const path of [...this.#adjusted].reverse()) {
      try {
        this.#options.kernel.restore(path);
      } catch (error) {
        this.#options.log('warning', (error as Error).message);
      }
    }
    this.#adjusted.clear();
  }

  /**
   * Advertisements over IPv6 leave from a link-local address (RFC 9568 section 5.1.2.1) that must be the device's own:
   * the interface's, deprecated, so that nothing else is sent from it.
   */
  #giveLinkLocal(vmac: Vmac): void {
    const { kernel, view, log } = this.#options;
    const { name } = vmac;
    const known = this.#linkLocals.get(name);
    const text = this.#linkLocalFor(vmac, known);
    const isThere = (one: string): boolean => view.addresses(name).some(({ address }) => address.text === one);
    if (text === undefined || !this.#held.has(name) || (text === known && isThere(text))) return;
    this.#linkLocals.set(name, text);
    const before = known !== undefined && known !== text && isThere(known) ? known : undefined;
    const put = [{ kind: 'address' as const, verb: 'add' as const, address: linkLocal(name, text) }];
    const gone =
      before === undefined ? [] : [{ ...put[0]!, verb: 'delete' as const, address: linkLocal(name, before) }];
    kernel.change([...put, ...gone]).then(
      (failures) => {
        for (const { index, code } of failures) {
          if (index === 0 && code !== 'EEXIST' && code !== 'ENODEV')
            log('error', `${text} cannot be put on ${name}: ${code}`);
        }
      },
      (error: unknown) => log('error', `${text} cannot be put on ${name}: ${(error as Error).message}`),
    );
  }

  /** The file's; else the one that it has while it can keep it, else the first of the interface. */
  #linkLocalFor({ lower, source }: Vmac, known: string | undefined): string | undefined {
    if (source && isLinkLocal(source)) return source.text;
    const usable = this.#options.view.addresses(lower).filter(isOwnLinkLocal);
    return (usable.find(({ address }) => address.text === known) ?? usable[0])?.address.text;
  }

  /** @param coming one that is there, and not up yet */
  #wall(coming?: Vmac): void {
    const { firewall, view } = this.#options;
    const isThere = ({ name }: Vmac): boolean => this.#held.has(name) && view.link(name) !== undefined;
    const walled = this.#wanted.filter((vmac) => vmac === coming || isThere(vmac));
    firewall.set(
      'reports',
      walled.map(({ name, lower }) => ({ kind: 'reports', dev: name, lower })),
    );
  }
}

const isOwnLinkLocal = ({ address, flags, protocol }: Address): boolean =>
  isLinkLocal(address) && protocol !== OWN_PROTOCOL && (flags & (IFA_F.TENTATIVE | IFA_F.DADFAILED)) === 0;

const linkLocal = (dev: string, text: string): Address => ({
  dev,
  address: { family: 6, text, prefix: 64 },
  scope: 0,
  flags: IFA_F.NODAD,
  preferredSeconds: 0,
});
