/** The rollout's hands on one real router: transaction, daemon and facts over its connection. */
import { hostname, userInfo } from 'node:os';
import type { Engine } from '../base/engine.ts';
import { type Millis, ms } from '../base/units.ts';
import { isAtLeast } from '../base/version.ts';
import type { Observed, RunningDaemon } from '../change/observed.ts';
import type { Config } from '../keepalived/model.ts';
import { print } from '../keepalived/printer.ts';
import type { NodePlan } from '../plan/plan.ts';
import type { Finding } from '../plan/proof.ts';
import type { Move } from '../plan/schedule.ts';
import { forget } from '../router/ctl.ts';
import { readFacts } from '../router/facts.ts';
import { type Lock, takeLock } from '../router/lock.ts';
import { type Proof, proveReload } from '../router/prove.ts';
import { type Remote, RemoteError, type RemoteErrorKind } from '../router/remote.ts';
import { errorsOf } from '../router/report.ts';
import { enable, type Service, start, stop } from '../router/service.ts';
import { sha256Of } from '../router/sha256.ts';
import {
  commit,
  finish,
  type PlacedFile,
  restore,
  type Signalled,
  stage,
  type TestCommand,
} from '../router/transaction.ts';
import type { Package } from './executable.ts';
import type { Hands, Moved, Readiness, Restored } from './hands.ts';
import { Installation } from './installation.ts';
import type { Link } from './link.ts';
import { movedSince } from './moved.ts';
import type { Telling } from './telling.ts';
import { asRoot, type TestCopy } from './test-copy.ts';

export interface Generation {
  readonly config: Config;
  /** It is loaded by the daemon that runs before anything is replaced, so that one tests it. */
  readonly beforeReplacement?: true;
  /** The configuration first. */
  readonly files: readonly { readonly path: string; readonly mode: number; readonly content: Uint8Array }[];
}

/** A reload of 10,000 addresses took 2 s; beyond this the daemon is not going to load it. */
const RELOAD_LIMIT: Millis = ms(15_000);

/** A network that was cut for a moment, or an sshd that starts again, is back by then; a person need not be called. */
const RECONNECT_LIMIT: Millis = ms(10_000);
const RECONNECT_EVERY: Millis = ms(500);
/** A login takes as long on a slow line, and may ask a person. */
const ALIVE_LIMIT: Millis = ms(500);
/** What may be gone at the next try; a key that is refused will be refused again. */
const PASSING: ReadonlySet<RemoteErrorKind> = new Set(['unreachable', 'cut', 'timeout']);

export interface HandsOptions {
  readonly late: Millis;
  /** What is to be put there, where something is. */
  readonly source?: Package | undefined;
  readonly telling: Telling;
}

export class RouterHands implements Hands {
  readonly router: string;
  readonly #link: Link;
  readonly #node: NodePlan;
  readonly #generations: readonly Generation[];
  readonly #late: Millis;
  readonly #telling: Telling;
  readonly #installation: Installation;
  #observed: Observed;
  #signalled: Signalled | undefined;
  #reloaded: RunningDaemon | undefined;
  #started = false;
  #lock: Lock | undefined;

  /** @param late how long after it was sent a command may still act */
  constructor(link: Link, node: NodePlan, generations: readonly Generation[], { late, source, telling }: HandsOptions) {
    if (node.reading.kind !== 'read') throw new Error(`${node.router} was not read`);
    this.router = node.router;
    this.#link = link;
    this.#node = node;
    this.#generations = generations;
    this.#late = late;
    this.#telling = telling;
    this.#installation = new Installation(node, source);
    this.#observed = node.reading.observed;
  }

  async lock(): Promise<Finding | undefined> {
    const since = new Date().toISOString().slice(0, 16).replace('T', ' ');
    const lock = await takeLock(await this.#link.remote(), `${userInfo().username}@${hostname()} since ${since} UTC`);
    if (lock.kind === 'held') {
      this.#lock = lock;
      return undefined;
    }
    return { router: this.router, locked: true, message: `${this.router}: another apply works on it: ${lock.by}` };
  }

  async unlock(): Promise<void> {
    const remote = this.#link.standing;
    if (remote) await this.#lock?.release(remote);
  }

  async stage(): Promise<Readiness> {
    const planned = this.#observed;
    const observed = await this.observe();
    const moved = movedSince(planned, observed);
    if (moved !== undefined) return this.#notReady([moved], true);
    this.#observed = observed;
    const remote = await this.#link.remote();
    const noExecutable = await this.#installation.upload(remote, this.#telling);
    if (noExecutable !== undefined) return this.#notReady([noExecutable]);
    const tests = this.#generations.map((generation) => this.#testOf(generation));
    const copies = this.#generations.map(({ config }, i) => this.#testCopy(config, tests[i]!));
    const strangers = await unknownUsers(
      remote,
      copies.flatMap((copy) => copy?.users ?? []),
    );
    if (strangers.length > 0)
      return this.#notReady(strangers.map((user) => `there is no user ${user}, whom a script shall run as`));
    const generations = this.#generations.map(({ files }, i) => {
      const copy = copies[i];
      const testCopy = copy && { testCopy: new TextEncoder().encode(print(copy.config)) };
      return { number: i + 1, files, test: tests[i]!, ...testCopy };
    });
    const staged = await stage(remote, this.#configPath, generations, tests.at(-1)!);
    switch (staged.kind) {
      case 'ready':
        return { kind: 'ready', observed };
      case 'no-place':
        return this.#notReady([staged.reason]);
      case 'problems':
        return this.#notReady(
          staged.findings.map((f) => `${tests[f.generation - 1]!.engine} refuses it: ${where(f)}${f.text}`),
        );
    }
  }

  async move(move: Move): Promise<Moved> {
    const { bootId } = this.#observed;
    const running = await this.#whatRuns();
    const reloads = move.kind === 'reload' || move.kind === 'take-over';
    if (!running && (reloads || move.kind === 'replace'))
      throw new Error(`${this.router}: no daemon runs that could be ${reloads ? 'reloaded' : 'replaced'}`);
    const committed = await commit(await this.#link.remote(), {
      generation: move.generation,
      files: this.#placed(move.generation),
      seen: { bootId, ...(running && { daemon: running }), files: this.#seen(move.generation) },
      ...(reloads && running && { reload: running }),
      // A command that was stuck on the way must not act when nobody counts on it any more.
      armed: { at: (Date.now() + this.#observed.clock.offset) / 1000, late: this.#late },
    });
    switch (committed.kind) {
      case 'stale':
        return {
          kind: 'refused',
          stale: true,
          findings: [{ router: this.router, message: `${this.router}: ${committed.reason}` }],
        };
      case 'missed':
        return {
          kind: 'refused',
          findings: [{ router: this.router, message: `${this.router}: the moment had passed` }],
        };
      case 'gone':
        throw new Error(`${this.router}: the daemon is gone`);
      case 'failed':
        if (committed.placed) throw new Error(`${this.router}: ${committed.reason}`);
        return { kind: 'refused', findings: [{ router: this.router, message: `${this.router}: ${committed.reason}` }] };
      case 'done':
        this.#signalled = committed.signalled;
        this.#reloaded = running;
    }
    if (move.kind === 'start') await this.#start();
    else if (move.kind === 'replace')
      await this.#installation.replace(await this.#link.remote(), running!, this.#until);
    else await this.#installation.activate(await this.#link.remote());
    return { kind: 'moved' };
  }

  /** Seconds since 1970 on the router's clock: what has not begun by then shall not begin. */
  get #until(): number {
    return (Date.now() + this.#observed.clock.offset + this.#late) / 1000;
  }

  /** The daemon that the plan saw, or the one that we started since: a bring-up may go on with reloads. */
  async #whatRuns(): Promise<RunningDaemon | undefined> {
    const moved = this.#started || this.#installation.exchanged;
    const { daemon } = moved ? await this.observe() : this.#observed;
    return daemon.kind === 'running' ? daemon : undefined;
  }

  async loaded(): Promise<Finding | undefined> {
    if (this.#signalled === undefined || this.#reloaded === undefined) return undefined;
    const proof = await proveReload(await this.#link.remote(), this.#reloaded, this.#signalled, RELOAD_LIMIT);
    if (proof.kind !== 'reloaded') return { router: this.router, message: this.#notLoaded(proof) };
    this.#signalled = undefined;
    return undefined;
  }

  #notLoaded(proof: Exclude<Proof, { kind: 'reloaded' }>): string {
    switch (proof.kind) {
      case 'gone':
        return `${this.router}: the daemon ended when it was reloaded`;
      case 'refused':
        return `${this.router}: tandemd refused it: ${errorsOf(proof.report).join('; ')}`;
      case 'unproven':
        return `${this.router}: ${proof.reason}`;
    }
  }

  async restore(signal: boolean): Promise<Restored> {
    const remote = await this.#reconnect();
    if (remote instanceof RemoteError) {
      return { kind: 'not-reached', finding: { router: this.router, message: `${this.router}: ${remote.message}` } };
    }
    await this.#goBack(remote, signal);
    return { kind: 'restored' };
  }

  /** Whatever the old connection is waiting for: going back does not. One that is alive needs no new login. */
  async #reconnect(): Promise<Remote | RemoteError> {
    if (await this.#link.answers(ALIVE_LIMIT)) return this.#link.remote();
    const deadline = performance.now() + RECONNECT_LIMIT;
    for (;;) {
      await this.#link.drop();
      try {
        return await this.#link.remote();
      } catch (error) {
        if (!(error instanceof RemoteError)) throw error;
        if (!PASSING.has(error.kind) || performance.now() > deadline) return error;
      }
      await new Promise((resolve) => setTimeout(resolve, RECONNECT_EVERY));
    }
  }

  async #goBack(remote: Remote, signal: boolean): Promise<void> {
    // The signal of the move says nothing any more; the one that goes out here is proven here.
    this.#signalled = undefined;
    if (this.#installation.exchanged) {
      const came = await this.#installation.goBack(remote, this.#observed, async () => {
        await this.#takeBack(remote, undefined);
      });
      if (came === 'restored') return;
    } else if (this.#started) await stopWhatRuns(remote);
    const { daemon } = this.#observed;
    if ((await this.#takeBack(remote, signal && daemon.kind === 'running' ? daemon : undefined)) === 'back') return;
    const { daemon: now } = await readFacts(remote);
    // It takes its left-overs down itself.
    if (now.kind !== 'running') return this.#start();
    // Whatever started it (a boot, its unit) may have done so while the new file was there.
    if ((await this.#takeBack(remote, now)) === 'back') return;
    throw new Error(`${this.router}: its daemon ends again and again`);
  }

  /** The old files are in place afterwards; `gone`: the daemon that was to read them is not. */
  async #takeBack(remote: Remote, reload: RunningDaemon | undefined): Promise<'back' | 'gone'> {
    const committed = await restore(remote, this.#placed(0), reload);
    if (committed.kind === 'gone') return 'gone';
    if (committed.kind !== 'done')
      throw new Error(`${this.router}: going back: ${'reason' in committed ? committed.reason : committed.kind}`);
    if (!reload || !committed.signalled) return 'back';
    const proof = await proveReload(remote, reload, committed.signalled, RELOAD_LIMIT);
    if (proof.kind === 'reloaded') return 'back';
    if (proof.kind === 'gone') return 'gone';
    throw new Error(`${this.#notLoaded(proof)} (on the way back)`);
  }

  async observe(): Promise<Observed> {
    const paths = this.#node.desired.files.map((file) => file.path);
    const remote = await this.#link.remote();
    try {
      return await readFacts(remote, { paths });
    } catch (error) {
      if (!(error instanceof RemoteError) || error.kind !== 'cut') throw error;
      await this.#link.drop(remote);
      return readFacts(await this.#link.remote(), { paths });
    }
  }

  async finish(done: boolean): Promise<void> {
    const remote = await this.#link.remote();
    await finish(
      remote,
      this.#configPath,
      this.#node.desired.files.map((file) => file.path),
    );
    await this.#installation.finish(remote, done);
    const { daemon } = this.#observed;
    if (done && daemon.kind === 'running' && daemon.engine === 'tandemd') await forget(remote, daemon);
    if (!done || !this.#started || this.#observed.system.init !== 'systemd') return;
    if (await enable(remote, this.#service)) return;
    throw new Error(`${this.router}: ${this.#service.unit} could not be enabled: it will not start at boot`);
  }

  async #start(): Promise<void> {
    const { daemon } = this.#observed;
    const wasTandemd = daemon.kind === 'stopped' && daemon.engine === 'tandemd';
    if (daemon.kind !== 'running' && (this.#engine === 'tandemd' || wasTandemd)) {
      return this.#installation.start(await this.#link.remote(), this.#observed, this.#until);
    }
    this.#started = daemon.kind !== 'running';
    const started = await start(await this.#link.remote(), this.#service);
    if (started.kind === 'failed') throw new Error(`${this.router}: ${this.#engine} does not start: ${started.reason}`);
    const { configPath } = started.daemon;
    if (configPath === this.#configPath) return;
    throw new Error(`${this.router}: its unit starts ${this.#engine} on ${configPath}, and not on ${this.#configPath}`);
  }

  get #configPath(): string {
    return this.#node.desired.files[0]!.path;
  }

  get #engine(): Engine {
    return this.#node.desired.engine;
  }

  get #service(): Service {
    const { daemon, system } = this.#observed;
    const binary = daemon.kind === 'running' || daemon.kind === 'stopped' ? daemon.binary : this.#engine;
    const unit = (daemon.kind === 'running' ? daemon.unit : undefined) ?? `${this.#engine}.service`;
    const argv = daemon.kind === 'running' ? { argv: daemon.argv } : {};
    return { init: system.init, unit, binary, config: this.#configPath, ...argv };
  }

  /** Whoever will read the file: the daemon that runs, or the one that takes its place. */
  #testOf({ beforeReplacement }: Generation): TestCommand {
    const { daemon } = this.#observed;
    const next = beforeReplacement ? undefined : this.#installation.testBinary(this.#observed);
    if (next === undefined && daemon.kind === 'running') {
      const { pid, binary, script, engine, configId } = daemon;
      return { pid, binary, engine, ...(script && { script }), ...(configId !== undefined && { configId }) };
    }
    return { binary: next ?? this.#service.binary, engine: this.#engine };
  }

  /** Only where this keepalived could not test the file itself. */
  #testCopy(config: Config, { engine }: TestCommand): TestCopy | undefined {
    const { daemon, install } = this.#observed;
    if (engine !== 'keepalived') return undefined;
    const known = 'engine' in daemon && daemon.engine === engine ? daemon : undefined;
    const version = (known ?? install?.installed.find((each) => each.engine === engine))?.version;
    if (version === undefined || isAtLeast(version, USERS_TESTED_SINCE)) return undefined;
    const copy = asRoot(config);
    return copy.users.length > 0 ? copy : undefined;
  }

  /** Every path of any generation, as it is in this one; generation 0 is what was live. */
  #placed(generation: number): PlacedFile[] {
    if (generation === 0) {
      return this.#node.desired.files.map(({ path }) => {
        const sha256 = this.#live(path);
        return { path, ...(sha256 !== '' && { sha256 }) };
      });
    }
    return this.#generations[generation - 1]!.files.map((file) => ({
      path: file.path,
      sha256: sha256Of(file.content),
    }));
  }

  /** What may lie in each place before this generation: what was live, or any generation up to this one. */
  #seen(generation: number): { path: string; sha256: string[] }[] {
    return this.#placed(generation).map(({ path }) => {
      const known = this.#generations.slice(0, generation).flatMap(({ files }) => files.filter((f) => f.path === path));
      return { path, sha256: [this.#live(path), ...known.map((file) => sha256Of(file.content))] };
    });
  }

  #live(path: string): string {
    const { config, files } = this.#observed;
    return (config?.path === path ? config : files.find((file) => file.path === path))?.sha256 ?? '';
  }

  #notReady(messages: readonly string[], stale = false): Readiness {
    const findings = messages.map((message) => ({ router: this.router, message: `${this.router}: ${message}` }));
    return { kind: 'not-ready', findings, ...(stale && { stale }) };
  }
}

async function stopWhatRuns(remote: Remote): Promise<void> {
  const { daemon } = await readFacts(remote);
  if (daemon.kind === 'running') await stop(remote, daemon as RunningDaemon);
}

const where = ({ file, line }: { readonly file?: string; readonly line?: number }): string =>
  file === undefined ? '' : `${file}:${line ?? 1}: `;

/** The first keepalived whose configuration test lives through scripts of other users (its issue 2617). */
const USERS_TESTED_SINCE = '2.2.8';

async function unknownUsers(remote: Remote, users: readonly string[]): Promise<string[]> {
  if (users.length === 0) return [];
  const script = 'for user; do id -u -- "$user" >/dev/null 2>&1 || printf "%s\\n" "$user"; done';
  const argv = ['sh', '-c', script, 'sh', ...new Set(users)];
  const { stdout } = await remote.exec(argv, { timeout: ms(15_000), what: 'looking for users' });
  return stdout.split('\n').filter((line) => line !== '');
}
