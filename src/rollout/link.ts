/** One router that a command works with: one connection, opened when it is needed and again when it was lost. */
import type { Millis } from '../base/units.ts';
import type { Member } from '../inventory/model.ts';
import type { Remote } from '../router/remote.ts';
import { type ConnectOptions, connect } from '../router/ssh.ts';

/** What a connection takes of a member of a pair. */
type Reached = Pick<Member, 'name' | 'host' | 'ssh'>;

export class Link implements AsyncDisposable {
  readonly member: Reached;
  readonly #options: ConnectOptions;
  #remote: Promise<Remote> | undefined;
  /** What it came to. */
  #made: Remote | undefined;

  constructor(member: Reached, options: ConnectOptions) {
    this.member = member;
    this.#options = options;
  }

  /** The connection that stands, or a new one. Throws a RemoteError. */
  remote(): Promise<Remote> {
    if (!this.#remote) {
      const { name, host, ssh } = this.member;
      const remote = connect({ router: name, host, ssh }, this.#options);
      this.#remote = remote;
      remote.then(
        (made) => {
          if (this.#remote === remote) this.#made = made;
        },
        // A connection that could not be made is not kept: the next call tries again.
        () => {
          if (this.#remote === remote) this.#remote = undefined;
        },
      );
    }
    return this.#remote;
  }

  /** The one that stands, or is thought to. */
  get standing(): Remote | undefined {
    return this.#made;
  }

  /** Whether the connection that stands still carries a command there and back. */
  async answers(within: Millis): Promise<boolean> {
    try {
      await this.#made?.exec(['true'], { timeout: within, what: 'asking for a sign of life' });
      return this.#made !== undefined;
    } catch {
      return false;
    }
  }

  /**
   * After a cut: the next call of `remote` opens a new connection.
   * @param lost only this one: somebody else may have noticed before, and have a new one already
   */
  async drop(lost?: Remote): Promise<void> {
    if (lost !== undefined && lost !== this.#made) return;
    const remote = this.#remote;
    this.#remote = undefined;
    this.#made = undefined;
    await remote?.then(
      (r) => r[Symbol.asyncDispose](),
      () => undefined,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drop();
  }
}
