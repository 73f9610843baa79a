/**
 * A program of its own that `lab ping` runs inside a node: ADDRESS INTERVAL REPLY-MAX COUNT, times in milliseconds. It sends
 * an echo request at every multiple of the interval, on a timer that does not drift, and prints a line for each thing
 * that happens:
 *
 *   begun                            it listens, and hears SIGINT
 *   reply NUMBER SENT ARRIVED        both since 1970
 *   end SENT-IN-ALL LATEST           the longest that a request left after its time
 *
 * SIGINT ends the sending; the program ends when every reply is there, or can come no more.
 */
import { type Ip, parseIp } from '../base/address.ts';
import { assert } from '../base/assert.ts';
import { ms } from '../base/units.ts';
import { openEcho } from '../linux/icmp.ts';
import { monotonicNow, openDeadline } from '../linux/timer.ts';

interface ProbeOptions {
  readonly address: Ip;
  readonly intervalMs: number;
  /** A reply later than this is none. */
  readonly replyMsMax: number;
  readonly count: number;
}

function readArguments([target = '', ...numbers]: readonly string[]): ProbeOptions {
  const address = parseIp(target);
  if (address?.family !== 4) throw new Error(`${target} is no IPv4 address`);
  const [intervalMs = 0, replyMsMax = 0, count = 0] = numbers.map(Number);
  assert(intervalMs > 0 && replyMsMax > 0 && count > 0, 'startPing writes the arguments');
  return { address, intervalMs, replyMsMax, count };
}

function probe({ address, intervalMs, replyMsMax, count }: ProbeOptions): void {
  /** When each request left whose reply is still awaited, oldest first. */
  const awaited = new Map<number, number>();
  let sent = 0;
  let latest = 0;
  let due = ms(monotonicNow() + intervalMs);
  let stopped = false;
  const socket = openEcho(address, ({ number, at }) => {
    const sentAt = awaited.get(number);
    if (sentAt === undefined) return;
    awaited.delete(number);
    if (at - sentAt <= replyMsMax) write(`reply ${number} ${sentAt} ${at.toFixed(3)}`);
    if (stopped && awaited.size === 0) end();
  });
  const sending = openDeadline(() => {
    const late = monotonicNow() - due;
    latest = Math.max(latest, late);
    // The clock of the kernel's times of arrival.
    const sentAt = Date.now();
    socket.send(sent);
    awaited.set(sent, sentAt);
    sent += 1;
    forget(awaited, sentAt - replyMsMax);
    // A machine that stood still does not make up for it with a burst.
    due = ms(late < intervalMs ? due + intervalMs : monotonicNow() + intervalMs);
    if (sent >= count) stop();
    else sending.arm(due);
  });
  const waiting = openDeadline(() => end());
  const stop = (): void => {
    if (stopped) return;
    stopped = true;
    sending.close();
    if (awaited.size === 0) end();
    else waiting.arm(ms(monotonicNow() + replyMsMax));
  };
  const end = (): void => {
    process.removeListener('SIGINT', stop);
    socket.close();
    waiting.close();
    write(`end ${sent} ${latest.toFixed(3)}`);
  };
  process.on('SIGINT', stop);
  sending.arm(due);
  write('begun');
}

function forget(awaited: Map<number, number>, before: number): void {
  for (const [number, at] of awaited) {
    if (at >= before) return;
    awaited.delete(number);
  }
}

const write = (line: string): boolean => process.stdout.write(`${line}\n`);

probe(readArguments(process.argv.slice(2)));
