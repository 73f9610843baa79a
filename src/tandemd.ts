#!/usr/bin/env node
/** tandemd: argv -> what is asked for. The only place that prints an error and picks an exit code. */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isBug } from './base/assert.ts';
import { isDetached, startDetached } from './daemon/detach.ts';
import { takeEarlySignals } from './daemon/early-signals.ts';
import { EXIT } from './daemon/exit.ts';
import { interfaceNames, load } from './daemon/load.ts';
import { helpText, type Options, readOptions, SIGNALS } from './daemon/options.ts';

const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** Put in by the build of the one executable. */
declare const TANDEMD_VERSION: string | undefined;

function version(): string {
  if (typeof TANDEMD_VERSION === 'string') return TANDEMD_VERSION;
  // The tree's own: src/tandemd.ts lies one folder below the package.
  const file = fileURLToPath(new URL('../package.json', import.meta.url));
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

async function main(argv: readonly string[]): Promise<number> {
  if (argv[0] === 'ctl') return (await import('./daemon/ctl.ts')).ctl(argv.slice(1));
  const command = readOptions(argv);
  if ('refused' in command) {
    say(command.refused);
    return EXIT.failed;
  }
  const { options } = command;
  switch (options.what) {
    case 'help':
      process.stdout.write(`${helpText()}\n`);
      return EXIT.ok;
    case 'version':
      say(`Tandemd v${version()}`);
      return EXIT.ok;
    case 'signum':
      return signum(options.signum ?? '');
    case 'test':
      return test(options);
    case 'run':
      return run(options);
  }
}

function signum(name: string): number {
  const number = SIGNALS[name];
  if (number === undefined) {
    say(`Unknown sigfunc ${name}`);
    return EXIT.failed;
  }
  process.stdout.write(`${number}\n`);
  return EXIT.ok;
}

/** -t: nobody's rights are needed, and nothing is touched. */
async function test(options: Options): Promise<number> {
  const { loaded, report } = await load({
    file: options.file,
    configId: options.configId,
    interfaces: interfaceNames(),
    missingInterface: 'refuse',
  });
  if (report !== '') {
    if (options.testLog === undefined) say(report);
    else appendFileSync(options.testLog, `${report}\n`);
  }
  return loaded === undefined ? EXIT.configTest : EXIT.ok;
}

async function run(options: Options): Promise<number> {
  if (!options.foreground && !isDetached()) {
    const { exitCode } = await startDetached();
    return exitCode ?? EXIT.ok;
  }
  const hangup = takeEarlySignals();
  nameProcess();
  // Only here is the kernel needed: everything above runs without it, and without its rights.
  const { runDaemon } = await import('./daemon/run.ts');
  const code = await runDaemon(options, version(), hangup);
  // A script that hangs or a mail server that says nothing has had its time, and must not keep us.
  process.exit(code);
}

/** Our own fault with its stack; the world's with what was tried, and why it failed. */
function described(error: Error): string {
  if (isBug(error)) return error.stack ?? error.message;
  return error.cause instanceof Error ? `${error.message}: ${described(error.cause)}` : error.message;
}

/** For ps and pgrep; process.title would write over the options that the daemon was started with. */
function nameProcess(): void {
  try {
    writeFileSync('/proc/self/comm', 'tandemd');
  } catch {
    // A name is no reason not to start.
  }
}

// Not awaited: the one executable is CommonJS, which knows no await out here.
main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    say(error instanceof Error ? described(error) : String(error));
    // Sockets and timers of a start that failed half-way would keep it alive.
    process.exit(EXIT.failed);
  },
);
