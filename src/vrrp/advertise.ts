/** What an instance's `advertise` action puts on the wire. */
import type { Ip } from '../base/address.ts';
import type { InstanceConfig } from './config.ts';
import { type Advertisement, encode } from './packet.ts';

/** auth_type PASS: RFC 2338 section 5.3.6.2. */
const SIMPLE_PASSWORD = 1;

/** The advertisement of an Active router: always with its own interval, never a learned one. */
export function advertisementOf(config: InstanceConfig, priority: number): Advertisement {
  return {
    version: config.version,
    vrid: config.vrid,
    priority,
    interval: config.advertisementInterval,
    addresses: config.addresses,
    ...(config.password && { authentication: { type: SIMPLE_PASSWORD, data: config.password } }),
  };
}

/** Where it goes: the multicast group, or each unicast peer in turn. */
export const destinationsOf = (config: InstanceConfig): readonly Ip[] => config.peers ?? [config.multicastGroup];

/** The message for one destination: the checksum may depend on it. */
export function advertisementBytes(config: InstanceConfig, priority: number, source: Ip, destination: Ip): Uint8Array {
  return encode(advertisementOf(config, priority), { source, destination }, config.checksum);
}
