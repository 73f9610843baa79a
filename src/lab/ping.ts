/**
 * Pinging through a failover: how many packets were lost and how long nothing came back. It runs fping, which keeps a
 * period of 10 ms (iputils' ping sends every 16 ms when asked for 10), and reads the kernel's time of each reply.
 */
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
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
  /** Resolves when the first reply is there; rejects when the pinger ends without one. */
  readonly answered: Promise<void>;
  readonly ended: Promise<PingResult>;
  /** Ends after the next reply, or after the second in which one would have come. */
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
  let lastLost = -1;
  let finished = false;
  let heard = (): void => {};
  /** Resolves with the next reply. */
  const next = (): Promise<void> =>
    new Promise((resolve) => {
      heard = resolve;
    });
  const first = next();
  createInterface({ input: child.stdout }).on('line', (line) => {
    const reply = parseReply(line);
    if (reply === undefined) lastLost = Math.max(lastLost, Number(/: \[(\d+)\], timed out/.exec(line)?.[1] ?? -1));
    else {
      replies.push(reply);
      heard();
    }
  });
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (/xmt\/rcv\/%loss/.test(line)) finished = true;
    else if (line !== '') errors.push(line);
  });
  const ended = new Promise<PingResult>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => {
      if (!finished) reject(new Error(`fping ended without a summary: ${errors.slice(0, 3).join(' / ')}`));
      else resolve(summarize(replies, { lastLost, intervalMs }));
    });
  });
  const unanswered = ended.then((result) => {
    if (result.received === 0) throw new Error(`${address} never answered ${from}`);
  });
  // Whoever asks hears of a failure; a pinger that nobody asks must not end the program.
  unanswered.catch(() => {});
  return {
    answered: Promise.race([first, unanswered]),
    ended,
    stop: async () => {
      // fping says nothing of packets still on their way: the next reply, or the time after which there is none,
      // tells of all that were sent up to now.
      const timer = new AbortController();
      await Promise.race([
        next(),
        delay(REPLY_MS_MAX * 1.1, undefined, { signal: timer.signal }).catch(() => {}),
        ended,
      ]);
      timer.abort();
      signalInside(child, 'SIGINT');
      return ended;
    },
  };
}

/** `[1795362071.05561] 192.168.1.1 : [0], 64 bytes, 0.345 ms (...)` */
export function parseReply(line: string): Reply | undefined {
  const match = /^\[(\d+\.\d+)\] \S+ +: \[(\d+)\], \d+ bytes, ([\d.]+) ms/.exec(line);
  if (match === null) return undefined;
  return { at: milliseconds(match[1]), sequence: Number(match[2]), roundTripMs: Number(match[3]) };
}

/** @param run.lastLost the highest sequence number that fping gave up, -1 for none */
export function summarize(
  unsorted: readonly Reply[],
  run: { readonly lastLost: number; readonly intervalMs: number },
): PingResult {
  const { lastLost, intervalMs } = run;
  const replies = unsorted.toSorted((a, b) => a.sequence - b.sequence);
  const answered = new Set(replies.map((reply) => reply.sequence));
  const last = replies.at(-1)?.sequence ?? -1;
  const sent = Math.max(last, lastLost) + 1;
  const lostSequence = Array.from({ length: sent }, (_, sequence) => sequence).filter((each) => !answered.has(each));
  // Silence before the first reply and after the last can only be counted in packets.
  let longestSilenceMs = Math.max(replies[0]?.sequence ?? sent, sent - 1 - last) * intervalMs;
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

/** Seconds with decimals; to a microsecond, which is what fping prints at best. */
const milliseconds = (seconds: string | undefined): number => Math.round(Number(seconds) * 1e6) / 1e3;
