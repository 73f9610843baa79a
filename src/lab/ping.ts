/**
 * Pinging through a failover: how many packets were lost and how long nothing came back. It runs fping, which keeps a
 * period of 10 ms (iputils' ping sends every 16 ms when asked for 10), and reads the kernel's time of each reply.
 */
import { createInterface } from 'node:readline';
import type { Lab } from './lab.ts';
import { signalInside } from './process.ts';

export interface PingOptions {
  /** Default 10. */
  readonly intervalMs?: number;
  /** Ends by itself after this many packets. */
  readonly count?: number;
}

export interface PingResult {
  readonly sent: number;
  readonly received: number;
  readonly lost: number;
  /** The longest time between two replies, less the interval that always lies between them; the ends count as well. */
  readonly longestSilenceMs: number;
  /** The longest delay of a send: above some 20 ms this machine stood still, and the silence is not the pair's. */
  readonly stalledMs: number;
  /** Sequence numbers of the lost packets, in order. */
  readonly lostSequence: readonly number[];
}

export interface Pinger {
  /** Resolves when the first reply is there. */
  readonly answered: Promise<void>;
  readonly ended: Promise<PingResult>;
  stop(): Promise<PingResult>;
}

/** A reply later than this counts as lost. */
const REPLY_MS_MAX = 1000;

export interface Reply {
  readonly sequence: number;
  /** Of the reply's arrival, in milliseconds since 1970. */
  readonly at: number;
  readonly roundTripMs: number;
}

export function startPing(lab: Lab, from: string, address: string, options: PingOptions = {}): Pinger {
  const intervalMs = options.intervalMs ?? 10;
  const end = options.count === undefined ? ['-l'] : ['-c', `${options.count}`];
  const command = ['fping', ...end, '-D', '-p', `${intervalMs}`, '-t', `${REPLY_MS_MAX}`, address];
  const child = lab.spawn(from, command);
  const replies: Reply[] = [];
  const errors: string[] = [];
  let sent: number | undefined;
  let firstReply = (): void => {};
  const answered = new Promise<void>((resolve) => {
    firstReply = resolve;
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    const reply = parseReply(line);
    if (reply === undefined) return;
    replies.push(reply);
    firstReply();
  });
  createInterface({ input: child.stderr }).on('line', (line) => {
    const total = /xmt\/rcv\/%loss = (\d+)\//.exec(line);
    if (total !== null) sent = Number(total[1]);
    else if (line !== '') errors.push(line);
  });
  const ended = new Promise<PingResult>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => {
      if (sent === undefined) reject(new Error(`fping ended without a summary: ${errors.slice(0, 3).join(' / ')}`));
      else resolve(summarize(replies, { sent, intervalMs }));
    });
  });
  // Whoever asks hears of a failure; a pinger that nobody asks must not end the program.
  ended.catch(() => {});
  return {
    answered,
    ended,
    stop: () => {
      signalInside(child, 'SIGINT');
      return ended;
    },
  };
}

/** `[1795362071.05561] 192.168.1.1 : [0], 64 bytes, 0.345 ms (...)` */
export function parseReply(line: string): Reply | undefined {
  const match = /^\[(\d+\.\d+)\] \S+ +: \[(\d+)\], \d+ bytes, ([\d.]+) ms/.exec(line);
  if (match === null) return undefined;
  return { at: Number(match[1]) * 1000, sequence: Number(match[2]), roundTripMs: Number(match[3]) };
}

export function summarize(
  unsorted: readonly Reply[],
  { sent, intervalMs }: { readonly sent: number; readonly intervalMs: number },
): PingResult {
  const replies = unsorted.toSorted((a, b) => a.sequence - b.sequence);
  const answered = new Set(replies.map((reply) => reply.sequence));
  const lostSequence = Array.from({ length: sent }, (_, sequence) => sequence).filter((each) => !answered.has(each));
  const first = replies[0];
  const last = replies.at(-1);
  // Silence before the first reply and after the last can only be counted in packets.
  let longestSilenceMs = Math.max(first?.sequence ?? sent, sent - 1 - (last?.sequence ?? -1)) * intervalMs;
  let stalledMs = 0;
  for (const [index, reply] of replies.entries()) {
    const before = replies[index - 1];
    if (before === undefined) continue;
    longestSilenceMs = Math.max(longestSilenceMs, reply.at - before.at - intervalMs);
    const betweenSends = reply.at - reply.roundTripMs - (before.at - before.roundTripMs);
    // fping's period is up to two per cent long: it adds what its own loop takes.
    stalledMs = Math.max(stalledMs, betweenSends - (reply.sequence - before.sequence) * intervalMs * 1.02);
  }
  return { sent, received: answered.size, lost: lostSequence.length, longestSilenceMs, stalledMs, lostSequence };
}
