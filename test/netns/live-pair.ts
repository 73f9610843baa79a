/**
 * A pair of routers in a lab, a fleet's folder that describes it, and the real command line run on both. What a router
 * holds is read with its own tools, past everything that Tandem itself reads with.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Engine } from '../../src/base/engine.ts';
import { Lab } from '../../src/lab/lab.ts';
import { onPath } from '../../src/lab/machine.ts';
import { waitFor } from '../../src/lab/process.ts';
import { labPossible } from '../lab/possible.ts';
import { steady } from '../support/steady.ts';

/** Of all pairs of a test file, which may run side by side. */
const labs = mkdtempSync(join(tmpdir(), 'tandem-labs-'));
process.env.TANDEM_LAB_DIR = labs;
process.on('exit', () => rmSync(labs, { recursive: true, force: true }));

export const [A, B] = ['rtr-core01', 'rtr-core02'] as const;
export const CONFIG = '/etc/keepalived/keepalived.conf';
export const ROOT = join(import.meta.dirname, '../..');

/** What `skip` of a test wants: why there can be no pair here, or false. */
export const pairImpossible = async (): Promise<string | false> =>
  (await labPossible()) || (onPath('keepalived') ? false : 'keepalived is not installed (npm run setup)');

export interface Settings {
  /** Default: version 3 and 300 ms, so that a proof of two down timers lasts 2.5 s. */
  readonly timers?: readonly string[];
  /** Lines of `vips`; default two on p3p1. */
  readonly vips?: readonly string[];
  readonly routes?: readonly string[];
  /** Further lines of the instance, as YAML. */
  readonly more?: readonly string[];
  /** Default: keepalived. */
  readonly engine?: Engine;
}

export const VIPS = ['192.168.1.1/24 dev p3p1', '192.168.1.2/24 dev p3p1'] as const;

/** pairs/core.yaml with VRRP on the cable; `rtr-core01` is to be master. */
export function pairText(settings: Settings = {}): string {
  const { timers = ['version: 3', 'advert_int: 300ms'], vips = VIPS, routes = [], more = [] } = settings;
  const { engine = 'keepalived' } = settings;
  const list = (key: string, items: readonly string[]) =>
    items.length === 0 ? [] : [`${key}:`, ...items.map((item) => `  - ${item}`)];
  const instance = [
    ...timers,
    'interface: p4p1',
    'link: direct',
    'preempt: false',
    'virtual_router_id: 50',
    ...more,
    ...list('vips', vips),
    ...list('routes', routes),
  ];
  return [
    `members: { primary: ${A}, secondary: ${B} }`,
    `engine: ${engine}`,
    'accept_dual_master: true',
    'vrrp:',
    '  VI_0:',
    ...instance.map((line) => `    ${line}`),
    '',
  ].join('\n');
}

/** inventory/routers.yaml; on the bare topology the LAN legs have no address of their own. */
function routersText(topology: 'core' | 'bare', more: string | undefined): string {
  const router = (name: string, number: number) => {
    const lan = (address: string) => (topology === 'bare' ? '{}' : `{ address: ${address} }`);
    return [
      `  ${name}:`,
      '    interfaces:',
      `      p1p1: 78.123.65.${1 + number}/24`,
      `      p1p2: 91.59.24.${131 + number}/24`,
      `      p3p1: ${lan(`192.168.1.${10 + number}/24`)}`,
      `      p3p2: ${lan(`10.1.1.${10 + number}/24`)}`,
      `      p4p1: 10.255.0.${number}/30`,
      ...(more === undefined ? [] : [`      ${more}`]),
    ];
  };
  return ['routers:', ...router(A, 1), ...router(B, 2), ''].join('\n');
}

export interface Run {
  /** Null: it was killed. */
  readonly code: number | null;
  /** Standard output and error, as a person sees them. */
  readonly output: string;
}

/** The command line while it works. */
export class Running {
  readonly ended: Promise<Run>;
  readonly #child: ChildProcess;
  #output = '';

  constructor(child: ChildProcess) {
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
      });
    }
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve({ code, output: this.#output }));
    });
  }

  /** Waits until it has printed this. */
  async prints(pattern: RegExp): Promise<void> {
    let over = false;
    void this.ended.then(() => {
      over = true;
    });
    await waitFor(
      () => {
        if (pattern.test(this.#output)) return true;
        assert.ok(!over, `it ended without printing ${pattern}:\n${this.#output}`);
        return false;
      },
      { what: `${pattern} in\n${this.#output}`, timeoutMs: 60_000, everyMs: 5 },
    );
  }

  type(text: string): void {
    this.#child.stdin?.write(text);
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}

/** What a router holds that a change would touch. */
export interface Snapshot {
  readonly addresses: string;
  /** `PID START` of every keepalived. */
  readonly processes: string;
  /** `INODE MTIME MODE SIZE NAME` and hash of everything beside the configuration. */
  readonly files: string;
  /** When the daemon last read its configuration. */
  readonly loaded: string;
}

const SNAPSHOT = `
set -e
ip -o addr | sed 's/ *\\\\.*//; s/ tentative//' | sort
echo ==
for p in $(pidof keepalived | tr ' ' '\\n' | sort -n); do echo "$p $(sed 's/.*) //' /proc/$p/stat | cut -d ' ' -f 20)"; done
echo ==
cd /etc/keepalived
find . -mindepth 1 -maxdepth 1 ! -name '.*.tandem-previous' -exec stat -c '%i %y %a %s %n' {} + | sort
find . -mindepth 1 -maxdepth 1 -type f ! -name '.*.tandem-previous' -exec sha256sum {} + | sort
echo ==
for p in $(pidof keepalived | tr ' ' '\\n' | sort -n); do
  for fd in /proc/$p/fd/*; do
    case $(readlink $fd) in *consolidated*) stat -L -c "$p %y" $fd ;; esac
  done
done`;

/** Text by path in the fleet's folder. */
type Files = ReadonlyMap<string, string>;

export class LivePair implements AsyncDisposable {
  /** With inventory/ and pairs/. */
  readonly fleet: string;
  #lab: Lab;
  #applied: Files | undefined;

  private constructor(lab: Lab, fleet: string) {
    this.#lab = lab;
    this.fleet = fleet;
  }

  /** Two routers that run nothing yet. */
  static async up(topology: 'core' | 'bare' = 'core'): Promise<LivePair> {
    const lab = await Lab.up({ topology });
    const pair = new LivePair(lab, mkdtempSync(join(tmpdir(), 'tandem-fleet-')));
    pair.addInterface();
    pair.describe();
    return pair;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab.down();
    rmSync(this.fleet, { recursive: true, force: true });
  }

  get lab(): Lab {
    return this.#lab;
  }

  /** The fleet as the last successful `apply` found it: what the routers run. */
  get applied(): Files | undefined {
    return this.#applied;
  }

  /** Two new routers, and the fleet as it was applied then; where nothing was, they run nothing. */
  async renew(applied: Files | undefined, bringUp: () => Promise<unknown>): Promise<void> {
    await this.lab.down();
    this.#lab = await Lab.up({ topology: this.lab.state.topology });
    if (applied === undefined) return;
    rmSync(this.fleet, { recursive: true });
    for (const [path, text] of applied) this.write(path, text);
    await bringUp();
  }

  /** Changes the pair's description. */
  describe(settings: Settings = {}): void {
    this.write('pairs/core.yaml', pairText(settings));
  }

  /** Describes one more interface on both routers, as a line of YAML; without one, those that they have. */
  addInterface(line?: string): void {
    const bare = this.lab.state.topology.name === 'bare';
    this.write('inventory/routers.yaml', routersText(bare ? 'bare' : 'core', line));
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.fleet, path)), { recursive: true });
    writeFileSync(join(this.fleet, path), text);
  }

  remove(path: string): void {
    rmSync(join(this.fleet, path), { recursive: true });
  }

  /** The real command line on this fleet. */
  tandem(...args: readonly string[]): Promise<Run> {
    return this.start(...args).ended;
  }

  start(...args: readonly string[]): Running {
    return new Running(spawn(process.execPath, this.#argv(args), { stdio: ['ignore', 'pipe', 'pipe'] }));
  }

  /** At a terminal of its own, where it can ask. */
  atTerminal(...args: readonly string[]): Running {
    const line = [process.execPath, ...this.#argv(args)].map((word) => `'${word}'`).join(' ');
    return new Running(spawn('script', ['-qec', line, '/dev/null'], { stdio: ['pipe', 'pipe', 'pipe'] }));
  }

  #argv(args: readonly string[]): string[] {
    return [join(ROOT, 'src/cli.ts'), '-C', this.fleet, '-F', this.lab.sshConfig, ...args];
  }

  /** Applies what is described; throws unless it ends with 0. */
  async apply(...args: readonly string[]): Promise<string> {
    const { code, output } = await this.tandem('apply', '--yes', ...args);
    assert.equal(code, 0, output);
    const paths = globSync('**', { cwd: this.fleet }).filter((path) => statSync(join(this.fleet, path)).isFile());
    this.#applied = new Map(paths.map((path) => [path, readFileSync(join(this.fleet, path), 'utf8')]));
    return output;
  }

  async bringUp(settings: Settings = {}): Promise<void> {
    this.describe(settings);
    await this.apply('--allow', 'bring-up');
  }

  sh(router: string, script: string): Promise<string> {
    return this.lab.must(router, ['sh', '-c', script]);
  }

  /** From now on a program runs this line first on the router, wherever it is called by its name. */
  async wrap(router: string, program: string, line: string): Promise<void> {
    const real = (await this.sh(router, `PATH=/usr/sbin:/usr/bin command -v ${program}`)).trim();
    const file = `/usr/local/sbin/${program}`;
    await this.lab.must(router, ['sh', '-c', `cat >${file} && chmod 755 ${file}`], {
      stdin: `#!/bin/sh\n${line}\nexec ${real} "$@"\n`,
    });
  }

  async unwrap(router: string, program: string): Promise<void> {
    await this.sh(router, `rm /usr/local/sbin/${program}`);
  }

  config(router: string, path = CONFIG): Promise<string> {
    return this.sh(router, `cat ${path}`);
  }

  async snapshot(router: string): Promise<Snapshot> {
    const [addresses = '', processes = '', files = '', loaded = ''] = (await this.sh(router, SNAPSHOT)).split('==\n');
    return { addresses, processes, files, loaded };
  }

  async snapshots(): Promise<{ readonly [A]: Snapshot; readonly [B]: Snapshot }> {
    const [a, b] = await Promise.all([this.snapshot(A), this.snapshot(B)]);
    return { [A]: a, [B]: b };
  }

  /** Of the fleet's VIPs, those that stand on a router: `192.168.1.1/24`. */
  async vips(router: string): Promise<string[]> {
    const shown = await this.sh(router, 'ip -4 -o address show');
    const all = [...shown.matchAll(/inet (\S+)/g)].map((match) => match[1]!);
    return all.filter((text) => /^(192\.168\.1|10\.1\.1)\.([1-9]|2\d\d)\//.test(text)).sort();
  }

  /** Waits until the daemon's last word about itself is this. */
  async becomes(router: string, role: 'MASTER' | 'BACKUP'): Promise<void> {
    const is = async () => {
      const said = [...(await this.lab.keepalivedLog(router)).matchAll(/Entering (\w+) STATE/g)];
      return said.at(-1)?.[1] === role;
    };
    await waitFor(is, { what: `${router} to be ${role}`, timeoutMs: 20_000, everyMs: 100 });
  }

  /** What the daemon itself runs on: the file that it keeps of what it read last. */
  loaded(router: string): Promise<string> {
    const find = `for p in $(pidof keepalived); do for fd in /proc/$p/fd/*; do
      case $(readlink $fd) in *consolidated*) cat $fd; exit ;; esac; done; done`;
    return this.sh(router, find);
  }
}

/**
 * Tests on a pair that they share: what failed while the machine stood still is measured again on new routers, which run
 * what those before ran when the test began.
 *
 * @param bringUp brings two new routers to what the fleet describes
 */
export function testsOnPair(
  pair: () => LivePair,
  bringUp: () => Promise<unknown> = () => pair().apply('--allow', 'bring-up'),
): (name: string, body: () => Promise<void>) => void {
  return (name, body) => {
    const measured = (t: TestContext): Promise<void> => {
      const { applied } = pair();
      return steady(body, { anew: () => pair().renew(applied, bringUp) })(t);
    };
    void test(name, measured);
  };
}
