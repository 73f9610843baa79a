/** The part of a rollout that puts tandemd on a router, or takes it out of service again: one router's. */
import type { Engine } from '../base/engine.ts';
import { ms } from '../base/units.ts';
import type { Daemon, Observed, RunningDaemon, TandemdFiles, UnitFact } from '../change/observed.ts';
import { installationOf, isOurs } from '../plan/install.ts';
import type { NodePlan } from '../plan/plan.ts';
import { type Exchange, exchange, settled } from '../router/exchange.ts';
import { readFacts } from '../router/facts.ts';
import { activate, deactivate, LINK, ROUTER_PLACE, upload } from '../router/install.ts';
import { proveStarted } from '../router/prove.ts';
import type { Remote } from '../router/remote.ts';
import type { Package } from './executable.ts';
import { type Telling, uploadWatch } from './telling.ts';

const TANDEMD_UNIT = 'tandemd.service';
const KEEPALIVED_UNIT = 'keepalived.service';
/** From the command's end until the daemon is seen: without systemd it forks twice on the way. */
const START_LIMIT = ms(10_000);

type Units = Pick<Exchange, 'enable' | 'disable' | 'mask' | 'unmask'>;

const unitOf = ({ install }: Observed, name: string): UnitFact | undefined =>
  install?.units.find((each) => each.name === name);

export class Installation {
  readonly #node: NodePlan;
  readonly #package: Package | undefined;
  readonly #before: TandemdFiles | undefined;
  /** As the executable lies in its folder. */
  #name: string | undefined;
  #activated = false;
  /** A daemon was stopped or started by us, or may have been. */
  #exchanged = false;
  readonly #remarks: string[] = [];

  constructor(node: NodePlan, source: Package | undefined) {
    this.#node = node;
    this.#package = source;
    this.#before = node.reading.kind === 'read' ? node.reading.tandemd : undefined;
  }

  /** Whether the daemon that the plan saw has to be looked for: it may be another one by now. */
  get exchanged(): boolean {
    return this.#exchanged;
  }

  /** Puts the executable beside what is there, where it is not there yet. @returns why that cannot be; a sentence */
  async upload(remote: Remote, telling: Telling): Promise<string | undefined> {
    if (installationOf(this.#node) === undefined || !this.#package || !this.#before) return undefined;
    const { executable } = this.#package;
    const watch = uploadWatch(this.#node.router, executable, telling);
    const uploaded = await upload(remote, executable, this.#before, { watch });
    if (uploaded.kind === 'refused') return uploaded.reason;
    this.#name = uploaded.name;
    return undefined;
  }

  /** What tests a file for the engine that shall run; undefined: what runs does. */
  testBinary(observed: Observed): string | undefined {
    if (this.#name !== undefined) return `${ROUTER_PLACE.folder}/${this.#name}`;
    const { daemon } = observed;
    const { engine } = this.#node.desired;
    if ('engine' in daemon && daemon.engine === engine) return undefined;
    return engine === 'tandemd' ? LINK : this.#keepalived();
  }

  /** Link and unit of what was uploaded; nothing is started. */
  async activate(remote: Remote): Promise<void> {
    if (this.#name === undefined || this.#activated || !this.#package) return;
    this.#activated = true;
    const unit = this.#isSystemd ? { unit: this.#package.unit } : {};
    await activate(remote, { name: this.#name, ...unit });
  }

  /** The daemon that runs makes room for the wanted one. @param before see Exchange */
  async replace(remote: Remote, running: RunningDaemon, before: number): Promise<void> {
    await this.activate(remote);
    const other = running.engine !== this.#node.desired.engine;
    const units = other ? this.#unitsAfter(running.unit ?? KEEPALIVED_UNIT) : {};
    this.#exchanged = true;
    await this.#carryOut(remote, { stop: running, start: this.#starting(running), before, ...units });
  }

  /** Where nothing ran before, and tandemd is to, or was to until now. */
  async start(remote: Remote, observed: Observed, before: number): Promise<void> {
    await this.activate(remote);
    const there = (unitOf(observed, KEEPALIVED_UNIT)?.load ?? 'not-found') !== 'not-found';
    this.#exchanged = true;
    const units = this.#unitsAfter(there ? KEEPALIVED_UNIT : undefined);
    await this.#carryOut(remote, { start: this.#starting(undefined), before, ...units });
  }

  /** @param keepalived its unit, to be masked while tandemd runs; undefined where there is none */
  #unitsAfter(keepalived: string | undefined): Units {
    if (!this.#isSystemd) return {};
    if (this.#node.desired.engine === 'keepalived')
      return { unmask: KEEPALIVED_UNIT, enable: KEEPALIVED_UNIT, disable: TANDEMD_UNIT };
    return { enable: TANDEMD_UNIT, ...(keepalived !== undefined && { mask: keepalived }) };
  }

  /**
   * What ran before runs again, with its own executable; `untouched`: it never stopped.
   * @param files puts the files of generation 0 in place, before the old daemon reads them
   */
  async goBack(remote: Remote, was: Observed, files: () => Promise<void>): Promise<'untouched' | 'restored'> {
    await settled(remote);
    const { daemon } = await readFacts(remote);
    const old = was.daemon.kind === 'running' ? was.daemon : undefined;
    if (old && daemon.kind === 'running' && daemon.pid === old.pid && daemon.startTime === old.startTime) {
      await this.#putBack(remote);
      return 'untouched';
    }
    await files();
    // An older executable is started through the link; another engine's unit is needed until it was stopped.
    const upgrade = old?.engine === this.#node.desired.engine;
    if (upgrade) await this.#putBack(remote);
    const stop = this.#ofOurs(daemon);
    await this.#carryOut(
      remote,
      { ...(stop && { stop }), ...(old && { start: this.#startingOld(old, was) }), ...this.#unitsBack(was, old) },
      old?.engine,
    );
    if (!upgrade) await this.#putBack(remote);
    this.#exchanged = false;
    return 'restored';
  }

  /** Takes away what was uploaded and never switched to. What could not be done as it should be is said at last. */
  async finish(remote: Remote, done: boolean): Promise<void> {
    if (!done && !this.#activated) await this.#putBack(remote);
    if (this.#remarks.length > 0) throw new Error(`${this.#node.router}: ${this.#remarks.join('; ')}`);
  }

  async #putBack(remote: Remote): Promise<void> {
    if (this.#name === undefined || !this.#before) return;
    await deactivate(remote, this.#before, this.#name);
    this.#name = undefined;
  }

  /** The process to be stopped on the way back: never one of an engine that we did not start. */
  #ofOurs(daemon: Daemon): NonNullable<Exchange['stop']> | undefined {
    const { engine } = this.#node.desired;
    if (daemon.kind === 'running') return daemon;
    return daemon.kind === 'unknown' ? daemon.engines?.find((each) => each.engine === engine) : undefined;
  }

  #unitsBack(was: Observed, old: RunningDaemon | undefined): Units {
    const { engine } = this.#node.desired;
    if (!this.#isSystemd || old?.engine === engine) return {};
    const load = unitOf(was, KEEPALIVED_UNIT)?.load ?? 'not-found';
    if (engine === 'tandemd') {
      const there = old?.unit !== undefined || load !== 'not-found';
      return { disable: TANDEMD_UNIT, ...(there && load !== 'masked' && { unmask: old?.unit ?? KEEPALIVED_UNIT }) };
    }
    const wasEnabled = unitOf(was, TANDEMD_UNIT)?.file === 'enabled';
    return { ...(wasEnabled && { enable: TANDEMD_UNIT }), ...(load === 'masked' && { mask: KEEPALIVED_UNIT }) };
  }

  async #carryOut(remote: Remote, order: Exchange, engine: Engine = this.#node.desired.engine): Promise<void> {
    const exchanged = await exchange(remote, order);
    if (exchanged.kind !== 'done') throw new Error(`${this.#node.router}: ${exchanged.reason}`);
    this.#remarks.push(...exchanged.remarks);
    if (order.start === undefined) return;
    const started = await proveStarted(remote, START_LIMIT);
    if (started?.engine !== engine) throw new Error(`${this.#node.router}: ${engine} does not run after its start`);
  }

  /** Without a unit with the arguments of the daemon before: both read the same ones in the same way. */
  #starting(was: RunningDaemon | undefined): NonNullable<Exchange['start']> {
    const { engine, files } = this.#node.desired;
    if (this.#isSystemd) return { unit: engine === 'tandemd' ? TANDEMD_UNIT : KEEPALIVED_UNIT };
    const binary = engine === 'tandemd' ? LINK : this.#keepalived();
    return { argv: [binary, ...(was?.argv.slice(was.script === undefined ? 1 : 2) ?? ['-f', files[0]!.path])] };
  }

  #startingOld(old: RunningDaemon, { system }: Observed): NonNullable<Exchange['start']> {
    if (system.init === 'systemd' && old.unit !== undefined) return { unit: old.unit };
    // An executable that was replaced since is started from its link.
    const binary = isOurs(old) && old.engine === 'tandemd' ? LINK : old.binary;
    return { argv: [binary, ...old.argv.slice(1)] };
  }

  #keepalived(): string {
    const { reading } = this.#node;
    const installed = reading.kind === 'read' ? reading.observed.install?.installed : undefined;
    return installed?.find(({ engine }) => engine === 'keepalived')?.binary ?? 'keepalived';
  }

  get #isSystemd(): boolean {
    const { reading } = this.#node;
    return reading.kind === 'read' && reading.observed.system.init === 'systemd';
  }
}
