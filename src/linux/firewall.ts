/**
 * The daemon's own rules, one table for each family, by netlink: a router need not have nft(8). They are replaced as a
 * whole: other programs' tables are never touched.
 */
import { isLinkLocal } from '../base/address.ts';
import { ipToBytes } from '../base/bytes.ts';
import { SystemError } from './ffi.ts';
import type { FirewallRule } from './kernel.ts';
import { u32 } from './netlink.ts';
import {
  accept,
  compare,
  drop,
  duplicate,
  type Expression,
  type Family,
  immediate,
  load,
  lookup,
  META,
  meta,
  NftablesSocket,
  PAYLOAD,
  type TableBatch,
} from './nftables.ts';

const TABLE = 'tandemd';
const CHAINS = ['out', 'in'] as const;

const IGMP = 2;
const ICMPV6 = 58;
/** RFC 2710 and RFC 3810: reports of both versions, and version 1's "done". */
const MLD_REPORTS = [131, 132, 143];
const ROUTER_SOLICITATION = 133;
const NEIGHBOUR_DISCOVERY = [135, 136];

export class OwnTables {
  #socket: NftablesSocket | undefined;
  #stand = false;
  /** Before Linux 5.12 a table has no owner, and an earlier life may have left one. */
  #isOwned = true;

  /** See `Kernel.setFirewall`. */
  set(rules: readonly FirewallRule[], indexOf: (dev: string) => number): void {
    this.#socket ??= new NftablesSocket();
    try {
      this.#replace(this.#socket, rules, indexOf);
    } catch (error) {
      if (this.#stand || !this.#isOwned || !(error instanceof SystemError)) throw error;
      this.#isOwned = false;
      this.#replace(this.#socket, rules, indexOf);
    }
    this.#stand = rules.length > 0;
  }

  close(): void {
    this.#socket?.close();
  }

  #replace(socket: NftablesSocket, rules: readonly FirewallRule[], indexOf: (dev: string) => number): void {
    if (this.#isOwned && !this.#stand && rules.length === 0) return;
    socket.send(TABLE, (batch) => {
      for (const family of [4, 6] as const) {
        // Deleting what is not there would be an error, and adding what is there is none.
        if (!this.#isOwned) batch.table(family, false);
        if (!this.#isOwned || this.#stand) batch.deleteTable(family);
        if (rules.length === 0) continue;
        batch.table(family, this.#isOwned);
        for (const chain of CHAINS) batch.chain(family, chain);
        for (const rule of rules) {
          if (rule.kind !== 'reports') continue;
          for (const one of reportsOf(family, indexOf(rule.dev), indexOf(rule.lower))) batch.rule(family, 'out', one);
        }
        refuse(batch, family, rules);
      }
    });
  }
}

/** Group reports that leave by the one device leave by the other instead, with its hardware address. */
function reportsOf(family: Family, dev: number, lower: number): readonly (readonly Expression[])[] {
  const out = [meta(META.OIF, 1), compare(1, u32(dev))];
  if (family === 4) {
    return [[...out, meta(META.L4PROTO, 1), compare(1, [IGMP]), load(PAYLOAD.NETWORK, 16, 4), ...elsewhere(lower)]];
  }
  const destination = load(PAYLOAD.NETWORK, 24, 16);
  const reports = MLD_REPORTS.map((type) => [...out, ...icmpv6(type), destination, ...elsewhere(lower)]);
  return [...reports, [...out, ...icmpv6(ROUTER_SOLICITATION), drop]];
}

/** A copy to the address in register 1, out of that device; the packet itself ends here. */
const elsewhere = (lower: number): readonly Expression[] => [immediate(2, u32(lower)), duplicate(1, 2), drop];

const icmpv6 = (type: number): readonly Expression[] => [
  ...[meta(META.L4PROTO, 1), compare(1, [ICMPV6])],
  ...[load(PAYLOAD.TRANSPORT, 0, 1), compare(1, [type])],
];

/** ipv4_addr, ipv6_addr, ipv6_addr . ifname. */
const KEY_TYPE = { 4: 7, 6: 8, onDevice: 8 * 64 + 41 } as const;
const IFNAMSIZ = 16;
/** NFT_REG32_00: registers of 4 bytes, in a row. */
const KEY_REGISTER = 8;

/** By set, so that thousands of addresses cost a packet no more than one. Without any there is nothing to look up. */
function refuse(batch: TableBatch, family: Family, rules: readonly FirewallRule[]): void {
  const refused = rules.filter((rule) => rule.kind === 'refuse').filter(({ address }) => address.family === family);
  if (refused.length === 0) return;
  const anywhere = refused.filter(({ address }) => !isLinkLocal(address)).map(({ address }) => [...ipToBytes(address)]);
  const onDevice = refused
    .filter(({ address }) => isLinkLocal(address))
    .map(({ address, dev }) => [...ipToBytes(address), ...nameBytes(dev)]);
  const length = family === 4 ? 4 : 16;
  batch.set(family, { name: 'vips', type: KEY_TYPE[family], length, elements: anywhere });
  if (family === 6) {
    const shape = { type: KEY_TYPE.onDevice, length: length + IFNAMSIZ };
    batch.set(family, { name: 'vips_link_local', ...shape, elements: onDevice });
  }
  for (const chain of CHAINS) {
    const at = (family === 4 ? 12 : 8) + (chain === 'in' ? length : 0);
    const key = load(PAYLOAD.NETWORK, at, length, KEY_REGISTER);
    if (family === 6) {
      for (const type of NEIGHBOUR_DISCOVERY) batch.rule(family, chain, [...icmpv6(type), accept]);
      const device = meta(chain === 'in' ? META.IIFNAME : META.OIFNAME, KEY_REGISTER + length / 4);
      batch.rule(family, chain, [key, device, lookup('vips_link_local', KEY_REGISTER), drop]);
    }
    batch.rule(family, chain, [key, lookup('vips', KEY_REGISTER), drop]);
  }
}

function nameBytes(dev: string): readonly number[] {
  const bytes = new Uint8Array(IFNAMSIZ);
  new TextEncoder().encodeInto(dev, bytes);
  return [...bytes];
}
