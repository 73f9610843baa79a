/** Making a lab: its files, its first process, and the nodes' reports that they are up. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { assert } from '../base/assert.ts';
import { type Machine, onPath } from './machine.ts';
import { waitFor } from './process.ts';
import { ROUTER_SCRIPTS } from './router-scripts.ts';
import { FIRST_PROCESS, SCRIPTS } from './scripts.ts';
import { sshConfig, writeSshFiles } from './ssh.ts';
import { type LabState, type OneProcess, removeLeftOvers, startTimeOf, writeState } from './state.ts';
import { type LabNode, type Leg, outerEnd, routers, type Topology } from './topology.ts';
import { attachBatch, cableTable, masqueradeRules, nodeBatch, plugInBatch, switchBatch } from './wiring.ts';

export interface StartOptions {
  readonly directory: string;
  readonly topology: Topology;
  readonly machine: Machine;
  readonly cgroup: string;
}

/** Up takes under a second; a machine that needs more than this is not stalled but stuck. */
const BOOT_MS_MAX = 60_000;

/** The pipe that a lab's first process reads: the lab ends with it, or stays when it is told to. */
export interface Lifeline {
  cut(): void;
  stay(): void;
}

export async function start(options: StartOptions): Promise<{ state: LabState; lifeline: Lifeline }> {
  const { directory, topology, machine, cgroup } = options;
  const user = machine.rootless ? ['--user', '--map-root-user'] : [];
  // A first process killed from outside still gets its TERM from unshare when unshare is the one that dies.
  const namespaces = ['--net', '--mount', '--pid', '--uts', '--ipc', '--fork', '--kill-child=TERM'];
  const child = spawn('unshare', [...user, ...namespaces, 'sh', '-c', FIRST_PROCESS, 'lab', directory], {
    // A session of its own: Ctrl-C in a terminal reaches us, and the lab ends in its own way.
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    env: { ...ENVIRONMENT, ...routerCompileCache() },
  });
  const pipe = child.stdin as Socket;
  pipe.on('error', () => {});
  await directoryMade(child, directory);
  let first: OneProcess;
  let parent: OneProcess;
  try {
    writeFiles(options);
    pipe.write('go\n');
    const pids = await reports(child, ['lab', ...topology.nodes.map((node) => node.name)], directory);
    assertOwnNetworks([...pids.values()]);
    first = running(pids.get('lab') as number, directory);
    parent = running(child.pid as number, directory);
  } catch (cause) {
    // unshare takes the lab's first process along, and that one the rest.
    child.kill('SIGKILL');
    await waitFor(() => !existsSync(directory), { what: 'the lab to go', timeoutMs: 20_000 }).catch(() => {});
    removeLeftOvers(directory, cgroup);
    throw cause;
  }
  const state: LabState = { name: basename(directory), machine, topology, ...first, parent, cgroup };
  writeFileSync(
    join(directory, 'ssh_config'),
    sshConfig(directory, routers(topology), (argv) => enterSwitch(state, argv)),
  );
  writeState(directory, state);
  // Neither the process nor its lifeline keeps this program running; both are still there until it ends.
  pipe.unref();
  child.unref();
  return { state, lifeline: { cut: () => pipe.destroy(), stay: () => pipe.end('stay\n') } };
}

/** Waits for the first process to make the lab's directory, which only it may do: it is the one that takes it away. */
async function directoryMade(child: ChildProcess, directory: string): Promise<void> {
  const [stdout, stderr] = [child.stdout as Readable, child.stderr as Readable];
  const timer = setTimeout(() => child.kill('SIGKILL'), BOOT_MS_MAX);
  let complaint = '';
  child.once('error', (error) => {
    complaint = error.message;
  });
  stderr.setEncoding('utf8').on('data', (chunk: string) => {
    complaint += chunk;
  });
  const complained = finished(stderr).catch(() => {});
  try {
    for await (const line of createInterface({ input: stdout })) if (line === 'made') return;
    await complained;
  } finally {
    clearTimeout(timer);
    stdout.destroy();
    stderr.destroy();
  }
  if (existsSync(directory)) {
    const name = basename(directory);
    throw new Error(`there is a lab ${name} already (tandem lab down ${name} ends it)`);
  }
  throw new Error(`the lab's first process ended: ${complaint.trim()}`);
}

/** A lab changes networks as it likes; this machine's own is not one of them. */
function assertOwnNetworks(pids: readonly number[]): void {
  const networks = [process.pid, ...pids].map((pid) => readlinkSync(`/proc/${pid}/ns/net`));
  assert(new Set(networks).size === networks.length, 'the switch and each node have a network namespace of their own');
}

function running(pid: number, directory: string): OneProcess {
  const startTime = startTimeOf(pid);
  if (startTime === undefined) throw new Error(`the lab's first process ended: ${logTail(directory)}`);
  return { pid, startTime };
}

/** Starts a node that is not running, by the same scripts as the first time. */
export async function bootNode(directory: string, state: LabState, node: string): Promise<void> {
  // The shell ends at once, so that the node becomes a child of the lab's first process, which reaps it.
  const command = 'sh "$1/boot" "$1" "$2" </dev/null >>"$1/log/$2" 2>&1 &';
  const [program, ...args] = enterSwitch(state, ['sh', '-c', command, 'sh', directory, node], ['-m', '-p', '-u', '-i']);
  const child = spawn(program as string, args, {
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
    env: { ...ENVIRONMENT, ...routerCompileCache() },
  });
  await reports(child, [node], directory);
}

/** A command line in the switch's network, with the machine's programs and files. */
export function enterSwitch(state: LabState, argv: readonly string[], more: readonly string[] = []): readonly string[] {
  const user = state.machine.rootless ? ['-U', '--preserve-credentials'] : [];
  return ['nsenter', '-t', `${state.pid}`, ...user, '-n', ...more, '--', ...argv];
}

const ENVIRONMENT: NodeJS.ProcessEnv = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' };

/** Reads `NAME PID` lines from descriptor 3 until each awaited name has reported; `failed` tells that one will not. */
async function reports(
  child: ChildProcess,
  awaited: readonly string[],
  directory: string,
): Promise<Map<string, number>> {
  const pids = new Map<string, number>();
  const pipe = child.stdio[3] as Readable;
  const waiting = (): string => awaited.filter((name) => !pids.has(name)).join(', ');
  const timer = setTimeout(() => pipe.destroy(), BOOT_MS_MAX);
  const died = (): void => void pipe.destroy();
  child.once('error', died);
  if (awaited.includes('lab')) child.once('exit', died);
  try {
    for await (const line of createInterface({ input: pipe })) {
      if (line === 'failed') break;
      const [name = '', pid] = line.split(' ');
      pids.set(name, Number(pid));
      if (waiting() === '') return pids;
    }
  } catch {
    // The pipe was closed under the reader: the error below says what was missing.
  } finally {
    clearTimeout(timer);
    child.removeListener('exit', died);
    pipe.destroy();
  }
  throw new Error(`${waiting()} did not come up: ${logTail(directory)}`);
}

/** The last lines of every log, on one line: the directory is gone when the reader wants to look. */
function logTail(directory: string): string {
  const logs = join(directory, 'log');
  const tails = readdirSync(logs).map((name) => {
    const lines = readFileSync(join(logs, name), 'utf8').trim().split('\n');
    return lines.slice(-3).join(' / ').trim() && `${name}: ${lines.slice(-3).join(' / ')}`;
  });
  return tails.filter((tail) => tail !== '').join('; ') || 'no reason was given';
}

function writeFiles({ directory, topology, machine, cgroup }: StartOptions): void {
  for (const name of ['log', 'pid', 'nodes', 'node.d', 'unplugged']) mkdirSync(join(directory, name));
  for (const [name, text] of Object.entries({ ...SCRIPTS, ...ROUTER_SCRIPTS })) {
    writeFileSync(join(directory, name), text);
  }
  const tree = packageRoot();
  const environment = {
    LAB: directory,
    NODES: topology.nodes.map((node) => node.name).join(' '),
    CGROUP: cgroup,
    INIT: machine.init,
    SSHD: machine.ssh,
    NODE: process.execPath,
    TREE: tree.directory,
    ENTRY: tree.entry,
  };
  const env = Object.entries(environment).map(([name, value]) => `${name}='${value.replaceAll("'", `'\\''`)}'\n`);
  writeFileSync(join(directory, 'env'), env.join(''));
  writeFileSync(join(directory, 'switch.batch'), switchBatch(topology));
  writeFileSync(join(directory, 'cables.table'), cableTable(topology));
  for (const node of topology.nodes) writeNodeFiles(directory, topology, node);
  writeSshFiles(directory, routers(topology), machine.ssh, routerCompileCache());
}

function writeNodeFiles(directory: string, topology: Topology, node: LabNode): void {
  const write = (kind: string, text: string): void =>
    writeFileSync(join(directory, 'node.d', `${node.name}.${kind}`), text);
  const onNetworks = node.legs.filter((leg) => 'network' in leg.to);
  const ends = (legs: readonly Leg[]): string => legs.map((leg) => `${outerEnd(topology, node, leg)}\n`).join('');
  write('kind', node.kind);
  write('plug', plugInBatch(topology, node));
  write('attach', attachBatch(topology, node));
  write('net', nodeBatch(node));
  write('ends', ends(node.legs));
  write('ports', ends(onNetworks));
  write('machine-id', `${randomBytes(16).toString('hex')}\n`);
  if (node.kind === 'router') write('forwarding', '');
  if (node.masquerade.length > 0 && onPath('nft')) write('nft', masqueradeRules(node));
}

/** The folder that a router sees at /opt/lab/tree, and the command of the SSH server in it. */
export function packageRoot(): { directory: string; entry: string } {
  const self = fileURLToPath(import.meta.url);
  const program = self.endsWith('.ts') ? join(dirname(self), '..', 'cli.ts') : self;
  // An installed package finds its dependencies beside itself, in the outermost node_modules.
  const installed = self.indexOf('/node_modules/');
  const directory = installed === -1 ? dirname(dirname(program)) : self.slice(0, installed);
  return { directory, entry: `/opt/lab/tree${program.slice(directory.length)}` };
}

/**
 * Node's compile cache where whoever makes the lab has one inside of the tree, as `npm test` does: a router reads it
 * under the tree's path there. Portable, so that what was compiled outside is found again.
 */
export function routerCompileCache(): NodeJS.ProcessEnv {
  const { NODE_COMPILE_CACHE: cache = '' } = process.env;
  const { directory } = packageRoot();
  if (!cache.startsWith(`${directory}/`)) return {};
  return { NODE_COMPILE_CACHE: `/opt/lab/tree${cache.slice(directory.length)}`, NODE_COMPILE_CACHE_PORTABLE: '1' };
}
