/**
 * The daemon's own table of nf_tables, one for each family, by netlink: a router need not have nft(8). A batch replaces
 * both tables as a whole, or changes nothing. linux/netfilter/nf_tables.h, nfnetlink.h.
 *
 *   message  netlink header, nfgenmsg: family(1) version(1) resource(2, big endian), attributes; numbers big endian,
 *            but for what is compared with something of the kernel's, an interface's number
 */
import {
  AF,
  bindSocket,
  closeDescriptor,
  openSocket,
  receive,
  SOCK_RAW,
  SystemError,
  sendTo,
  setSocketOption,
} from './ffi.ts';
import type { FirewallRule } from './kernel.ts';
import { MessageWriter, NLM_F, NLMSG, readError, readMessages, u32 } from './netlink.ts';

const NETLINK_NETFILTER = 12;
const SUBSYSTEM_NFTABLES = 10;
const BATCH = { BEGIN: 0x10, END: 0x11 } as const;
const MESSAGE = { NEW_TABLE: 0, DEL_TABLE: 2, NEW_CHAIN: 3, NEW_RULE: 6 } as const;
const TABLE_NAME_ATTRIBUTE = 1;
const CHAIN = { TABLE: 1, NAME: 3, HOOK: 4, TYPE: 7, HOOK_NUMBER: 1, HOOK_PRIORITY: 2 } as const;
const RULE = { TABLE: 1, CHAIN: 2, EXPRESSIONS: 4 } as const;
const LIST_ELEMENT = 1;
const EXPRESSION = { NAME: 1, DATA: 2 } as const;
const META = { OIF: 5, L4PROTO: 16 } as const;
const PAYLOAD = { NETWORK: 1, TRANSPORT: 2 } as const;
const LOCAL_OUT = 3;
/** Before the filters of others, as keepalived's: they see what goes out in the end. */
const PRIORITY = -1;

const TABLE = 'tandemd';
const FAMILIES = [4, 6] as const;
type Family = (typeof FAMILIES)[number];
const AF_OF: Readonly<Record<Family, number>> = { 4: AF.INET, 6: AF.INET6 };

const IGMP = 2;
const ICMPV6 = 58;
/** RFC 2710 and RFC 3810: reports of both versions, and version 1's "done". */
const MLD_REPORTS = [131, 132, 143];
const ROUTER_SOLICITATION = 133;

/** Rules of 255 VMACs with five rules each take half of it. */
const BATCH_SIZE = 1024 * 1024;
const ANSWER_MAX = 64 * 1024;
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_RCVTIMEO = 20;
/** Answers are there when the call returns; only a kernel that lost one lets us wait. */
const ANSWER_SECONDS_MAX = 10;

/** See `Kernel.setFirewall`. */
export function setFirewall(rules: readonly FirewallRule[], indexOf: (dev: string) => number): void {
  const writer = new BatchedTables();
  for (const family of FAMILIES) {
    // Deleting what is not there would be an error, and adding what is there is none.
    writer.table(family, MESSAGE.NEW_TABLE);
    writer.table(family, MESSAGE.DEL_TABLE);
    if (rules.length === 0) continue;
    writer.table(family, MESSAGE.NEW_TABLE);
    writer.chain(family, 'out', LOCAL_OUT);
    for (const { dev, lower } of rules) {
      for (const expressions of reportsOf(family, indexOf(dev), indexOf(lower)))
        writer.rule(family, 'out', expressions);
    }
  }
  exchange(writer.take());
}

/** Group reports that leave by the one device leave by the other instead, with its hardware address. */
function reportsOf(family: Family, dev: number, lower: number): readonly (readonly Expression[])[] {
  const out = [meta(META.OIF, 1), compare(1, u32(dev))];
  if (family === 4) {
    return [[...out, meta(META.L4PROTO, 1), compare(1, [IGMP]), load(PAYLOAD.NETWORK, 16, 4), ...elsewhere(lower)]];
  }
  const icmp = (type: number): readonly Expression[] => [
    ...[...out, meta(META.L4PROTO, 1), compare(1, [ICMPV6])],
    ...[load(PAYLOAD.TRANSPORT, 0, 1), compare(1, [type])],
  ];
  const reports = MLD_REPORTS.map((type) => [...icmp(type), load(PAYLOAD.NETWORK, 24, 16), ...elsewhere(lower)]);
  return [...reports, [...icmp(ROUTER_SOLICITATION), drop]];
}

/** A copy to the address in register 1, out of that device; the packet itself ends here. */
const elsewhere = (lower: number): readonly Expression[] => [immediate(2, u32(lower)), duplicate(1, 2), drop];

interface Expression {
  readonly name: string;
  write(message: MessageWriter): void;
}

const meta = (key: number, register: number): Expression => ({
  name: 'meta',
  write(message) {
    message.attribute(1, big(register));
    message.attribute(2, big(key));
  },
});

const load = (base: number, offset: number, length: number): Expression => ({
  name: 'payload',
  write(message) {
    for (const [i, value] of [1, base, offset, length].entries()) message.attribute(i + 1, big(value));
  },
});

const compare = (register: number, value: readonly number[]): Expression => ({
  name: 'cmp',
  write(message) {
    message.attribute(1, big(register));
    message.attribute(2, big(0));
    message.nested(3, () => message.attribute(1, Uint8Array.from(value)));
  },
});

const immediate = (register: number, value: readonly number[]): Expression => ({
  name: 'immediate',
  write(message) {
    message.attribute(1, big(register));
    message.nested(2, () => message.attribute(1, Uint8Array.from(value)));
  },
});

const duplicate = (address: number, device: number): Expression => ({
  name: 'dup',
  write(message) {
    message.attribute(1, big(address));
    message.attribute(2, big(device));
  },
});

/** The verdict's register is 0, and so is the verdict. */
const drop: Expression = {
  name: 'immediate',
  write(message) {
    message.attribute(1, big(0));
    message.nested(2, () => message.nested(2, () => message.attribute(1, big(0))));
  },
};

class BatchedTables {
  readonly #message = new MessageWriter(BATCH_SIZE);
  #sequence = 0;
  #last = 0;

  constructor() {
    this.#control(BATCH.BEGIN);
  }

  table(family: Family, type: number): void {
    this.#add(type, family, NLM_F.CREATE, () => this.#message.text(TABLE_NAME_ATTRIBUTE, TABLE));
  }

  chain(family: Family, name: string, hook: number): void {
    const message = this.#message;
    this.#add(MESSAGE.NEW_CHAIN, family, NLM_F.CREATE, () => {
      message.text(CHAIN.TABLE, TABLE);
      message.text(CHAIN.NAME, name);
      message.nested(CHAIN.HOOK, () => {
        message.attribute(CHAIN.HOOK_NUMBER, big(hook));
        message.attribute(CHAIN.HOOK_PRIORITY, big(PRIORITY));
      });
      message.text(CHAIN.TYPE, 'filter');
    });
  }

  rule(family: Family, chain: string, expressions: readonly Expression[]): void {
    const message = this.#message;
    this.#add(MESSAGE.NEW_RULE, family, NLM_F.CREATE + NLM_F.APPEND, () => {
      message.text(RULE.TABLE, TABLE);
      message.text(RULE.CHAIN, chain);
      message.nested(RULE.EXPRESSIONS, () => {
        for (const expression of expressions) {
          message.nested(LIST_ELEMENT, () => {
            message.text(EXPRESSION.NAME, expression.name);
            message.nested(EXPRESSION.DATA, () => expression.write(message));
          });
        }
      });
    });
  }

  /** The whole batch, and the number of the message that is acknowledged: the last that does something. */
  take(): { readonly bytes: Uint8Array; readonly acknowledged: number } {
    const acknowledged = this.#sequence;
    this.#message.addFlag(this.#last, NLM_F.ACK);
    this.#control(BATCH.END);
    return { bytes: this.#message.take(), acknowledged };
  }

  #control(type: number): void {
    this.#sequence += 1;
    this.#message.message({ type, flags: NLM_F.REQUEST, sequence: this.#sequence }, () =>
      this.#message.header(0, 0, 0, SUBSYSTEM_NFTABLES),
    );
  }

  #add(type: number, family: Family, flags: number, body: () => void): void {
    this.#sequence += 1;
    this.#last = this.#message.position;
    const head = { type: SUBSYSTEM_NFTABLES * 256 + type, flags: NLM_F.REQUEST + flags, sequence: this.#sequence };
    this.#message.message(head, () => {
      this.#message.header(AF_OF[family], 0, 0, 0);
      body();
    });
  }
}

function exchange({ bytes, acknowledged }: { readonly bytes: Uint8Array; readonly acknowledged: number }): void {
  const trying = 'setting the rules of nf_tables';
  const fd = openSocket(AF.NETLINK, SOCK_RAW, NETLINK_NETFILTER, true);
  try {
    const timeout = new Uint8Array(BigInt64Array.of(BigInt(ANSWER_SECONDS_MAX), 0n).buffer);
    setSocketOption(fd, { level: SOL_SOCKET, name: SO_RCVTIMEO, value: timeout });
    setSocketOption(fd, { level: SOL_SOCKET, name: SO_SNDBUF, value: BATCH_SIZE });
    bindSocket(fd, Uint8Array.from([AF.NETLINK, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
    const sent = sendTo(fd, bytes, 0, null);
    if (sent < 0) throw new SystemError(-sent, trying);
    const inbox = new Uint8Array(ANSWER_MAX);
    for (;;) {
      const length = receive(fd, inbox);
      if (length < 0) throw new SystemError(-length, trying);
      for (const message of readMessages(inbox.subarray(0, length))) {
        if (message.type !== NLMSG.ERROR) continue;
        const { errno } = readError(message);
        if (errno !== 0) throw new SystemError(errno, trying);
        if (message.sequence === acknowledged) return;
      }
    }
  } finally {
    closeDescriptor(fd);
  }
}

const big = (value: number): Uint8Array => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
