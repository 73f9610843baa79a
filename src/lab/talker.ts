/**
 * A program of its own that `startTalk` runs in two nodes: one TCP connection through the pair, over which a number goes
 * out at every multiple of the interval and comes back. Arguments: `listen ADDRESS PORT`, or
 * `talk ADDRESS PORT INTERVAL`, in milliseconds. What it prints:
 *
 *   begun                            it listens; or the first number came back
 *   end SENT BACK LONGEST            at SIGINT: how many numbers, and the longest time without one of them
 *
 * A connection that breaks ends the program with an error; there is no second one.
 */
import { connect, createServer } from 'node:net';
import { assert } from '../base/assert.ts';

/** What TCP with its retransmissions did not bring back by then was not about to come. */
const LAST_MS_MAX = 2_000;

const print = (line: string): boolean => process.stdout.write(`${line}\n`);

/** Everything that comes goes back, until the program is ended. */
function listen(host: string, port: number): void {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  server.listen({ host, port }, () => print('begun'));
  process.once('SIGINT', () => {
    print('end 0 0 0');
    process.exit();
  });
}

function talk(host: string, port: number, intervalMs: number): void {
  const socket = connect({ host, port, noDelay: true });
  let [sent, back, longest, last] = [0, 0, 0, 0];
  let rest = '';
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  const began = performance.now();
  const say = (): void => {
    socket.write(`${sent}\n`);
    sent += 1;
    // By the clock, so that it does not drift.
    timer = setTimeout(say, Math.max(1, began + sent * intervalMs - performance.now()));
  };
  const end = (): void => {
    print(`end ${sent} ${back} ${longest.toFixed(3)}`);
    process.exit();
  };
  socket.once('connect', say);
  socket.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    const now = performance.now();
    if (back > 0) longest = Math.max(longest, now - last);
    else print('begun');
    last = now;
    for (const line of lines) {
      assert(line === `${back}`, 'TCP keeps the order');
      back += 1;
    }
    if (stopped && back === sent) end();
  });
  let reason = 'the other side ended it';
  socket.once('error', (error) => {
    reason = error.message;
  });
  socket.once('close', () => {
    process.stderr.write(`the connection broke after ${back} of ${sent} numbers: ${reason}\n`);
    process.exit(1);
  });
  process.once('SIGINT', () => {
    stopped = true;
    clearTimeout(timer);
    if (back === sent) end();
    else setTimeout(end, LAST_MS_MAX);
  });
}

const [role, host, port, intervalMs] = process.argv.slice(2);
assert(host !== undefined && port !== undefined, 'startTalk writes the arguments');
if (role === 'listen') listen(host, Number(port));
else talk(host, Number(port), Number(intervalMs));
