/**
 * The daemon's log. A line is one event: journald gets it with its fields, syslog as one line, a console with the
 * time as keepalived prints it. Nothing here waits: a log that nobody reads must not cost mastership.
 */
import { existsSync } from 'node:fs';

/** syslog(3)'s severities, those that are used. */
export const PRIORITY = { error: 3, warning: 4, notice: 5, info: 6, debug: 7 } as const;
export type Priority = keyof typeof PRIORITY;

/** What journald keeps beside the text, so that one can ask for `TANDEM_INSTANCE=VI_0`; names as journald wants them. */
export type Fields = Readonly<Record<string, string>>;

export type Log = (priority: Priority, message: string, fields?: Fields) => void;

export interface Sink {
  write(priority: Priority, message: string, fields: Fields): void;
}

/** @param detail whether `debug` goes out too (-D) */
export function createLog(sinks: readonly Sink[], detail: boolean): Log {
  return (priority, message, fields = {}) => {
    if (priority === 'debug' && !detail) return;
    for (const sink of sinks) sink.write(priority, message, fields);
  };
}

/** A line a message with the time in front, as keepalived's -l: `Sun Nov 22 16:18:58 2026: (VI_0) Entering ...`. */
export function consoleSink(print: (line: string) => void, now: () => Date = () => new Date()): Sink {
  return {
    write(_priority, message) {
      const stamp = time(now());
      for (const line of message.split('\n')) print(`${stamp}: ${line}\n`);
    },
  };
}

/** asctime(3): local time, with the day of the month padded by a blank. */
function time(date: Date): string {
  const [weekday, month, day, year] = date.toDateString().split(' ');
  return `${weekday} ${month} ${String(Number(day)).padStart(2)} ${date.toTimeString().slice(0, 8)} ${year}`;
}

/** Sends one datagram, or loses it. */
export interface Datagrams {
  send(bytes: Uint8Array): boolean;
}

export const JOURNAL_SOCKET = '/run/systemd/journal/socket';
export const SYSLOG_SOCKET = '/dev/log';

/** The one that this machine has, journald before syslog. */
export const logSocket = (exists: (path: string) => boolean = existsSync): string | undefined =>
  [JOURNAL_SOCKET, SYSLOG_SOCKET].find(exists);

/**
 * journald's own protocol: FIELD=value lines; a value of several lines as FIELD, its length in 64 bits, the bytes.
 * Source: systemd.io/JOURNAL_NATIVE_PROTOCOL.
 */
export function journalSink(socket: Datagrams, identifier: string): Sink {
  return {
    write(priority, message, fields) {
      for (const MESSAGE of pieces(message)) {
        const all = { MESSAGE, PRIORITY: String(PRIORITY[priority]), SYSLOG_IDENTIFIER: identifier, ...fields };
        socket.send(Buffer.concat(Object.entries(all).map(([name, value]) => journalField(name, value))));
      }
    },
  };
}

/** The kernel takes a datagram of some 200 KiB (net.core.wmem_max), in up to four bytes a character. */
const PIECE_MAX = 32 * 1024;

/** A report of hundreds of problems is too long for one datagram: cut at ends of lines, as far as there are any. */
function pieces(message: string): readonly string[] {
  const found: string[] = [];
  let rest = message;
  while (rest.length > PIECE_MAX) {
    const end = rest.lastIndexOf('\n', PIECE_MAX);
    found.push(rest.slice(0, end > 0 ? end : PIECE_MAX));
    rest = rest.slice(end > 0 ? end + 1 : PIECE_MAX);
  }
  return [...found, rest];
}

function journalField(name: string, value: string): Buffer {
  if (!value.includes('\n')) return Buffer.from(`${name}=${value}\n`);
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([Buffer.from(`${name}\n`), length, bytes, Buffer.from('\n')]);
}

/** RFC 3164, as /dev/log takes it: facility daemon. */
const FACILITY_DAEMON = 3;

export function syslogSink(socket: Datagrams, identifier: string, now: () => Date = () => new Date()): Sink {
  return {
    write(priority, message) {
      const head = `<${FACILITY_DAEMON * 8 + PRIORITY[priority]}>${time(now()).slice(4, 19)} ${identifier}[${process.pid}]`;
      for (const line of message.split('\n')) socket.send(Buffer.from(`${head}: ${line}`));
    },
  };
}
