/**
 * Deleting an IPv4 address, or deleting it and adding it again with another label, so that no other address and no
 * route of ours suffers for it. What the kernel would take along is known beforehand (`Picture`):
 *
 * - An address that comes again is held by a local route meanwhile; so are the secondaries of a primary, whose local
 *   routes the kernel takes away and makes again, and with them the routes whose source they are.
 * - Where promote_secondaries cannot be set, the secondaries go with their primary: they are added again at once.
 * - A device that would have no address for a moment gets another one meanwhile: with the last go all its routes.
 */
import type { Address } from '../linux/address.ts';
import type { Change } from '../linux/kernel.ts';
import { addAddress, anchor, deleteAddress, drop, hasSubnetRoute, localRoute, put, subnetRoute } from './holds.ts';
import type { Picture } from './picture.ts';

export interface Neighbourhood {
  readonly picture: Picture;
  /** promote_secondaries of the device. */
  promotes(dev: string): boolean;
  /** A local route of ours stands in for it already. */
  isHeld(address: Address): boolean;
}

export interface Care {
  /** To be done before it is deleted, and after. */
  readonly before: readonly Change[];
  readonly after: readonly Change[];
  /** Others that the kernel takes along, in their order; `after` begins with adding them again, one by one. */
  readonly along: readonly Address[];
  /** The device is left without an address, and all IPv4 routes on it are gone. */
  readonly flushes: boolean;
}

/** @param next what it is to be instead, with the same address; undefined: nothing */
export function careFor(address: Address, next: Address | undefined, neighbourhood: Neighbourhood): Care {
  const { picture, promotes, isHeld } = neighbourhood;
  const isPrimary = picture.primary(address)?.address.text === address.address.text;
  const others = isPrimary ? picture.subnet(address).slice(1) : [];
  const along = others.length === 0 || promotes(address.dev) ? [] : others;
  const returning = next ?? along[0];
  const empty = picture.count(address.dev) - along.length <= 1;
  const anchors = empty && returning ? [anchor(returning)] : [];
  const holds = [...(next ? [address] : []), ...others].filter((one) => !isHeld(one)).map(localRoute);
  const keepsSubnet = isPrimary && (others.length > 0 || next) && hasSubnetRoute(address);
  const subnets = keepsSubnet ? [subnetRoute(address)] : [];
  return {
    before: [...anchors.map(addAddress), ...[...holds, ...subnets].map(put)],
    after: [...along.map(addAddress), ...[...subnets, ...holds].map(drop), ...anchors.map(deleteAddress)],
    along,
    flushes: empty && !returning,
  };
}
