/**
 * An SSH server for routers of the lab on machines without OpenSSH's, or without root: one user, one key, commands with
 * standard input, signals and exit codes.
 */
import { spawn } from 'node:child_process';
import { timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import ssh2, { type AuthContext, type ParsedKey, type ServerChannel, type Session } from 'ssh2';

/** A lab's clients are its tests; OpenSSH's own limit is of this size. */
const CONNECTIONS_MAX = 100;

/** @param directory of its keys: ssh_host_ed25519_key, authorized_keys */
export function serve(directory: string, port: number): void {
  const allowed = ssh2.utils.parseKey(readFileSync(join(directory, 'authorized_keys')));
  if (allowed instanceof Error) throw allowed;
  const key: ParsedKey = Array.isArray(allowed) ? allowed[0] : allowed;
  const server = new ssh2.Server({ hostKeys: [readFileSync(join(directory, 'ssh_host_ed25519_key'))] }, (client) => {
    client.on('authentication', (attempt) =>
      isAllowed(attempt, key) ? attempt.accept() : attempt.reject(['publickey']),
    );
    client.on('session', (accept) => serveSession(accept()));
    // A client that goes away in the middle is its own affair.
    client.on('error', () => {});
  });
  const listener = createServer({ noDelay: true }, (socket: Socket) => server.injectSocket(socket));
  listener.maxConnections = CONNECTIONS_MAX;
  listener.listen(port);
}

function isAllowed(attempt: AuthContext, key: ParsedKey): boolean {
  if (attempt.method !== 'publickey' || attempt.username !== 'root') return false;
  const mine = key.getPublicSSH();
  const offered = attempt.key.data;
  if (offered.length !== mine.length || !timingSafeEqual(offered, mine)) return false;
  // Without a signature the client only asks whether the key would do.
  if (attempt.signature === undefined || attempt.blob === undefined) return true;
  return key.verify(attempt.blob, attempt.signature, attempt.hashAlgo) === true;
}

function serveSession(session: Session): void {
  session.once('exec', (accept, _reject, { command }) => runCommand(session, accept(), ['sh', '-c', command]));
  session.once('shell', (accept) => runCommand(session, accept(), ['sh', '-l']));
}

function runCommand(
  session: Session,
  channel: ServerChannel,
  [program, ...args]: readonly [string, ...string[]],
): void {
  // A process group of its own, so that a signal reaches all of it.
  const child = spawn(program, args, { stdio: 'pipe', detached: true, cwd: '/root' });
  const signal = (name: NodeJS.Signals): void => {
    if (child.pid === undefined || child.exitCode !== null) return;
    try {
      process.kill(-child.pid, name);
    } catch {
      // The group ended in this moment.
    }
  };
  channel.pipe(child.stdin);
  child.stdin.on('error', () => {});
  child.stdout.pipe(channel, { end: false });
  child.stderr.pipe(channel.stderr, { end: false });
  session.on('signal', (accept, _reject, { name }) => {
    accept?.();
    signal(`SIG${name}` as NodeJS.Signals);
  });
  // As with OpenSSH, the command of a lost connection is hung up, not left running.
  channel.on('close', () => signal('SIGHUP'));
  child.once('close', (code, endedBy) => {
    if (endedBy === null) channel.exit(code ?? 255);
    else channel.exit(endedBy.slice('SIG'.length), false, '');
    channel.end();
  });
  child.once('error', () => {
    channel.exit(127);
    channel.end();
  });
}
