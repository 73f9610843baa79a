/** `tandemd ctl`: asks the running daemon through its control socket. */
import { connect } from 'node:net';
import { parseArgs } from 'node:util';
import { ReplyReader, requestLine } from '../control/client.ts';
import {
  CONTROL_SOCKET,
  CONTROL_VERSION,
  type CountersReply,
  type Reply,
  type Request,
  requestSchema,
  type StatusReply,
} from '../control/messages.ts';
import { openMetrics } from '../control/metrics.ts';
import { EXIT } from './exit.ts';

const USAGE =
  'usage: tandemd ctl status|counters|config|version|forget ... [--json] [--socket FILE]\n       tandemd ctl metrics [--socket FILE]';
/** Each word once is all that there is to ask; they are asked at once, and the daemon takes 16 connections. */
const ASKED_MAX = requestSchema.shape.ask.options.length;
/** The daemon answers within one turn of its loop. */
const ANSWER_MS_MAX = 10_000;

/** @returns the exit code */
export async function ctl(argv: readonly string[]): Promise<number> {
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  const asked = readArguments(argv);
  if (typeof asked === 'string') {
    say(`${asked}\n${USAGE}`);
    return EXIT.failed;
  }
  try {
    const replies = await Promise.all(asked.requests.map((request) => ask(asked.socket, request)));
    const [status, counters] = replies;
    if (asked.metrics && status?.kind === 'status' && counters?.kind === 'counters') {
      process.stdout.write(openMetrics(status, counters));
      return EXIT.ok;
    }
    for (const reply of replies) {
      if (asked.json) process.stdout.write(`${JSON.stringify(reply)}\n`);
      else if (reply.kind !== 'error') process.stdout.write(text(reply));
    }
    const refusal = replies.find((reply) => reply.kind === 'error');
    if (refusal) throw new Error(refusal.message);
    return EXIT.ok;
  } catch (error) {
    say(`tandemd ctl: ${(error as Error).message}`);
    return EXIT.failed;
  }
}

interface Asked {
  /** A reply a line, in this order. */
  readonly requests: readonly Request[];
  readonly json: boolean;
  /** Status and counters, as OpenMetrics. */
  readonly metrics: boolean;
  readonly socket: string;
}

function readArguments(argv: readonly string[]): Asked | string {
  try {
    const options = { json: { type: 'boolean' }, socket: { type: 'string' } } as const;
    const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true });
    const metrics = positionals.join() === 'metrics' && !values.json;
    const words = metrics ? ['status', 'counters'] : positionals;
    const requests = words.flatMap((word) => {
      const request = requestSchema.safeParse({ version: CONTROL_VERSION, ask: word });
      return request.success ? [request.data] : [];
    });
    const understood = requests.length > 0 && requests.length === words.length;
    if (!understood || requests.length > ASKED_MAX)
      return 'status, counters, config, version, forget and, alone, metrics can be asked for';
    const socket = values.socket ?? process.env.TANDEMD_SOCKET ?? CONTROL_SOCKET;
    return { requests, json: values.json ?? false, metrics, socket };
  } catch (error) {
    return (error as Error).message;
  }
}

function ask(path: string, request: Request): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const reader = new ReplyReader();
    const socket = connect(path, () => socket.write(requestLine(request)));
    const fail = (cause: Error): void => {
      socket.destroy();
      reject(cause);
    };
    socket.setEncoding('utf8');
    socket.setTimeout(ANSWER_MS_MAX, () => fail(new Error('tandemd does not answer')));
    socket.on('error', (cause) => fail(new Error(`tandemd cannot be asked at ${path}: ${cause.message}`)));
    socket.on('end', () => fail(new Error('tandemd ended the connection before its answer')));
    socket.on('data', (chunk: string) => {
      try {
        const reply = reader.take(chunk);
        if (reply === undefined) return;
        socket.destroy();
        resolve(reply);
      } catch (cause) {
        fail(cause as Error);
      }
    });
  });
}

function text(reply: Exclude<Reply, { kind: 'error' }>): string {
  switch (reply.kind) {
    case 'version':
      return `${reply.daemon}\n`;
    case 'config':
      return reply.text;
    case 'forgotten':
      return reply.instances.map((name) => `${name} speaks as its file says, and no other way\n`).join('');
    case 'status':
      return reply.instances.map(instanceText).join('');
    case 'counters':
      return reply.instances.map(countersText).join('');
  }
}

function instanceText(one: StatusReply['instances'][number]): string {
  const last = one.transitions.at(-1);
  const since = last === undefined ? '' : ` since ${new Date(last.at * 1000).toISOString()} (${last.reason})`;
  const faults = one.faults.length > 0 ? `, ${one.faults.join(', ')}` : '';
  const { former } = one;
  const also = former
    ? `, for ${Math.ceil(former.secondsLeft)} s also as before: version ${former.version}, ${former.advertIntMs} ms`
    : '';
  return `${one.name}  ${one.state}${faults}  priority ${one.effectivePriority}${since}${also}\n`;
}

function countersText({ name, dropped, differed, ...counts }: CountersReply['instances'][number]): string {
  const rows = Object.entries({ ...counts, ...dropped, ...differed });
  return `${name}\n${rows.map(([what, count]) => `  ${what} ${count}\n`).join('')}`;
}
