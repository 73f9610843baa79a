/** What a command gets from the outside: where to work, how to print, how to end. */
import { resolve } from 'node:path';
import { EXIT, worse } from './exit.ts';
import { type ColorChoice, createOutput, type Output, type Sink } from './output.ts';

export interface Io {
  /** The tree with inventory/ and pairs/, absolute: `-C`, else the working directory. */
  readonly dir: string;
  /** `--limit`: which pairs; all where absent. */
  readonly limit: string | undefined;
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
   * For commands that must not die in the middle: from now on the first SIGINT or SIGTERM aborts this signal and
   * the command ends itself; a second one ends the process.
   */
  interruptible(): AbortSignal;
}

export interface GlobalOptions {
  readonly dir?: string;
  readonly limit?: string;
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
  const stdout = sinkOf(process.stdout);
  const stderr = sinkOf(process.stderr);
  const outputFor = (options: GlobalOptions) =>
    createOutput({ stdout, stderr, env: process.env, color: options.color ?? 'auto', json: options.json ?? false });
  let options: GlobalOptions = {};
  let out = outputFor(options);
  let exitCode: number = EXIT.done;
  let interrupt: AbortController | undefined;
  return {
    get dir() {
      return resolve(options.dir ?? '.');
    },
    get limit() {
      return options.limit;
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
      interrupt ??= abortOnSignal();
      return interrupt.signal;
    },
  };
}

function abortOnSignal(): AbortController {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(EXIT.interrupted);
      controller.abort();
    });
  }
  return controller;
}

/** A reader that goes away (`tandem apply | head`) ends the output, never the work. */
function sinkOf(stream: NodeJS.WriteStream): Sink {
  let open = true;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    open = false;
  });
  return {
    isTerminal: Boolean(stream.isTTY),
    write: (text) => {
      if (open) stream.write(text);
    },
  };
}
