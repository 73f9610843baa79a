/**
 * Messages to nf_tables, in a batch that changes everything or nothing. linux/netfilter/nf_tables.h, nfnetlink.h.
 *
 *   message  netlink header, nfgenmsg: family(1) version(1) resource(2, big endian), attributes; numbers big endian,
 *            but for what is compared with something of the kernel's, an interface's number
 */
import { AF, closeDescriptor, SystemError, sendTo } from './ffi.ts';
import { MessageWriter, NLM_F, NLMSG, readError } from './netlink.ts';
import { openNetlinkSocket, receiveAnswers } from './netlink-socket.ts';

const NETLINK_NETFILTER = 12;
const SUBSYSTEM_NFTABLES = 10;
const BATCH = { BEGIN: 0x10, END: 0x11 } as const;
const MESSAGE = { NEW_TABLE: 0, DEL_TABLE: 2, NEW_CHAIN: 3, NEW_RULE: 6, NEW_SET: 9, NEW_ELEMENTS: 12 } as const;
const TABLE = { NAME: 1, FLAGS: 2 } as const;
/** NFT_TABLE_F_OWNER */
const OWNER = 2;
const CHAIN = { TABLE: 1, NAME: 3, HOOK: 4, TYPE: 7, HOOK_NUMBER: 1, HOOK_PRIORITY: 2 } as const;
const RULE = { TABLE: 1, CHAIN: 2, EXPRESSIONS: 4 } as const;
const SET = { TABLE: 1, NAME: 2, FLAGS: 3, KEY_TYPE: 4, KEY_LENGTH: 5, ID: 10 } as const;
const ELEMENTS = { TABLE: 1, SET: 2, LIST: 3, KEY: 1 } as const;
const LIST_ELEMENT = 1;
const EXPRESSION = { NAME: 1, DATA: 2 } as const;
export const META = { OIF: 5, IIFNAME: 6, OIFNAME: 7, L4PROTO: 16 } as const;
export const PAYLOAD = { NETWORK: 1, TRANSPORT: 2 } as const;
/** NF_INET_LOCAL_IN and _OUT. */
const HOOK = { in: 1, out: 3 } as const;
export type Chain = keyof typeof HOOK;
/** Before the filters of others, as keepalived's: they see what goes out in the end. */
const PRIORITY = -1;

export type Family = 4 | 6;
const AF_OF: Readonly<Record<Family, number>> = { 4: AF.INET, 6: AF.INET6 };

/** Rules of 255 VMACs with five each take half of it, sets of 10,000 addresses the other half. */
const BATCH_SIZE = 1024 * 1024;
/** An attribute holds 64 KiB, and an element takes up to 48 bytes. */
const ELEMENTS_AT_ONCE = 1_000;
const ANSWER_MAX = 64 * 1024;

/** A part of a rule: it stops the rule, or goes on to the next one. Registers: 1 and up of 16 bytes, 8 and up of 4. */
export interface Expression {
  readonly name: string;
  write(message: MessageWriter): void;
}

export const meta = (key: number, register: number): Expression => ({
  name: 'meta',
  write(message) {
    message.attribute(1, big(register));
    message.attribute(2, big(key));
  },
});

export const load = (base: number, offset: number, length: number, register = 1): Expression => ({
  name: 'payload',
  write(message) {
    for (const [i, value] of [register, base, offset, length].entries()) message.attribute(i + 1, big(value));
  },
});

export const compare = (register: number, value: readonly number[]): Expression => ({
  name: 'cmp',
  write(message) {
    message.attribute(1, big(register));
    message.attribute(2, big(0));
    message.nested(3, () => message.attribute(1, Uint8Array.from(value)));
  },
});

export const immediate = (register: number, value: readonly number[]): Expression => ({
  name: 'immediate',
  write(message) {
    message.attribute(1, big(register));
    message.nested(2, () => message.attribute(1, Uint8Array.from(value)));
  },
});

export const duplicate = (address: number, device: number): Expression => ({
  name: 'dup',
  write(message) {
    message.attribute(1, big(address));
    message.attribute(2, big(device));
  },
});

export const lookup = (set: string, register: number): Expression => ({
  name: 'lookup',
  write(message) {
    message.text(1, set);
    message.attribute(2, big(register));
  },
});

/** NF_DROP is 0, NF_ACCEPT 1; the verdict's register is 0. */
const verdict = (code: number): Expression => ({
  name: 'immediate',
  write(message) {
    message.attribute(1, big(0));
    message.nested(2, () => message.nested(2, () => message.attribute(1, big(code))));
  },
});
export const drop = verdict(0);
export const accept = verdict(1);

export interface NamedSet {
  readonly name: string;
  /** How nft(8) shows a key. */
  readonly type: number;
  /** Of a key, in bytes. */
  readonly length: number;
  readonly elements: readonly (readonly number[])[];
}

/** A table that it owns goes when it is closed, and so with its process. */
export class NftablesSocket {
  readonly #fd = openNetlinkSocket({ protocol: NETLINK_NETFILTER, room: { send: BATCH_SIZE } });
  #sequence = 0;

  /** Throws, with nothing changed, where the kernel refuses any of it. */
  send(table: string, fill: (batch: TableBatch) => void): void {
    const trying = 'setting the rules of nf_tables';
    const batch = new TableBatch(table, this.#sequence);
    fill(batch);
    const { bytes, acknowledged, last } = batch.take();
    const first = this.#sequence;
    this.#sequence = last;
    const sent = sendTo(this.#fd, bytes, 0, null);
    if (sent < 0) throw new SystemError(-sent, trying);
    const inbox = new Uint8Array(ANSWER_MAX);
    for (;;) {
      for (const message of receiveAnswers(this.#fd, inbox, trying)) {
        // An answer to an earlier batch that was given up.
        if (message.type !== NLMSG.ERROR || message.sequence <= first) continue;
        const { errno } = readError(message);
        if (errno !== 0) throw new SystemError(errno, trying);
        if (message.sequence === acknowledged) return;
      }
    }
  }

  close(): void {
    closeDescriptor(this.#fd);
  }
}

/** A table of one name in both families. */
export class TableBatch {
  readonly #message = new MessageWriter(BATCH_SIZE);
  readonly #table: string;
  #sequence: number;
  #last = 0;

  /** @param sequence the last number that was used */
  constructor(table: string, sequence: number) {
    this.#table = table;
    this.#sequence = sequence;
    this.#control(BATCH.BEGIN);
  }

  /** Makes it where it is not there; to be owned, which Linux 5.12 can, it must not be there. */
  table(family: Family, isOwned: boolean): void {
    this.#add(MESSAGE.NEW_TABLE, family, NLM_F.CREATE, () => {
      this.#message.text(TABLE.NAME, this.#table);
      if (isOwned) this.#message.attribute(TABLE.FLAGS, big(OWNER));
    });
  }

  /** With all that is in it; it has to be there. */
  deleteTable(family: Family): void {
    this.#add(MESSAGE.DEL_TABLE, family, 0, () => this.#message.text(TABLE.NAME, this.#table));
  }

  set(family: Family, { name, type, length, elements }: NamedSet): void {
    const message = this.#message;
    this.#add(MESSAGE.NEW_SET, family, NLM_F.CREATE, () => {
      message.text(SET.TABLE, this.#table);
      message.text(SET.NAME, name);
      for (const key of [SET.FLAGS, SET.ID]) message.attribute(key, big(0));
      message.attribute(SET.KEY_TYPE, big(type));
      message.attribute(SET.KEY_LENGTH, big(length));
    });
    for (let at = 0; at < elements.length; at += ELEMENTS_AT_ONCE) {
      this.#add(MESSAGE.NEW_ELEMENTS, family, NLM_F.CREATE, () => {
        message.text(ELEMENTS.TABLE, this.#table);
        message.text(ELEMENTS.SET, name);
        message.nested(ELEMENTS.LIST, () => {
          for (const element of elements.slice(at, at + ELEMENTS_AT_ONCE)) {
            const value = (): void => message.attribute(1, Uint8Array.from(element));
            message.nested(LIST_ELEMENT, () => message.nested(ELEMENTS.KEY, value));
          }
        });
      });
    }
  }

  chain(family: Family, name: Chain): void {
    const message = this.#message;
    this.#add(MESSAGE.NEW_CHAIN, family, NLM_F.CREATE, () => {
      message.text(CHAIN.TABLE, this.#table);
      message.text(CHAIN.NAME, name);
      message.nested(CHAIN.HOOK, () => {
        message.attribute(CHAIN.HOOK_NUMBER, big(HOOK[name]));
        message.attribute(CHAIN.HOOK_PRIORITY, big(PRIORITY));
      });
      message.text(CHAIN.TYPE, 'filter');
    });
  }

  rule(family: Family, chain: Chain, expressions: readonly Expression[]): void {
    const message = this.#message;
    this.#add(MESSAGE.NEW_RULE, family, NLM_F.CREATE + NLM_F.APPEND, () => {
      message.text(RULE.TABLE, this.#table);
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

  /** `acknowledged`: the last message that does something; `last`: the last number that was used. */
  take(): { readonly bytes: Uint8Array; readonly acknowledged: number; readonly last: number } {
    const acknowledged = this.#sequence;
    this.#message.addFlag(this.#last, NLM_F.ACK);
    this.#control(BATCH.END);
    return { bytes: this.#message.take(), acknowledged, last: this.#sequence };
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

const big = (value: number): Uint8Array => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
