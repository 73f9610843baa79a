/** What a command gets from the outside: where to work, how to print, how to end. */
import { resolve } from 'node:path';
import { EXIT, worse } from './exit.ts';
import { type ColorChoice, createOutput, type Output, type Sink } from './output.ts';

export interface Io {
  /** The tree with inventory/ and pairs/, absolute: `-C`, else the working directory. */
  readonly dir: string;
  /** `--limit`: which pairs; all where absent. */
  readonly limit: string | undefined;
  /** `-F`: the ssh_config that is used instead of the user's and of what the inventory names; absolute. */
  readonly sshConfig: string | undefined;
  readonly out: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The folder of this package: templates/, docs/ and schema/ lie in it, for src/ and dist/ alike. */
  readonly packageRoot: string;
  /** Whether a question can be asked: a person sits at both ends. */
  readonly interactive: boolean;
  /**
   * Ends the run with this code when the command returns; of several, the worst counts. One of EXIT, but for a
   * command that only runs another program and passes its code on.
   */
  exit(code: number): void;
  /**
   * For commands that must not die in the middle: from now on SIGINT and SIGTERM abort `first`, then `second`, and
   * the command ends itself.
   */
  interruptible(): Interrupts;
}

export interface Interrupts {
  /** Start nothing new, finish what is under way. */
  readonly first: AbortSignal;
  /** Put back what is under way. */
  readonly second: AbortSignal;
}

export interface GlobalOptions {
  readonly dir?: string;
  readonly limit?: string;
  readonly sshConfig?: string;
  readonly json?: boolean;
  readonly color?: ColorChoice;
}

/** An Io whose options come later, when the command line has been read, and the code that the run ends with. */
export interface ConfigurableIo extends Io {
  configure(options: GlobalOptions): void;
  readonly exitCode: number;
}

/** @param packageRoot see Io */
export function createIo(packageRoot: string): ConfigurableIo {
  const stderr = sinkOf(process.stderr, (error) => lost(error));
  const stdout = sinkOf(process.stdout, (error) => lost(error));
  const lost = (error: Error) => {
    exitCode = worse(EXIT.error, exitCode);
    // The run may have ended: the last writes come behind it.
    process.exitCode = worse(EXIT.error, Number(process.exitCode ?? EXIT.done));
    stderr.write(`tandem: output is lost: ${error.message}\n`);
  };
  const outputFor = (options: GlobalOptions) =>
    createOutput({ stdout, stderr, env: process.env, color: options.color ?? 'auto', json: options.json ?? false });
  let options: GlobalOptions = {};
  let out = outputFor(options);
  let exitCode: number = EXIT.done;
  let interrupts: Interrupts | undefined;
  return {
    get dir() {
      return resolve(options.dir ?? '.');
    },
    get limit() {
      return options.limit;
    },
    get sshConfig() {
      return options.sshConfig === undefined ? undefined : resolve(options.sshConfig);
    },
    get out() {
      return out;
    },
    get exitCode() {
      return exitCode;
    },
    env: process.env,
    packageRoot,
    interactive: Boolean(process.stdin.isTTY && process.stderr.isTTY),
    configure(given) {
      options = given;
      out = outputFor(given);
    },
    exit(code) {
      exitCode = worse(code, exitCode);
    },
    interruptible() {
      interrupts ??= abortOnSignals();
      return interrupts;
    },
  };
}

function abortOnSignals(): Interrupts {
  const [first, second] = [new AbortController(), new AbortController()];
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => (first.signal.aborted ? second : first).abort());
  }
  return { first: first.signal, second: second.signal };
}

/**
 * A reader that goes away (`tandem apply | head`) ends the output, never the work; nor does a disk that is full, but
 * then what was asked for did not arrive.
 */
function sinkOf(stream: NodeJS.WriteStream, lost: (error: Error) => void): Sink {
  let open = true;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (open && error.code !== 'EPIPE') {
      open = false;
      lost(error);
    }
    open = false;
  });
  return {
    isTerminal: Boolean(stream.isTTY),
    get columns() {
      return stream.columns;
    },
    write: (text) => {
      if (open) stream.write(text);
    },
  };
}
