/**
 * What the daemon wants of the kernel: the one seam between them. Devices are named, not numbered; addresses, routes
 * and rules are whole values, so that a fake can hold them and print them (`test/support/fake-kernel.ts`).
 *
 * Nothing here decides: what to add, in which order and what a failure means is the caller's.
 */
import type { Family, Ip } from '../base/address.ts';
import type { Millis } from '../base/units.ts';
import type { Address } from './address.ts';
import type { Link } from './link.ts';
import type { Route } from './route.ts';
import type { Rule } from './rule.ts';

/**
 * The number that marks routes, rules and addresses as ours (`proto` of `ip route`): VRRP's own protocol number, which
 * no routing daemon has taken. keepalived's is 18, and both may run on one machine.
 */
export const OWN_PROTOCOL = 112;

export interface Kernel {
  /** The monotonic clock: the one that timers expire by. */
  now(): Millis;
  /** A timer that calls `due` once for every time it was armed. */
  timer(due: () => void): Timer;

  /**
   * What stands now; whatever changes from here on goes to `listener`, in order, until `close`. Once only.
   * A `lost` event means that notices were lost: what it holds stands instead of all that was known.
   */
  watch(listener: (events: readonly KernelEvent[]) => void): Promise<Snapshot>;
  snapshot(): Promise<Snapshot>;

  /**
   * Carries changes out in their order; calls are carried out one after another. Returns what the kernel refused;
   * all else was done. Few changes are done before this returns control, many in the worker (`bulk` asks for it).
   */
  change(changes: readonly Change[], options?: { readonly bulk?: boolean }): Promise<readonly Failure[]>;

  /** Which of these IPv6 routes of ours share table, destination, source and metric with a route of somebody else's. */
  sharedRoutes(routes: readonly Route[]): Promise<ReadonlySet<Route>>;

  /** There will be much to change at once, and no time then: the worker is started now. */
  expectMuch(): void;

  /** Works out what these changes would be asked with, and asks for nothing. */
  rehearse(changes: readonly Change[]): void;

  /** One socket for all virtual routers of a device and family. Throws where the device is not there. */
  openVrrp(options: VrrpSocketOptions, listener: (datagrams: readonly Datagram[]) => void): VrrpSocket;

  /**
   * Sends whole Ethernet frames out of a device, as many as it takes at once.
   * @returns how many were sent: the rest may be tried again in a moment. Throws where the device is gone or down.
   */
  sendFrames(dev: string, frames: readonly Uint8Array[]): number;

  /** A setting below /proc/sys/net, `ipv4/conf/eth0/arp_ignore`; undefined where it is not there. */
  setting(path: string): string | undefined;

  /** Lets the other addresses of a subnet live when its first one goes, until `close` puts the setting back. */
  promoteSecondaries(dev: string): void;

  /**
   * Changes a setting until `restore`, or `close`, puts it back. Nothing where it is not there, or is so already.
   * Throws where the kernel refuses.
   */
  adjust(path: string, value: string): void;
  restore(path: string): void;

  /**
   * Makes a private macvlan, lets `prepare` see to its settings, then sets it up with `OWN_ALIAS` on it. One of that
   * name that is there is taken over, or made anew where it is another's; any other device of that name is in the way.
   * @returns it as it is now; the notices come as well. Throws, with nothing left behind, where it cannot be had.
   */
  holdMacvlan(macvlan: Macvlan, prepare: () => void): Link;
  /** Throws where it is not there, or where the kernel refuses. */
  deleteLink(name: string): void;

  /**
   * The daemon's own rules of nf_tables, in place of those before; none: its tables go, as they do with its process
   * from Linux 5.12 on. Throws, with nothing changed, where the kernel has no nf_tables or a device is not there.
   */
  setFirewall(rules: readonly FirewallRule[]): void;

  /** Ends sockets, timers and the worker; puts settings back, unless they are to stay. Addresses and routes stay. */
  close(options?: { readonly keepSettings?: boolean }): Promise<void>;
}

export interface Macvlan {
  readonly name: string;
  /** The device that it lies on. */
  readonly lower: string;
  readonly mac: Uint8Array;
}

export type FirewallRule =
  /** Group reports (IGMP, MLD) of one device leave by another one in its stead, and router solicitations not at all. */
  | { readonly kind: 'reports'; readonly dev: string; readonly lower: string }
  /** What is for this address here, or from it, ends, but for neighbour discovery; a link-local one on its device. */
  | { readonly kind: 'refuse'; readonly dev: string; readonly address: Ip };

export interface Timer {
  /** Expires at this point of the clock, once, in place of the time set before; Infinity: not at all. */
  arm(at: Millis): void;
  close(): void;
}

/** What is on the machine: all devices and addresses, and of routes and rules those with our protocol number. */
export interface Snapshot {
  readonly links: readonly Link[];
  readonly addresses: readonly Address[];
  readonly routes: readonly Route[];
  readonly rules: readonly Rule[];
}

/**
 * `own`: this program's own change, come back; of routes that need not be told. An address that the kernel takes along
 * with another one is not; that an IPv6 address is ours when it comes is not known, but when it goes it is.
 */
export type KernelEvent =
  | { readonly kind: 'link' | 'link-gone'; readonly link: Link }
  | { readonly kind: 'address' | 'address-gone'; readonly address: Address; readonly own: boolean }
  | { readonly kind: 'route' | 'route-gone'; readonly route: Route; readonly own: boolean }
  | { readonly kind: 'rule' | 'rule-gone'; readonly rule: Rule; readonly own: boolean }
  | { readonly kind: 'lost'; readonly snapshot: Snapshot };

/**
 * `add` refuses what is there already. `replace` changes it in place: of an IPv4 address lifetime and protocol only,
 * of an IPv4 route the first with its table, destination, TOS and metric, whoever made it (EEXIST where what it should
 * become stands behind it already). `prepend`, keepalived's way, and `append` put a route before or behind others
 * like it. A `delete` of a route without metric takes, of those that are equal otherwise, the one with the lowest.
 */
export type Change =
  | { readonly kind: 'address'; readonly verb: 'add' | 'replace' | 'delete'; readonly address: Address }
  | {
      readonly kind: 'route';
      readonly verb: 'add' | 'prepend' | 'append' | 'replace' | 'delete';
      readonly route: Route;
    }
  | { readonly kind: 'rule'; readonly verb: 'add' | 'delete'; readonly rule: Rule };

export interface Failure {
  /** Which change of the list, from 0. */
  readonly index: number;
  readonly errno: number;
  /** `EEXIST`: it was there; `ENODEV`: its device is not there; `EADDRNOTAVAIL`, `ESRCH`, `ENOENT`: it was gone. */
  readonly code: string;
  /** What the kernel says beyond the code, where it does. */
  readonly message?: string;
}

export interface VrrpSocketOptions {
  readonly dev: string;
  readonly family: Family;
  /** IPv6: the hop limit to send with; IPv4 has it in the packet's own header. */
  readonly hopLimit?: number;
}

export interface Datagram {
  readonly family: Family;
  /** IPv4: with its IP header; IPv6: behind it. */
  readonly bytes: Uint8Array;
  /** IPv6 only: of IPv4 they stand in the header. */
  readonly source?: Ip;
  readonly destination?: Ip;
  readonly hopLimit?: number;
}

export interface VrrpSocket {
  /** Joins a multicast group on the device; again is no error. */
  join(group: Ip): void;
  /**
   * Sends to a group or a peer. IPv4: `bytes` has the IP header; IPv6: the message, and the source goes beside it.
   * @returns `sent`, or why not: `ENETDOWN`, `EADDRNOTAVAIL`.
   */
  send(message: { readonly bytes: Uint8Array; readonly source: Ip; readonly destination: Ip }): 'sent' | string;
  close(): void;
}
