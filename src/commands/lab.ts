/** `tandem lab`: two routers in network namespaces, to try everything on. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { Lab } from '../lab/lab.ts';
import { PACKETS_MAX, startPing } from '../lab/ping.ts';
import { signalInside } from '../lab/process.ts';
import { serve } from '../lab/ssh-server.ts';
import { type LabState, listLabs } from '../lab/state.ts';
import { routers } from '../lab/topology.ts';
import { demoCommand } from './demo/demo.ts';
import { EXIT, Stop } from './exit.ts';
import type { Io } from './io.ts';

interface UpFlags {
  readonly topology: 'core' | 'bare';
  readonly init?: 'systemd' | 'small';
  readonly ssh?: 'openssh' | 'tandem';
  readonly keepalived?: readonly string[];
}

export function labCommand(io: Io): Command {
  const lab = new Command('lab').description('two routers in network namespaces, to try everything on');
  // Options after the node's name belong to the command that runs there.
  lab.enablePositionalOptions();
  lab
    .command('up [name]')
    .description('starts a lab and returns; `lab down` ends it')
    .addOption(new Option('--topology <name>', 'the pair').choices(['core', 'bare']).default('core'))
    .addOption(
      new Option('--init <kind>', 'first process of a router (default: the best there is)').choices([
        'systemd',
        'small',
      ]),
    )
    .addOption(
      new Option('--ssh <server>', 'SSH server of a router (default: the best there is)').choices([
        'openssh',
        'tandem',
      ]),
    )
    .option('--keepalived <files...>', 'keepalived.conf of each router, in order')
    .action((name: string | undefined, flags: UpFlags) => up(io, name, flags));
  lab
    .command('list')
    .description('the labs that run')
    .action(() => list(io));
  lab
    .command('down [name]')
    .description('ends a lab; nothing of it stays')
    .option('--name <lab>', NAME)
    .action((name: string | undefined, flags: { name?: string }) => find(name ?? flags.name, 'down').down());
  on(
    lab.command('exec <node> <command...>').description('runs a command in a node').passThroughOptions(),
    (found, node: string, command: readonly string[]) =>
      attached(io, found, node, command[0] === '--' ? command.slice(1) : command),
  );
  on(lab.command('shell <node>').description('a shell in a node'), (found, node: string) =>
    // On a terminal of its own: ours belongs to processes that the node does not see, and no shell can share it so.
    attached(io, found, node, process.stdin.isTTY ? ['script', '-qec', 'sh -i', '/dev/null'] : ['sh']),
  );
  on(
    lab.command('unplug <router> <iface>').description('pulls the cable').option('--flush', FLUSH),
    (found, router: string, iface: string, flags: { flush?: boolean }) => found.unplug(router, iface, flags),
  );
  on(lab.command('plug <router> <iface>').description('puts the cable back'), (found, router: string, iface: string) =>
    found.plug(router, iface),
  );
  on(
    lab.command('kill <router>').description('cuts the power').option('--flush', FLUSH),
    (found, router: string, flags: { flush?: boolean }) => found.kill(router, flags),
  );
  on(lab.command('reboot <router>').description('power off and on; files stay'), (found, router: string) =>
    found.reboot(router),
  );
  on(
    lab
      .command('ping <from> <address>')
      .description('pings until Ctrl-C; lost packets and the longest silence')
      .option('--interval <ms>', 'time between packets', upTo(60_000), 10)
      .option('--count <n>', 'stop by itself', upTo(PACKETS_MAX), PACKETS_MAX),
    (found, from: string, address: string, flags: PingFlags) => ping(io, found, from, address, flags),
  );
  lab.addCommand(demoCommand(io));
  lab
    .command('ssh-server <keys>', { hidden: true })
    .description('what a router of the lab runs in place of sshd')
    .action((keys: string) => serve(keys, 22));
  return lab;
}

const upTo =
  (most: number) =>
  (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= 1 && value <= most) return value;
    throw new InvalidArgumentError(`It is a whole number from 1 to ${most}.`);
  };

const FLUSH = 'whoever loses carrier loses the address 5 s later, as network managers do';

const NAME = 'which lab (default: the only one)';

/** Adds `--name` and hands the lab that is meant to the action. */
function on<A extends unknown[]>(command: Command, action: (lab: Lab, ...args: A) => unknown): void {
  command.option('--name <lab>', NAME).action(async (...args: unknown[]) => {
    const flags = command.opts<{ name?: string }>();
    await action(find(flags.name, command.name()), ...(args as A));
  });
}

/** @param command for which it is looked up: the hint shows where the name goes */
function find(name: string | undefined, command: string): Lab {
  const labs = listLabs();
  const matching = name === undefined ? labs : labs.filter(({ state }) => state.name === name);
  const [only, second] = matching;
  if (only === undefined) {
    const message = name === undefined ? 'no lab runs' : `no lab ${name} runs`;
    const others = labs.map(({ state }) => state.name).join(', ');
    throw new Stop(EXIT.error, message, {
      hint: others === '' ? 'tandem lab up starts one' : `these run: ${others}`,
    });
  }
  if (second !== undefined) {
    const names = matching.map(({ state }) => state.name);
    throw new Stop(EXIT.error, `${names.length} labs run: ${names.join(', ')}`, {
      hint: `say which: tandem lab ${command} --name ${names[0]} ...`,
    });
  }
  return Lab.attach(only.directory);
}

async function up(io: Io, name: string | undefined, flags: UpFlags): Promise<void> {
  const texts = (flags.keepalived ?? []).map((file) => readFileSync(file, 'utf8'));
  const lab = await Lab.up({ ...flags, detached: true, ...(name === undefined ? {} : { name }) });
  try {
    const names = routers(lab.state.topology).map((router) => router.name);
    if (texts.length > names.length) throw new Error(`${texts.length} files for ${names.length} routers`);
    await Promise.all(texts.map((text, index) => lab.startKeepalived(names[index] as string, text)));
    const { init, ssh } = lab.state.machine;
    io.out.result(`lab ${lab.name} is up: ${names.join(', ')} (init ${init}, ssh ${ssh})`);
    io.out.result(`ssh -F ${lab.sshConfig} ${names[0]}`);
    io.out.document('tandem.lab', 1, describe(lab.directory, lab.state));
  } catch (cause) {
    await lab.down();
    throw cause;
  }
}

function list(io: Io): void {
  const labs = listLabs().map(({ directory, state }) => describe(directory, state));
  for (const { name, topology, init, sshConfig } of labs)
    io.out.result(`${name}  ${topology}  init ${init}  ${sshConfig}`);
  io.out.document('tandem.labs', 1, { labs });
}

const describe = (directory: string, { name, topology, machine: { init, ssh } }: LabState) => ({
  name,
  topology: topology.name,
  routers: routers(topology).map((router) => router.name),
  init,
  ssh,
  sshConfig: join(directory, 'ssh_config'),
});

/** The command has our terminal; its exit code becomes ours. */
async function attached(io: Io, lab: Lab, node: string, command: readonly string[]): Promise<void> {
  const [program, ...args] = lab.inside(node, command);
  const child = spawn(program as string, args, { stdio: 'inherit', env: lab.environment });
  // Ctrl-C belongs to the command, which hears it from the terminal.
  const ignore = (): void => {};
  const pass = (): void => signalInside(child, 'SIGTERM');
  process.on('SIGINT', ignore).on('SIGTERM', pass);
  try {
    const code = await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      // As a shell has it.
      child.once('close', (ended, signal) => resolve(ended ?? 128 + constants.signals[signal ?? 'SIGKILL']));
    });
    io.exit(code);
  } finally {
    process.removeListener('SIGINT', ignore).removeListener('SIGTERM', pass);
  }
}

interface PingFlags {
  readonly interval: number;
  readonly count: number;
}

async function ping(io: Io, lab: Lab, from: string, address: string, flags: PingFlags): Promise<void> {
  const pinger = startPing(lab, from, address, {
    intervalMs: flags.interval,
    count: flags.count,
  });
  // A failure is that of `ended`.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => pinger.stop().catch(() => {}));
  const result = await pinger.ended;
  io.out.result(
    `${result.sent} sent, ${result.lost} lost, longest silence ${result.longestSilenceMs.toFixed(0)} ms, pinger stalled ${result.stalledMs.toFixed(0)} ms`,
  );
  const { sent, received, lost, longestSilenceMs, stalledMs } = result;
  io.out.document('tandem.lab-ping', 1, { sent, received, lost, longestSilenceMs, stalledMs });
  if (received === 0) io.exit(EXIT.error);
}
