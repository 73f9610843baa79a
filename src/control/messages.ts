/**
 * What is said over the daemon's control socket: one request as a line of JSON, one reply as a line of JSON, and the
 * end. Versioned: a client names the version that it speaks, and a daemon that does not speak it says so. Fields are
 * only ever added within a version. In zod's small form: the whole of it takes 10 MB of the daemon's memory.
 */
import * as z from 'zod/mini';

export const CONTROL_VERSION = 1;
/** Where the daemon listens unless TANDEMD_SOCKET says otherwise. */
export const CONTROL_SOCKET = '/run/tandemd.sock';
/** A request is a word; a reply holds some 200 bytes a VIP, and ten thousand VIPs are within the limits. */
export const REQUEST_BYTES_MAX = 4_096;
export const REPLY_BYTES_MAX = 16 * 1024 * 1024;

export const requestSchema = z.strictObject({
  version: z.literal(CONTROL_VERSION),
  ask: z.enum(['status', 'counters', 'version', 'config', 'forget']),
});
export type Request = z.infer<typeof requestSchema>;

const counted = z.record(z.string(), z.int());

/** keepalived's words for states. Times are seconds since 1970. */
const transition = z.object({
  at: z.number(),
  from: z.string(),
  to: z.string(),
  /** Why, in one word: `no-advertisement`, `priority-zero`, `fault` ... */
  reason: z.string(),
});

const instance = z.object({
  name: z.string(),
  state: z.enum(['INIT', 'BACKUP', 'MASTER', 'FAULT']),
  interface: z.string(),
  family: z.literal([4, 6]),
  version: z.literal([2, 3]),
  vrid: z.int(),
  /** As configured, and after its trackers. */
  priority: z.int(),
  effectivePriority: z.int(),
  advertIntMs: z.number(),
  /** What the last master advertised; version 3 learns it. */
  masterAdvertIntMs: z.number(),
  /** Who was last heard as master, and its priority. */
  master: z.optional(z.object({ address: z.string(), priority: z.optional(z.int()) })),
  /** Where advertisements are sent from. */
  source: z.optional(z.string()),
  syncGroup: z.optional(z.string()),
  /** Why it is in FAULT. */
  faults: z.array(z.string()),
  /** Trackers without a first result. */
  waiting: z.array(z.string()),
  trackers: z.array(
    z.object({ tracker: z.string(), weight: z.int(), status: z.optional(z.union([z.boolean(), z.number()])) }),
  ),
  /** How it still speaks, beside its present form, for a peer that has not followed a change of its configuration. */
  former: z.optional(z.object({ version: z.literal([2, 3]), advertIntMs: z.number(), secondsLeft: z.number() })),
  /** The advertised VIPs. */
  addresses: z.array(z.string()),
  /** What could not be put into the kernel, each with the kernel's reason; tried again when a device changes. */
  failed: z.array(z.string()),
  /** The last ones, oldest first. */
  transitions: z.array(transition),
});

const counters = z.object({
  name: z.string(),
  received: z.int(),
  sent: z.int(),
  becameMaster: z.int(),
  releasedMaster: z.int(),
  priorityZeroReceived: z.int(),
  priorityZeroSent: z.int(),
  dropped: counted,
  differed: counted,
});

export const replySchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('status'),
    version: z.literal(CONTROL_VERSION),
    daemon: z.object({
      version: z.string(),
      pid: z.int(),
      startedAt: z.number(),
      /** The configuration that it runs on. */
      config: z.string(),
      loadedAt: z.number(),
      /** Why the last reload was refused, and when; absent when the last one was taken. */
      refused: z.optional(z.string()),
      refusedAt: z.optional(z.number()),
    }),
    instances: z.array(instance),
    groups: z.array(z.object({ name: z.string(), state: z.string(), members: z.array(z.string()) })),
  }),
  z.object({ kind: z.literal('counters'), version: z.literal(CONTROL_VERSION), instances: z.array(counters) }),
  z.object({
    kind: z.literal('config'),
    version: z.literal(CONTROL_VERSION),
    pid: z.int(),
    /** The configuration that it runs on as keepalived.conf, includes put in; with its passwords, as the file has them. */
    text: z.string(),
    /** Of `text`. */
    sha256: z.string(),
    /** The file that was read, and when. */
    file: z.string(),
    loadedAt: z.number(),
  }),
  /** `forget`: these do not speak as before any more. */
  z.object({ kind: z.literal('forgotten'), version: z.literal(CONTROL_VERSION), instances: z.array(z.string()) }),
  z.object({ kind: z.literal('version'), version: z.literal(CONTROL_VERSION), daemon: z.string() }),
  z.object({ kind: z.literal('error'), version: z.literal(CONTROL_VERSION), message: z.string() }),
]);
export type Reply = z.infer<typeof replySchema>;
export type StatusReply = Extract<Reply, { readonly kind: 'status' }>;
export type CountersReply = Extract<Reply, { readonly kind: 'counters' }>;
export type ConfigReply = Extract<Reply, { readonly kind: 'config' }>;
export type Transition = z.infer<typeof transition>;
