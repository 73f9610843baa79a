/** Connects to a router: ssh2 for the protocol, the user's ssh_config for the way, known_hosts for the trust. */

import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { Duplex } from 'node:stream';
import { Client, type ClientErrorExtensions, type ConnectConfig } from 'ssh2';
import { deferred } from '../base/deferred.ts';
import { formatDuration, type Millis } from '../base/units.ts';
import type { SshSettings } from '../inventory/model.ts';
import {
  entriesFor,
  fingerprint,
  hostKeyAlgorithms,
  judgeHostKey,
  type KnownKey,
  keyType,
  knownHostsName,
  parseKnownHosts,
} from './known-hosts.ts';
import { type Remote, RemoteError } from './remote.ts';
import { authentication, type Prompts } from './ssh-auth.ts';
import { type Endpoint, type Route, resolveRoute } from './ssh-config.ts';
import { SshSession } from './ssh-session.ts';
import { becomeRoot } from './sudo.ts';

export interface ConnectTarget {
  readonly router: string;
  /** What ssh would be asked for; ssh_config applies. */
  readonly host: string;
  readonly ssh: SshSettings;
}

export interface ConnectOptions extends Prompts {
  /** Told what of ssh_config is not followed, one sentence at a time. */
  readonly warn?: (sentence: string) => void;
}

/**
 * One connection to one router. Throws a RemoteError: `unreachable`, `timeout`, `host-key-unknown`,
 * `host-key-changed`, `authentication`, `sudo`. Each hop has the connect timeout to itself; questions to a
 * person do not count.
 */
export async function connect(target: ConnectTarget, options: ConnectOptions = {}): Promise<Remote> {
  const { router, ssh } = target;
  const route = await resolveRoute(router, target.host, ssh);
  for (const warning of route.warnings) options.warn?.(warning);
  const session = await open(router, route, options);
  if (ssh.become === 'none') return session;
  try {
    return await becomeRoot(session, ssh.sudo_password);
  } catch (error) {
    await session[Symbol.asyncDispose]();
    throw error;
  }
}

async function open(router: string, route: Route, options: ConnectOptions): Promise<SshSession> {
  // What carries the connection that is made next, the nearest first.
  const proxy = route.proxyCommand === undefined ? undefined : new ProxyProcess(route.proxyCommand);
  const below: AsyncDisposable[] = proxy === undefined ? [] : [proxy];
  let carrier: Duplex | undefined = proxy?.stream;
  try {
    for (const hop of [...route.jumps, route.target]) {
      const client = await shakeHands(router, hop, carrier, options);
      if (hop === route.target) return new SshSession(router, client, below);
      below.unshift(new SshSession(router, client, []));
      const next = route.jumps[route.jumps.indexOf(hop) + 1] ?? route.target;
      carrier = await forward(router, client, hop, next);
    }
    throw new Error('a route ends at its target');
  } catch (error) {
    const ended = await proxy?.ended();
    for (const each of below) await each[Symbol.asyncDispose]();
    if (ended === undefined || !(error instanceof RemoteError)) throw error;
    throw new RemoteError(error.kind, router, `${error.message}; its ProxyCommand ended ${ended}`, { cause: error });
  }
}

function forward(router: string, client: Client, hop: Endpoint, next: Endpoint): Promise<Duplex> {
  const { promise, resolve, reject } = deferred<Duplex>();
  const fail = (reason: string) => {
    reject(new RemoteError('unreachable', router, `through ${hop.name} to ${next.host}:${next.port}: ${reason}`));
  };
  const timer = setTimeout(() => fail(`no answer within ${formatDuration(next.connectTimeout)}`), next.connectTimeout);
  client.once('close', () => fail('the connection was closed'));
  client.forwardOut('127.0.0.1', 0, next.host, next.port, (error, stream) => {
    if (error) fail(error.message);
    else resolve(stream);
  });
  return promise.finally(() => clearTimeout(timer));
}

/** Logs in to one server, over a stream of ours or a TCP connection of its own. */
async function shakeHands(
  router: string,
  hop: Endpoint,
  carrier: Duplex | undefined,
  options: ConnectOptions,
): Promise<Client> {
  const known = await readKnownHosts(router, hop);
  const where = `${hop.user}@${hop.host}:${hop.port}`;
  const closed = () =>
    new RemoteError('unreachable', router, `connecting to ${where}: the server closed the connection`);
  // What ended before ssh2 listens is never told to it.
  if (carrier?.destroyed) throw closed();
  const { promise, resolve, reject } = deferred<Client>();
  const client = new Client();
  let connected = carrier !== undefined;
  let refused: RemoteError | undefined;
  const clock = new Countdown(hop.connectTimeout, () => {
    const reason = connected ? 'the server does not finish the handshake' : 'no answer';
    const message = `connecting to ${where}: ${reason} within ${formatDuration(hop.connectTimeout)}`;
    reject(new RemoteError(connected ? 'timeout' : 'unreachable', router, message));
    client.destroy();
  });
  const login = authentication(router, hop, options, (question) => clock.paused(question));
  client.on('error', (error: Error & ClientErrorExtensions) => {
    // An agent that fails is one way less to log in; ssh2 goes on to the next by itself.
    if (error.level === 'agent') return;
    reject(refused ?? explain(router, where, error, login.notes));
    client.destroy();
  });
  client.on('close', () => reject(closed()));
  client.on('connect', () => {
    connected = true;
  });
  client.on('ready', () => resolve(client));
  const offered = HOST_KEY_ALGORITHMS.filter((algorithm) => hop.hostKeyAlgorithms.includes(algorithm));
  client.connect({
    ...(carrier === undefined ? {} : { sock: carrier }),
    host: hop.host,
    port: hop.port,
    forceIPv4: hop.family === 4,
    forceIPv6: hop.family === 6,
    username: hop.user,
    readyTimeout: 0,
    keepaliveInterval: hop.alive.interval,
    keepaliveCountMax: hop.alive.count,
    algorithms: { serverHostKey: hostKeyAlgorithms(known.entries, offered) } as NonNullable<
      ConnectConfig['algorithms']
    >,
    hostVerifier: (key: Buffer) => {
      refused = judge(router, known, key);
      return refused === undefined;
    },
    authHandler: login.handler,
  });
  client.setNoDelay(true);
  return promise.finally(() => clock.stop());
}

/** What ssh2 can verify; SHA-1 signatures (ssh-rsa) are left out as OpenSSH leaves them out. */
const HOST_KEY_ALGORITHMS = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
];

function explain(router: string, where: string, error: Error & ClientErrorExtensions, notes: readonly string[]) {
  const authentication = error.level === 'client-authentication';
  const tried = notes.length === 0 ? '' : ` (${notes.join('; ')})`;
  const reason = authentication ? `the server accepts none of the ways to log in${tried}` : error.message;
  const kind = authentication ? 'authentication' : 'unreachable';
  return new RemoteError(kind, router, `connecting to ${where}: ${reason}`, { cause: error });
}

interface Known {
  readonly name: string;
  readonly files: readonly string[];
  readonly entries: readonly KnownKey[];
}

/** A known_hosts of a large site has some MB; hashing its names costs a microsecond each. */
const knownHostsMax = 16 * 1024 * 1024;

async function readKnownHosts(router: string, hop: Endpoint): Promise<Known> {
  const name = hop.hostKeyAlias?.toLowerCase() ?? knownHostsName(hop.host, hop.port);
  const keys: KnownKey[] = [];
  for (const file of hop.knownHosts) {
    const text = await readFile(file, 'latin1').catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') return '';
      throw new RemoteError('host-key-unknown', router, `reading ${file}: ${cause.message}`, { cause });
    });
    if (text.length > knownHostsMax) {
      throw new RemoteError('host-key-unknown', router, `${file} is larger than ${knownHostsMax} bytes`);
    }
    keys.push(...parseKnownHosts(text, file).keys);
  }
  return { name, files: hop.knownHosts, entries: entriesFor(keys, name) };
}

/** The refusal of a server's key; undefined where it is the one that is known. */
function judge(router: string, known: Known, key: Buffer): RemoteError | undefined {
  const verdict = judgeHostKey(known.entries, key);
  const shown = `${keyType(key)} ${fingerprint(key)}`;
  const of = (entry: KnownKey) => `${entry.type} ${fingerprint(entry.key)} at ${entry.file}:${entry.line}`;
  switch (verdict.kind) {
    case 'known':
      return undefined;
    case 'revoked':
      return new RemoteError(
        'host-key-changed',
        router,
        `the host key of ${known.name} is revoked: it shows ${shown}, revoked by ${of(verdict.by)}`,
      );
    case 'changed':
      return new RemoteError(
        'host-key-changed',
        router,
        `the host key of ${known.name} is not the known one: it shows ${shown}, known is ${verdict.known.map(of).join(', ')}`,
      );
    case 'authority':
      return new RemoteError(
        'host-key-unknown',
        router,
        `${known.name} is known only by a certificate authority (@cert-authority, ${of(verdict.by)}), which Tandem cannot check: it shows ${shown}; add the host's own key to known_hosts`,
      );
    case 'unknown':
      return new RemoteError(
        'host-key-unknown',
        router,
        `the host key of ${known.name} is not known: it shows ${shown}, and ${known.files.join(', ') || 'no known_hosts file'} names no key for it`,
      );
  }
}

/** A time limit that stands still while a person is asked. */
class Countdown {
  #left: number;
  #since = performance.now();
  #timer: NodeJS.Timeout;
  readonly #expired: () => void;

  constructor(limit: Millis, expired: () => void) {
    this.#left = limit;
    this.#expired = expired;
    this.#timer = setTimeout(expired, limit);
  }

  async paused<T>(work: () => Promise<T>): Promise<T> {
    clearTimeout(this.#timer);
    this.#left -= performance.now() - this.#since;
    try {
      return await work();
    } finally {
      this.#since = performance.now();
      this.#timer = setTimeout(this.#expired, Math.max(this.#left, 0));
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

/** Of what a proxy says, the end: enough for its last sentence. */
const proxySaidMax = 300;
/** Between the end of a proxy's output and its exit status lies a moment. */
const proxyEndMs = 200;

/** ProxyCommand: its standard input and output are the connection. */
class ProxyProcess implements AsyncDisposable {
  readonly stream: Duplex;
  readonly #child;
  readonly #ended: Promise<string>;

  constructor(command: string) {
    // A session of its own: Ctrl-C in a terminal is for us, who finish what is under way over this connection.
    this.#child = spawn('sh', ['-c', `exec ${command}`], { stdio: 'pipe', detached: true });
    const { stdin, stdout, stderr } = this.#child;
    this.stream = Duplex.from({ readable: stdout, writable: stdin });
    // That the connection is over ssh2 is told by `close`. An error that nobody hears would end the whole program,
    // in the middle of whatever it does to other routers.
    this.stream.on('error', () => {});
    let said = '';
    stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-proxySaidMax);
    });
    this.#ended = new Promise((resolve) => {
      this.#child.on('close', (code, signal) => {
        const last = said.trim();
        resolve(`(${signal ?? `status ${code}`})${last && `: ${last}`}`);
      });
    });
    this.#child.on('error', (error) => this.stream.destroy(error));
  }

  /** How it ended and what it said last; undefined while it runs. */
  ended(): Promise<string | undefined> {
    return Promise.race([this.#ended, new Promise<undefined>((resolve) => setTimeout(resolve, proxyEndMs, undefined))]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stream.destroy();
    this.#child.kill();
  }
}
