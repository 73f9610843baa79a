/** How a run ends: the exit codes that scripts and CI rely on (docs/cli.md), and the errors that choose one. */
import { RemoteError, type RemoteErrorKind } from '../router/remote.ts';

export const EXIT = {
  /** Done, or nothing to do. */
  done: 0,
  error: 1,
  /** `plan --detailed-exitcode` found changes or drift, `audit` found something. */
  changes: 2,
  someFailed: 3,
  /** Every pair that failed was rolled back cleanly. */
  rolledBack: 4,
  locked: 5,
  /** The plan no longer fits what the routers run. */
  stale: 6,
  unreachable: 7,
  /** A guard or a missing --allow. */
  refused: 8,
  /** A pair's members run different generations: a person is needed. */
  inconsistent: 9,
  /** Interrupted by a signal, with everything left safe. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What is worse comes first: where several pairs end differently, the run ends with the worst. */
const WORST_FIRST: readonly number[] = [9, 3, 4, 1, 6, 5, 7, 8, 130, 2, 0];

/** The worse of two; what is not in the table (a code that another program ended with) is worse than all of it. */
export const worse = <Code extends number>(a: Code, b: Code): Code =>
  WORST_FIRST.indexOf(a) <= WORST_FIRST.indexOf(b) ? a : b;

/**
 * Ends a command with a sentence for the user and no stack: what they asked for cannot be done as it stands.
 * Problems of their files are printed before it (`io.out.problems`).
 */
export class Stop extends Error {
  readonly exit: ExitCode;
  readonly hint: string | undefined;
  constructor(exit: ExitCode, message: string, options: { hint?: string | undefined } = {}) {
    super(message);
    this.name = 'Stop';
    this.exit = exit;
    this.hint = options.hint;
  }
}

const REMOTE_EXIT: Readonly<Record<RemoteErrorKind, ExitCode>> = {
  unreachable: EXIT.unreachable,
  'host-key-unknown': EXIT.unreachable,
  'host-key-changed': EXIT.unreachable,
  authentication: EXIT.unreachable,
  cut: EXIT.unreachable,
  timeout: EXIT.unreachable,
  sudo: EXIT.error,
  'output-too-large': EXIT.error,
};

/** The exit code that an error stands for; 1 for whatever has none of its own. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof Stop) return error.exit;
  if (error instanceof RemoteError) return REMOTE_EXIT[error.kind];
  return EXIT.error;
}
