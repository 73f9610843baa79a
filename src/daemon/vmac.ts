/**
 * Which devices of their own the virtual routers have (use_vmac), and which addresses lie on them: keepalived 2.2.7's
 * ways, seen in namespaces (docs/tandemd.md).
 *
 * - A VIP of the instance's own family and interface lies on the instance's VMAC. Any other one lies where its line
 *   says, but with `use_vmac` in the line, or `use_vmac_addr` in the instance, on a VMAC on that device.
 * - A private macvlan that is there, with the right hardware address on the right device, is the one, whatever it is
 *   called. Else the name is the file's, and without one, or where a device of another kind has it, `vrrp.VRID`; if
 *   that is taken `vrrp6.VRID` for IPv6, then `vrrp1.VRID` and so on.
 */
import type { Family, Ip } from '../base/address.ts';
import { assert } from '../base/assert.ts';
import { familyOf } from '../keepalived/defaults.ts';
import type { AddressLine, Config, GlobalDefs, Instance } from '../keepalived/model.ts';
import type { Macvlan } from '../linux/kernel.ts';
import { isMacvlan, type Link } from '../linux/link.ts';
import type { InstanceConfig, RouterConfig } from '../vrrp/config.ts';
import { type Tracker, trackerKey } from '../vrrp/tracking.ts';

export interface Vmac extends Macvlan {
  /** Of the addresses that it is for: IPv4 wants other settings than IPv6. */
  readonly family: Family;
  /** IPv6: what advertisements are sent from, where the file says it. */
  readonly source?: Ip;
}

export interface Placement {
  readonly vmacs: readonly Vmac[];
  /** The VMAC of an instance, by its name. */
  readonly instances: ReadonlyMap<string, string>;
  /** The VMACs that lines of addresses are put on; all others stay where they are. */
  readonly lines: ReadonlyMap<AddressLine, string>;
}

export const NO_VMACS: Placement = { vmacs: [], instances: new Map(), lines: new Map() };

/** A configuration on a router with these devices. */
export function placed<T extends { readonly config: Config; readonly router: RouterConfig }>(
  loaded: T,
  links: Iterable<Link>,
): T & { readonly placement: Placement } {
  const placement = placeVmacs(loaded.config, links);
  return { ...loaded, router: withVmacs(loaded.router, loaded.config, placement), placement };
}

export function placeVmacs(config: Config, links: Iterable<Link>): Placement {
  const users = config.vrrp_instance.filter(hasVmac);
  if (users.length === 0) return NO_VMACS;
  const choice = new Choice([...links], config.global_defs);
  const instances = new Map<string, string>();
  const lines = new Map<AddressLine, string>();
  for (const instance of users) {
    const family = familyOf(instance);
    const base = instance.interface ?? config.global_defs.default_interface;
    const vrid = instance.virtual_router_id;
    assert(base !== undefined && vrid !== undefined, 'the file has been checked');
    const macFor = (of: Family): Uint8Array => macOf(instance.use_vmac?.mac, vrid, of);
    const source = instance.unicast_src_ip ?? instance.mcast_src_ip;
    const given = instance.use_vmac && { name: instance.use_vmac.name, source };
    const own = given && choice.take({ lower: base, mac: macFor(family), family, vrid, ...given });
    if (own !== undefined) instances.set(instance.name, own);
    const everywhere = instance.use_vmac_addr === true;
    for (const line of linesOf(instance)) {
      const lower: string = line.dev ?? base;
      const of = line.address.family;
      const isOwn = lower === base && of === family;
      const wanted = line.flags?.includes('use_vmac') || (everywhere && !isOwn);
      if (isOwn && own !== undefined) lines.set(line, own);
      else if (wanted) lines.set(line, choice.take({ lower, mac: macFor(of), family: of, vrid, apart: !isOwn }));
    }
  }
  return { vmacs: choice.taken, instances, lines };
}

/** An instance with a VMAC sends from it, and watches it as it does its interface; so it does with those of its VIPs. */
export function withVmacs(router: RouterConfig, config: Config, placement: Placement): RouterConfig {
  if (placement.vmacs.length === 0) return router;
  const instances = router.instances.map((one): InstanceConfig => {
    const instance = config.vrrp_instance.find(({ name }) => name === one.name)!;
    const vmac = placement.instances.get(one.name);
    const devices = new Set(vmac === undefined ? [] : [vmac]);
    for (const line of linesOf(instance)) {
      const device = placement.lines.get(line);
      if (device !== undefined && !line.flags?.includes('no_track')) devices.add(device);
    }
    if (vmac !== undefined && one.dontTrackPrimary) devices.delete(vmac);
    const trackers = new Map(one.trackers.map((tracker) => [trackerKey(tracker), tracker]));
    for (const name of devices) {
      const tracker: Tracker = { kind: 'interface', name, weight: 0, reverse: false };
      trackers.set(trackerKey(tracker), tracker);
    }
    if (vmac !== undefined && one.dontTrackPrimary) trackers.delete(trackerKey({ kind: 'interface', name: vmac }));
    const speaksOn = vmac !== undefined && !instance.vmac_xmit_base && { device: vmac };
    return { ...one, ...speaksOn, trackers: [...trackers.values()] };
  });
  return { ...router, instances };
}

function hasVmac(instance: Instance): boolean {
  if (instance.use_vmac || instance.use_vmac_addr) return true;
  return linesOf(instance).some((line) => line.flags?.includes('use_vmac'));
}

const linesOf = ({ virtual_ipaddress = [], virtual_ipaddress_excluded = [] }: Instance): readonly AddressLine[] => [
  ...virtual_ipaddress,
  ...virtual_ipaddress_excluded,
];

/** RFC 9568 section 7.3: 00-00-5E-00-01 or -02 and the VRID; of the file's own, five bytes may be given. */
function macOf(given: string | undefined, vrid: number, family: Family): Uint8Array {
  const bytes = given?.split(':').map((byte) => Number.parseInt(byte, 16)) ?? [0, 0, 0x5e, 0, family === 4 ? 1 : 2];
  return Uint8Array.from(bytes.length === 5 ? [...bytes, vrid] : bytes);
}

interface Wish extends Omit<Vmac, 'name' | 'source'> {
  readonly vrid: number;
  /** The file's. */
  readonly name?: string | undefined;
  readonly source?: Ip | undefined;
  /** Not on the interface of its instance: it may have a prefix of its own. */
  readonly apart?: boolean;
}

class Choice {
  readonly taken: Vmac[] = [];
  readonly #links: readonly Link[];
  readonly #prefix: string;
  readonly #prefixApart: string;

  constructor(links: readonly Link[], globals: GlobalDefs) {
    this.#links = links;
    this.#prefix = globals.vmac_prefix ?? 'vrrp';
    this.#prefixApart = globals.vmac_addr_prefix ?? this.#prefix;
  }

  take(wish: Wish): string {
    const { lower, mac, family, source, name: given } = wish;
    const same = this.taken.find((one) => one.lower === lower && one.mac.every((byte, i) => byte === mac[i]));
    if (same && (given === undefined || given === same.name)) return same.name;
    const name = this.#nameOf(wish);
    this.taken.push({ name, lower, mac, family, ...(source && { source }) });
    return name;
  }

  #nameOf({ lower, mac, family, vrid, name: given, apart }: Wish): string {
    const isFree = (name: string): boolean => !this.taken.some((one) => one.name === name);
    const linkOf = (name: string): Link | undefined => this.#links.find((link) => link.name === name);
    const inTheWay = given !== undefined && linkOf(given)?.isPrivate === undefined && linkOf(given) !== undefined;
    if (given !== undefined && isFree(given) && !inTheWay) return given;
    const under = linkOf(lower);
    const found = under && this.#links.find((link) => isFree(link.name) && isMacvlan(link, under, mac));
    if (found && given === undefined) return found.name;
    const prefix = apart ? this.#prefixApart : this.#prefix;
    const names = [`${prefix}.${vrid}`, ...(family === 6 ? [`${prefix}6.${vrid}`] : [])];
    const isNew = (name: string): boolean => isFree(name) && linkOf(name) === undefined;
    let name = names.find(isNew);
    for (let i = 1; name === undefined; i += 1) name = [`${prefix}${i}.${vrid}`].find(isNew);
    return name;
  }
}
