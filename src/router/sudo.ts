/**
 * Root through sudo(8) on a connection of an ordinary user. The password travels on standard input only, is
 * tried once, and never reaches the command that it opens the way for.
 */
import { ms } from '../base/units.ts';
import { type ExecOptions, type ExecResult, type Remote, RemoteError } from './remote.ts';
import { newMark } from './sections.ts';
import { sha256Of } from './sha256.ts';

/** Does nothing, with the program that every command of ours goes through: rules may differ by program. */
const ANYTHING = ['sh', '-c', ':'];

/** sudo waits about 2 s after a wrong password; what takes longer than this does not answer. */
const checkTimeout = ms(5000);

/**
 * Reads the line that sudo left over where it did not want a password, then the mark; what follows on standard
 * input is the command's own.
 */
const HAND_OVER =
  'IFS= read -r line; [ "$line" = "$1" ] || { IFS= read -r line; [ "$line" = "$1" ] || exit 97; }; shift; exec "$@"';

/**
 * Passwords that a router refused, hashed: a rollout connects several times, and each failure brings the
 * account nearer to being locked. One entry a router and password, for as long as the process lives.
 */
const refusedBefore = new Set<string>();

/** @throws RemoteError `sudo` where root cannot be had; the connection is the caller's to close */
export async function becomeRoot(remote: Remote, password: string | undefined): Promise<Remote> {
  const free = await ask(remote, ['sudo', '-n', '--', ...ANYTHING], '');
  if (free.code === 0) return new SudoRemote(remote, undefined);
  if (password === undefined) throw refusal(remote, `sudo -n: ${lastLine(free)}; no sudo password is configured`);
  if (password.includes('\n') || password.includes('\0')) throw refusal(remote, 'a password is one line');
  const attempt = sha256Of(`${remote.router}\0${password}`);
  if (refusedBefore.has(attempt)) throw refusal(remote, 'sudo refused this password before; it is not tried again');
  // -k: whatever sudo remembers, this password is what is judged. The input ends after it: one failure, not three.
  const tried = await ask(remote, ['sudo', '-k', '-S', '-p', '', '--', ...ANYTHING], `${password}\n`);
  if (tried.code !== 0) {
    refusedBefore.add(attempt);
    throw refusal(remote, `sudo does not take the password: ${lastLine(tried)}`);
  }
  return new SudoRemote(remote, password);
}

async function ask(remote: Remote, argv: readonly string[], stdin: string): Promise<ExecResult> {
  try {
    return await remote.exec(['env', 'LC_ALL=C', ...argv], { stdin, timeout: checkTimeout, what: 'asking sudo' });
  } catch (cause) {
    if (cause instanceof RemoteError && cause.kind === 'timeout') {
      throw new RemoteError('sudo', remote.router, cause.message, { cause });
    }
    throw cause;
  }
}

const lastLine = (result: ExecResult): string =>
  result.stderr.trim().split('\n').at(-1) || `ended with ${result.code ?? result.signal}`;

const refusal = (remote: Remote, reason: string) => new RemoteError('sudo', remote.router, reason);

class SudoRemote implements Remote {
  readonly router: string;
  readonly #remote: Remote;
  readonly #password: string | undefined;

  constructor(remote: Remote, password: string | undefined) {
    this.router = remote.router;
    this.#remote = remote;
    this.#password = password;
  }

  exec(argv: readonly string[], options: ExecOptions): Promise<ExecResult> {
    if (this.#password === undefined) return this.#remote.exec(['sudo', '-n', '--', ...argv], options);
    const mark = newMark();
    const head = Buffer.from(`${this.#password}\n${mark}\n`);
    const body = options.stdin ?? '';
    const stdin = Buffer.concat([head, typeof body === 'string' ? Buffer.from(body) : body]);
    const command = ['sudo', '-k', '-S', '-p', '', '--', 'sh', '-c', HAND_OVER, 'tandem', mark, ...argv];
    return this.#remote.exec(command, { ...options, stdin });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#remote[Symbol.asyncDispose]();
  }
}
