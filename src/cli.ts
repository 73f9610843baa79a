/** tandem: argv -> command. The only place that prints an error and picks an exit code. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError, Option } from 'commander';
import { isBug } from './base/assert.ts';
import { applyCommand } from './commands/apply.ts';
import { daemonCommand } from './commands/daemon.ts';
import { EXIT, exitCodeOf, Stop } from './commands/exit.ts';
import { explainCommand } from './commands/explain.ts';
import { helpCommand } from './commands/help.ts';
import { type ConfigurableIo, createIo, type GlobalOptions, type Io } from './commands/io.ts';
import { labCommand } from './commands/lab.ts';
import { planCommand } from './commands/plan.ts';
import { renderCommand } from './commands/render.ts';
import { schemaCommand } from './commands/schema.ts';
import { validateCommand } from './commands/validate.ts';

const EXAMPLES = `
Examples:
  tandem validate                       check inventory/ and pairs/, all problems in one run
  tandem explain core                   what a pair's timers and roles mean in seconds
  tandem render core                    the files that each router shall have
  tandem help vip-outside-subnet        what a problem means and how to solve it

Exit codes: 0 done, 1 error, 2 changes or findings, 3 some pairs failed, 4 rolled back, 5 locked, 6 stale plan,
7 unreachable, 8 refused, 9 a person is needed, 130 interrupted (docs/cli.md)`;

async function run(io: ConfigurableIo, argv: readonly string[]): Promise<number> {
  try {
    await program(io).parseAsync(argv, { from: 'user' });
    return io.exitCode;
  } catch (error) {
    // Commander has printed its own sentence (or the help that was asked for).
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return EXIT.done;
      // A command line that is wrong was not read to its end: whether it asks for JSON is looked up in its words.
      if (argv.includes('--json')) io.configure({ json: true });
      io.out.document('tandem.error', 1, { message: error.message.replace(/^error: /, ''), exit: EXIT.error });
      return EXIT.error;
    }
    report(io, error);
    return exitCodeOf(error);
  }
}

const COMMANDS: readonly ((io: Io) => Command)[] = [
  validateCommand,
  renderCommand,
  explainCommand,
  planCommand,
  applyCommand,
  daemonCommand,
  schemaCommand,
  labCommand,
  helpCommand,
];

function program(io: ConfigurableIo): Command {
  const { version } = JSON.parse(readFileSync(join(io.packageRoot, 'package.json'), 'utf8')) as { version: string };
  const program = new Command('tandem')
    .description('Two Linux routers that act as one: plan, deploy and prove VRRP pairs, without failovers.')
    .version(version, '--version')
    .addHelpText('after', EXAMPLES)
    .helpCommand(false)
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError()
    .showHelpAfterError('(--help lists what there is)')
    .exitOverride()
    // So that what follows `lab exec ROUTER` belongs to that command, whatever it looks like.
    .enablePositionalOptions()
    .hook('preAction', (_root, command) => io.configure(command.optsWithGlobals<GlobalOptions>()));
  for (const option of globalOptions()) program.addOption(option);
  for (const command of COMMANDS) adopt(command(io), program);
  return program;
}

const globalOptions = (): Option[] => [
  new Option('-C, --dir <dir>', 'work in this folder (with inventory/ and pairs/)'),
  new Option('--limit <expr>', 'only these pairs: core, site=ams, !lab-*, joined by commas'),
  new Option('-F, --ssh-config <file>', 'use this ssh_config instead of your own, as ssh -F does'),
  new Option('--json', 'JSON documents on standard output, one a line'),
  new Option('--color <when>', 'colour: auto where not said').choices(['auto', 'always', 'never']),
];

/** Puts a command (and those below it) under another, with the global options, which may stand behind it too. */
function adopt(command: Command, parent: Command): void {
  if (command.parent !== parent) parent.addCommand(command);
  command.copyInheritedSettings(parent);
  if (command.commands.length === 0) for (const option of globalOptions()) command.addOption(option.hideHelp());
  for (const below of command.commands) adopt(below, command);
}

function report(io: ConfigurableIo, error: unknown): void {
  if (!(error instanceof Error)) throw error;
  const hint = error instanceof Stop ? error.hint : undefined;
  const message = isBug(error)
    ? `${error.stack ?? error.message}\nThis is a bug in tandem, not in your files.`
    : chain(error);
  io.out.document('tandem.error', 1, { message, hint, exit: exitCodeOf(error) });
  io.out.event(`tandem: ${message}${hint ? `\n   = help: ${hint}` : ''}`);
}

/** An error and what caused it, as one sentence after another; five are more than any chain of ours has. */
function chain(error: Error): string {
  const messages: string[] = [];
  for (let at: unknown = error; at instanceof Error && messages.length < 5; at = at.cause) messages.push(at.message);
  return messages.join(': ');
}

// src/cli.ts and dist/cli.js both lie one folder below the package.
const io = createIo(fileURLToPath(new URL('..', import.meta.url)));
process.exitCode = await run(io, process.argv.slice(2));
