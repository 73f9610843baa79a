/** An SSH connection as a Remote: commands with limits, each of which ends when the connection does. */

import type { Client, ClientChannel } from 'ssh2';
import { deferred } from '../base/deferred.ts';
import { formatDuration } from '../base/units.ts';
import { quoteCommand } from './quote.ts';
import { type ExecOptions, type ExecResult, type Remote, RemoteError } from './remote.ts';

/** 10,000 addresses and as many routes as JSON are about 5 MB. */
const outputMax = 32 * 1024 * 1024;
/** sshd's MaxSessions is 10 by default; more channels than that are refused. */
const channelsMax = 8;
/** A server that does not close within this time is left alone: the connection is destroyed. */
const closeTimeoutMs = 2000;

export class SshSession implements Remote {
  readonly router: string;
  readonly #client: Client;
  readonly #below: readonly AsyncDisposable[];
  readonly #running = new Set<(error: RemoteError) => void>();
  readonly #waiting: (() => void)[] = [];
  #channels = 0;
  #closed: Promise<void>;
  #lost: RemoteError | undefined;

  /** @param below what carries this connection (jump hosts, a proxy command), outermost last: closed after it */
  constructor(router: string, client: Client, below: readonly AsyncDisposable[]) {
    this.router = router;
    this.#client = client;
    this.#below = below;
    let cause: Error | undefined;
    client.on('error', (error) => {
      cause ??= error;
      client.destroy();
    });
    this.#closed = new Promise((resolve) => {
      client.on('close', () => {
        const reason = cause === undefined ? 'the connection was closed' : `the connection broke: ${cause.message}`;
        this.#lost = new RemoteError('cut', router, reason, cause && { cause });
        for (const reject of [...this.#running]) reject(this.#lost);
        for (const wake of this.#waiting.splice(0)) wake();
        resolve();
      });
    });
  }

  async exec(argv: readonly string[], options: ExecOptions): Promise<ExecResult> {
    const line = quoteCommand(argv);
    while (this.#channels >= channelsMax && this.#lost === undefined) {
      await new Promise<void>((wake) => this.#waiting.push(wake));
    }
    if (this.#lost !== undefined) throw this.#error('cut', options.what, 'the connection is closed', this.#lost);
    this.#channels++;
    try {
      return await this.#run(line, options);
    } finally {
      this.#channels--;
      this.#waiting.shift()?.();
    }
  }

  #run(line: string, options: ExecOptions): Promise<ExecResult> {
    const { promise, resolve, reject } = deferred<ExecResult>();
    let channel: ClientChannel | undefined;
    const fail = (error: RemoteError) => {
      channel?.destroy();
      reject(error);
    };
    const cut = (cause: RemoteError) => fail(this.#error('cut', options.what, cause.message, cause));
    const timer = setTimeout(() => {
      fail(this.#error('timeout', options.what, `no end within ${formatDuration(options.timeout)}`));
    }, options.timeout);
    this.#running.add(cut);
    const begin = (error: Error | undefined, opened: ClientChannel) => {
      if (error) return fail(this.#error('cut', options.what, `no channel: ${error.message}`, error));
      channel = opened;
      collect(opened, options.heard, (outcome) => {
        if (outcome === 'too large') {
          fail(this.#error('output-too-large', options.what, `more than ${outputMax} bytes of output`));
        } else if (outcome === 'no status') {
          fail(this.#error('cut', options.what, 'the connection ended before the command did'));
        } else resolve(outcome);
      });
      feed(opened, options);
    };
    try {
      this.#client.exec(line, begin);
    } catch (error) {
      // Its socket is gone, and it has not told so yet.
      cut(new RemoteError('cut', this.router, (error as Error).message, { cause: error }));
    }
    return promise.finally(() => {
      clearTimeout(timer);
      this.#running.delete(cut);
    });
  }

  #error(kind: RemoteError['kind'], what: string, reason: string, cause?: Error): RemoteError {
    return new RemoteError(kind, this.router, `${what}: ${reason}`, cause && { cause });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.end();
    const timer = setTimeout(() => this.#client.destroy(), closeTimeoutMs);
    await this.#closed;
    clearTimeout(timer);
    for (const each of this.#below) await each[Symbol.asyncDispose]();
  }
}

/** Of what is sent under somebody's eyes: half of the window that sshd opens, so the line never runs dry. */
const pieceLength = 1024 * 1024;

/** Standard input, and its end. A channel that closed early says so by itself. */
function feed(channel: ClientChannel, { stdin = '', sent }: ExecOptions): void {
  if (sent === undefined) {
    channel.end(stdin);
    return;
  }
  const bytes = typeof stdin === 'string' ? Buffer.from(stdin) : stdin;
  const sendFrom = (start: number) => {
    sent(start);
    if (start === bytes.length) return void channel.end();
    const end = Math.min(start + pieceLength, bytes.length);
    channel.write(bytes.subarray(start, end), (error) => {
      if (!error) sendFrom(end);
    });
  };
  sendFrom(0);
}

/** Gathers a command's output until its channel closes. */
function collect(
  channel: ClientChannel,
  heard: ExecOptions['heard'],
  done: (outcome: ExecResult | 'too large' | 'no status') => void,
): void {
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
  let size = 0;
  let status: { code: number | undefined; signal?: string } | undefined;
  const take = (into: Buffer[]) => (chunk: Buffer) => {
    size += chunk.length;
    if (size > outputMax) done('too large');
    else into.push(chunk);
  };
  channel.on('data', take(stdout));
  if (heard !== undefined) channel.on('data', (chunk: Buffer) => heard(chunk.toString('utf8')));
  channel.stderr.on('data', take(stderr));
  // A command that ends without reading its input: its exit status tells more than the broken pipe.
  channel.on('error', () => {});
  channel.on('exit', (code: number | null, signal?: string) => {
    status = code === null ? { code: undefined, signal: signal ?? 'unknown' } : { code };
  });
  channel.on('close', () => {
    const text = (chunks: Buffer[]) => Buffer.concat(chunks).toString('utf8');
    done(status === undefined ? 'no status' : { ...status, stdout: text(stdout), stderr: text(stderr) });
  });
}
