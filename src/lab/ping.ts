/**
 * Pinging through a failover: how many packets were lost and how long nothing came back. The prober (probe.ts) runs
 * in the node, keeps a period of 10 ms exactly, and tells the kernel's time of each reply.
 */
import { createInterface } from 'node:readline';
import { deferred } from '../base/deferred.ts';
import { treeProgram } from './boot.ts';
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
  /** Ends when what was sent is answered, or after the second in which an answer would have come. */
  stop(): Promise<PingResult>;
}

/** A reply later than this counts as lost. */
const REPLY_MS_MAX = 1000;
/** Of what the prober complains of, the end: enough for its last sentence. */
const COMPLAINTS_MAX = 500;

export interface Reply {
  readonly number: number;
  /** Milliseconds since 1970. */
  readonly sentAt: number;
  /** The same, by the kernel. */
  readonly arrivedAt: number;
}

export function startPing(lab: Lab, from: string, address: string, options: PingOptions = {}): Pinger {
  const intervalMs = options.intervalMs ?? 10;
  const count = options.count === undefined ? [] : [`${options.count}`];
  const argv = [address, `${intervalMs}`, `${REPLY_MS_MAX}`, ...count];
  const child = lab.spawn(from, treeProgram(lab.state, from, 'lab/probe', argv));
  const replies: Reply[] = [];
  let summary: Summary | undefined;
  let complaints = '';
  const begun = deferred<void>();
  const first = deferred<void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    const reply = parseReply(line);
    if (reply !== undefined) {
      replies.push(reply);
      first.resolve();
    } else if (line === 'begun') begun.resolve();
    else summary = parseEnd(line);
  });
  child.stderr.on('data', (chunk: Buffer) => {
    complaints = (complaints + chunk.toString('utf8')).slice(-COMPLAINTS_MAX);
  });
  const ended = new Promise<PingResult>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => {
      if (summary === undefined) reject(new Error(`the prober on ${from} ended early: ${complaints.trim()}`));
      else resolve(summarize(replies, { ...summary, intervalMs }));
    });
  });
  const unanswered = ended.then((result) => {
    if (result.received === 0) throw new Error(`${address} never answered ${from}`);
  });
  // Whoever asks hears of a failure; a pinger that nobody asks must not end the program.
  unanswered.catch(() => {});
  return {
    answered: Promise.race([first.promise, unanswered]),
    ended,
    stop: async () => {
      // Before that a signal would end the program without a word.
      await Promise.race([begun.promise, ended]);
      signalInside(child, 'SIGINT');
      return ended;
    },
  };
}

/** `reply 3 1795362071055.610 1795362071055.911` */
export function parseReply(line: string): Reply | undefined {
  const match = /^reply (\d+) ([\d.]+) ([\d.]+)$/.exec(line);
  if (match === null) return undefined;
  return { number: Number(match[1]), sentAt: Number(match[2]), arrivedAt: Number(match[3]) };
}

export interface Summary {
  readonly sent: number;
  readonly stalledMs: number;
}

/** `end 100 1.203` */
export function parseEnd(line: string): Summary | undefined {
  const match = /^end (\d+) ([\d.]+)$/.exec(line);
  return match === null ? undefined : { sent: Number(match[1]), stalledMs: Number(match[2]) };
}

export function summarize(
  unsorted: readonly Reply[],
  { sent, stalledMs, intervalMs }: Summary & { readonly intervalMs: number },
): PingResult {
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
