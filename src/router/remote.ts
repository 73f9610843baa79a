/** A router that answers: the seam between Tandem and SSH. One real (`ssh.ts`), one for tests. */
import type { Millis } from '../base/units.ts';

export interface ExecOptions {
  /** Goes to the command's standard input, whole; then it is closed. Secrets travel only here. */
  readonly stdin?: Uint8Array | string;
  /** Told how many bytes of standard input are on their way, again and again. */
  readonly sent?: (bytes: number) => void;
  /** Told what comes by standard output, as it comes. */
  readonly heard?: (text: string) => void;
  readonly timeout: Millis;
  /** What is being done, for errors: `reading facts`. */
  readonly what: string;
}

export interface ExecResult {
  /** The exit code; undefined when a signal ended the command. */
  readonly code: number | undefined;
  readonly signal?: string;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * One connection to one router, as root (sudo included). Commands run one after another or side by side;
 * each has a time limit and an output limit. A cut connection rejects every running exec with a RemoteError.
 */
export interface Remote extends AsyncDisposable {
  readonly router: string;
  exec(argv: readonly string[], options: ExecOptions): Promise<ExecResult>;
}

export type RemoteErrorKind =
  | 'unreachable'
  | 'host-key-unknown'
  | 'host-key-changed'
  | 'authentication'
  | 'sudo'
  | 'cut'
  | 'timeout'
  | 'output-too-large';

/** The world's fault, not the user's text: what was being tried, with whom, and why it failed. */
export class RemoteError extends Error {
  readonly kind: RemoteErrorKind;
  readonly router: string;
  constructor(kind: RemoteErrorKind, router: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'RemoteError';
    this.kind = kind;
    this.router = router;
  }
}
