/**
 * Pinging through a failover: how many packets were lost and how long nothing came back. The prober (probe.ts) runs
 * in the node, keeps a period of 10 ms exactly, and tells the kernel's time of each reply.
 */
import { parseIp } from '../base/address.ts';
import { deferred } from '../base/deferred.ts';
import type { Lab } from './lab.ts';
import { startProgram } from './tree-program.ts';

export interface PingOptions {
  /** Default 10. */
  readonly intervalMs?: number;
  /** Ends by itself after this many packets. Default and maximum: PACKETS_MAX. */
  readonly count?: number;
  /** A reply later than this counts as lost. Default 1000. */
  readonly replyMsMax?: number;
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

/** Every reply is kept until the end: of more the result would not be waited for. One every 10 ms: nearly three hours. */
export const PACKETS_MAX = 1_000_000;

export interface Pinger {
  /** Resolves when the first reply is there; rejects when the pinger ends without one. */
  readonly answered: Promise<void>;
  readonly ended: Promise<PingResult>;
  /** Ends when what was sent is answered, or after the time in which an answer would have come. */
  stop(): Promise<PingResult>;
}

export interface Reply {
  readonly number: number;
  /** Milliseconds since 1970. */
  readonly sentAt: number;
  /** The same, by the kernel. */
  readonly arrivedAt: number;
}

export function startPing(lab: Lab, from: string, address: string, options: PingOptions = {}): Pinger {
  const intervalMs = options.intervalMs ?? 10;
  if (parseIp(address)?.family !== 4) throw new Error(`"${address}" is no IPv4 address`);
  const count = Math.min(options.count ?? PACKETS_MAX, PACKETS_MAX);
  const argv = [address, `${intervalMs}`, `${options.replyMsMax ?? 1000}`, `${count}`];
  const replies: Reply[] = [];
  const first = deferred<void>();
  const onLine = (line: string): void => {
    const reply = parseReply(line);
    if (reply === undefined) return;
    replies.push(reply);
    first.resolve();
  };
  const prober = startProgram(lab, from, { program: 'lab/probe', argv, onLine });
  const result = ([sent, stalledMs]: readonly string[]): PingResult =>
    summarize(replies, { sent: Number(sent), stalledMs: Number(stalledMs), intervalMs });
  const ended = prober.ended.then(result);
  const unanswered = ended.then(({ received }) => {
    if (received === 0) throw new Error(`${address} never answered ${from}`);
  });
  const answered = Promise.race([first.promise, unanswered]);
  // Whoever asks hears of a failure; a pinger that nobody asks must not end the program.
  for (const each of [ended, unanswered, answered]) each.catch(() => {});
  return {
    answered,
    ended,
    stop: async () => result(await prober.stop()),
  };
}

/** `reply 3 1795362071055.610 1795362071055.911` */
export function parseReply(line: string): Reply | undefined {
  const match = /^reply (\d+) ([\d.]+) ([\d.]+)$/.exec(line);
  if (match === null) return undefined;
  return { number: Number(match[1]), sentAt: Number(match[2]), arrivedAt: Number(match[3]) };
}

/** @param run.stalledMs the longest that a packet left after its time */
export function summarize(
  unsorted: readonly Reply[],
  run: { readonly sent: number; readonly stalledMs: number; readonly intervalMs: number },
): PingResult {
  const { sent, stalledMs, intervalMs } = run;
  const replies = unsorted.toSorted((a, b) => a.number - b.number);
  const answered = new Set(replies.map((reply) => reply.number));
  const last = replies.at(-1)?.number ?? -1;
  const lostSequence = Array.from({ length: sent }, (_, number) => number).filter((each) => !answered.has(each));
  // Silence before the first reply and after the last can only be counted in packets.
  let longestSilenceMs = Math.max(replies[0]?.number ?? sent, sent - 1 - last) * intervalMs;
  for (const [index, reply] of replies.entries()) {
    const before = replies[index - 1];
    if (before !== undefined) {
      longestSilenceMs = Math.max(longestSilenceMs, reply.arrivedAt - before.arrivedAt - intervalMs);
    }
  }
  return { sent, received: answered.size, lost: lostSequence.length, longestSilenceMs, stalledMs, lostSequence };
}
