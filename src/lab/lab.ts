/**
 * A running lab: two routers, a switch, hosts, all in namespaces that die together. Made by `Lab.up`, where it lives as
 * long as this process and its `await using`, or found by `Lab.attach`, where someone else holds it.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { enterSwitch, type Lifeline, routerCompileCache, start } from './boot.ts';
import { type DarkOptions, kill, plug, reboot, unplug } from './faults.ts';
import { keepalivedLog, startKeepalived, stopKeepalived } from './keepalived.ts';
import { inspectMachine, newLabDirectory, type Wishes } from './machine.ts';
import { type Advert, type LinkEvent, type Watch, watchAdverts, watchLinks } from './observe.ts';
import { type Pinger, type PingOptions, startPing } from './ping.ts';
import { must, type RunResult, run, waitFor } from './process.ts';
import { type Cut, cutSsh, mendSsh } from './ssh.ts';
import { isAlive, type LabState, listLabs, readState, removeLeftOvers } from './state.ts';
import { nodeNamed, routers, TOPOLOGIES, type Topology } from './topology.ts';

export interface UpOptions extends Wishes {
  /** Default `core`. */
  readonly topology?: keyof typeof TOPOLOGIES | Topology;
  /** Default: a name nobody has. */
  readonly name?: string;
  /** True: the lab outlives this process, until `down`. Default false. */
  readonly detached?: boolean;
}

export interface ExecOptions {
  readonly stdin?: string | Uint8Array;
  /** Default 60,000. */
  readonly timeoutMs?: number;
}

export class Lab implements AsyncDisposable {
  readonly directory: string;
  readonly state: LabState;
  readonly #lifeline: Lifeline | undefined;

  private constructor(directory: string, state: LabState, lifeline?: Lifeline) {
    this.directory = directory;
    this.state = state;
    this.#lifeline = lifeline;
  }

  static async up(options: UpOptions = {}): Promise<Lab> {
    const topology = typeof options.topology === 'object' ? options.topology : TOPOLOGIES[options.topology ?? 'core'];
    const machine = await inspectMachine(options);
    const directory = newLabDirectory(options.name);
    // The name may be that of a lab whose first process was shot.
    if (options.name !== undefined) listLabs();
    const cgroup =
      machine.cgroupRoot === undefined ? '' : join(machine.cgroupRoot, `tandem-lab.${randomBytes(6).toString('hex')}`);
    const { state, lifeline } = await start({ directory, topology, machine, cgroup });
    const lab = new Lab(directory, state, lifeline);
    try {
      await Promise.all(routers(topology).map((router) => lab.awaitSsh(router.name)));
      // Only now: a maker that is interrupted before leaves nothing.
      if (options.detached) lifeline.stay();
      return lab;
    } catch (cause) {
      await lab.down();
      throw cause;
    }
  }

  /** A lab that runs already; undefined name: the only one. */
  static attach(directory: string): Lab {
    const state = readState(directory);
    if (state === undefined || !isAlive(state)) throw new Error(`no lab runs in ${directory}`);
    return new Lab(directory, state);
  }

  get name(): string {
    return this.state.name;
  }

  /** `ssh -F` this file, then the router's name. */
  get sshConfig(): string {
    return join(this.directory, 'ssh_config');
  }

  /** First process of a node, as this machine counts. Throws when the node is not running. */
  pid(node: string): number {
    nodeNamed(this.state.topology, node);
    try {
      return Number(readFileSync(join(this.directory, 'pid', node), 'utf8'));
    } catch {
      throw new Error(`${node} is not running (tandem lab reboot ${node} switches it on)`);
    }
  }

  isRunning(node: string): boolean {
    try {
      return this.pid(node) > 0;
    } catch {
      return false;
    }
  }

  /** The command line that runs `argv` inside a node; it dies with the process that runs it. */
  inside(node: string, argv: readonly string[]): readonly string[] {
    const enter = ['nsenter', '-t', `${this.pid(node)}`, ...this.#user(), '-n', '-m', '-p', '-u', '-i', '--'];
    return [...enter, 'setpriv', '--pdeathsig', 'KILL', '--', ...argv];
  }

  /** What a command in a node sees of the environment: nothing of the user's shell. */
  get environment(): NodeJS.ProcessEnv {
    return NODE_ENVIRONMENT;
  }

  /** The same for the switch: the lab's own network, where every far end and each router's port 22 can be reached. */
  onSwitch(argv: readonly string[]): readonly string[] {
    return enterSwitch(this.state, argv);
  }

  exec(node: string, argv: readonly string[], options: ExecOptions = {}): Promise<RunResult> {
    return run(this.inside(node, argv), { ...options, env: this.#environmentOf(node) });
  }

  /** Like `exec`, for what must succeed; gives the standard output. */
  must(node: string, argv: readonly string[], options: ExecOptions = {}): Promise<string> {
    return must(this.inside(node, argv), { ...options, env: this.#environmentOf(node) });
  }

  spawn(node: string, argv: readonly string[]): ChildProcessWithoutNullStreams {
    const [program, ...args] = this.inside(node, argv);
    // A session of its own: Ctrl-C in a terminal reaches us, and we end it in our way.
    return spawn(program as string, args, { stdio: 'pipe', env: this.#environmentOf(node), detached: true });
  }

  /** Pulls a cable; see faults.ts. */
  unplug(router: string, iface: string, options: DarkOptions = {}): Promise<void> {
    return unplug(this, router, iface, options);
  }

  plug(router: string, iface: string): Promise<void> {
    return plug(this, router, iface);
  }

  /** Power cut. */
  kill(router: string, options: DarkOptions = {}): Promise<void> {
    return kill(this, router, options);
  }

  reboot(router: string): Promise<void> {
    return reboot(this, router);
  }

  startKeepalived(router: string, text: string): Promise<void> {
    return startKeepalived(this, router, text);
  }

  stopKeepalived(router: string): Promise<void> {
    return stopKeepalived(this, router);
  }

  keepalivedLog(router: string): Promise<string> {
    return keepalivedLog(this, router);
  }

  /** Pings until `stop`; see ping.ts. */
  ping(from: string, address: string, options: PingOptions = {}): Pinger {
    return startPing(this, from, address, options);
  }

  /** The router's link and address events from now on. */
  watch(router: string): Promise<Watch<LinkEvent>> {
    return watchLinks(this, router);
  }

  /** The VRRP packets on a router's interface from now on. */
  adverts(router: string, iface: string): Promise<Watch<Advert>> {
    return watchAdverts(this, router, iface);
  }

  /** Cuts SSH connections to a router, now or after some bytes, and new ones as well until `mendSsh`. */
  cutSsh(router: string, cut: Cut = {}): void {
    cutSsh(this.directory, nodeNamed(this.state.topology, router).name, cut);
  }

  mendSsh(router: string): void {
    mendSsh(this.directory, router);
  }

  /** Ends the lab and waits until nothing of it is left. */
  async down(): Promise<void> {
    this.#lifeline?.cut();
    if (isAlive(this.state)) process.kill(this.state.pid, 'SIGTERM');
    const isOver = () => !isAlive(this.state) && !isAlive(this.state.parent);
    await waitFor(isOver, { what: `lab ${this.name} to end`, timeoutMs: 20_000, everyMs: 5 });
    removeLeftOvers(this.directory, this.state.cgroup);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
  }

  /** Reads the router's own table of listening sockets: no connection, no process. */
  async awaitSsh(router: string): Promise<void> {
    const listening = / 0{8}(0{24})?:0016 0{8}(0{24})?:0000 0A /;
    const pid = this.pid(router);
    try {
      await waitFor(() => ['tcp', 'tcp6'].some((table) => listening.test(readOrEmpty(`/proc/${pid}/net/${table}`))), {
        what: `the SSH server of ${router}`,
        timeoutMs: 30_000,
        everyMs: 5,
      });
    } catch (cause) {
      const log = 'tail -n 5 /var/log/sshd.log || journalctl --no-pager --lines=5 --unit=ssh';
      const said = await this.exec(router, ['sh', '-c', log], { timeoutMs: 10_000 });
      throw new Error(`SSH does not come up on ${router}; its log ends with: ${said.stdout.trim()}`, { cause });
    }
  }

  /** Hosts share the machine's root, where the router's path of the cache means nothing. */
  #environmentOf(node: string): NodeJS.ProcessEnv {
    const isRouter = nodeNamed(this.state.topology, node).kind === 'router';
    return isRouter ? { ...NODE_ENVIRONMENT, ...routerCompileCache() } : NODE_ENVIRONMENT;
  }

  #user(): readonly string[] {
    return this.state.machine.rootless ? ['-U', '--preserve-credentials'] : [];
  }
}

/** A plain environment: nothing of the user's shell reaches a router. */
const NODE_ENVIRONMENT: NodeJS.ProcessEnv = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  LANG: 'C.UTF-8',
  TZ: 'UTC',
  TERM: process.env.TERM ?? 'dumb',
};

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
