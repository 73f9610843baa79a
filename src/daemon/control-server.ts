/**
 * The control socket: a unix socket that only root may open, one request and one reply a connection. It answers from
 * what the loop knows at that moment; `forget` alone changes anything.
 */
import { rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { CONTROL_VERSION, REQUEST_BYTES_MAX, type Reply, type Request, requestSchema } from '../control/messages.ts';

/** `status` in a terminal and a collector of metrics are two; sixteen at once are a fault of someone's. */
const CONNECTIONS_MAX = 16;
/** A client asks at once; one that does not only holds a place. */
const IDLE_MS_MAX = 5_000;

/** What is long is worked out a little at a time, and comes later. */
type Answer = (request: Request) => Reply | Promise<Reply>;

export class ControlServer {
  readonly #server: Server;
  readonly #path: string;

  private constructor(server: Server, path: string) {
    this.#server = server;
    this.#path = path;
  }

  /** Rejects where the path cannot be had. A socket that a dead daemon left is taken over. */
  static async listen(path: string, answer: Answer, failed: (error: Error) => void): Promise<ControlServer> {
    if (await isAnswered(path)) throw new Error(`${path} belongs to a tandemd that runs: TANDEMD_SOCKET names another`);
    rmSync(path, { force: true });
    const server = createServer({ allowHalfOpen: true }, (socket) => serve(socket, answer));
    server.maxConnections = CONNECTIONS_MAX;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      // 0600 by umask, and not by a chmod behind it: `listen` makes the socket before it returns.
      const before = process.umask(0o177);
      server.listen(path, resolve);
      process.umask(before);
    });
    server.on('error', failed);
    return new ControlServer(server, path);
  }

  close(): void {
    this.#server.close();
    rmSync(this.#path, { force: true });
  }
}

/** Routers in namespaces may share /run: the socket of another one is not ours to take. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const answer = (answered: boolean) => (): void => {
      socket.destroy();
      resolve(answered);
    };
    socket.once('connect', answer(true)).once('error', answer(false));
  });
}

function serve(socket: Socket, answer: Answer): void {
  let text = '';
  const reply = (message: Reply): void => {
    // And not `end`: a client that goes on talking would keep its place for as long as it likes.
    socket.write(`${JSON.stringify(message)}\n`);
    socket.destroySoon();
  };
  const refuse = (message: string): void => reply({ kind: 'error', version: CONTROL_VERSION, message });
  socket.setTimeout(IDLE_MS_MAX, () => socket.destroy());
  // A client that goes away in the middle is its own affair.
  socket.on('error', () => socket.destroy());
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    text += chunk;
    if (text.length <= REQUEST_BYTES_MAX && !text.includes('\n')) return;
    // There is one request, whatever else is said while it is answered.
    socket.removeAllListeners('data');
    if (text.length > REQUEST_BYTES_MAX) refuse('the request is too long');
    else respond();
  });
  socket.on('end', () => socket.end());

  function respond(): void {
    const request = requestSchema.safeParse(parseJson(text.slice(0, text.indexOf('\n'))));
    if (request.success) {
      Promise.resolve(answer(request.data)).then(reply, (error: Error) => refuse(error.message));
    } else refuse(`the request is not understood: version ${CONTROL_VERSION} is spoken here`);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
