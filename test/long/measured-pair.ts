/** A pair of the lab that is brought into a row's old state, changed by the real plan and apply, and watched meanwhile. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Engine } from '../../src/base/engine.ts';
import { ms } from '../../src/base/units.ts';
import type { Observed } from '../../src/change/observed.ts';
import type { Config } from '../../src/keepalived/model.ts';
import { print } from '../../src/keepalived/printer.ts';
import { Lab } from '../../src/lab/lab.ts';
import type { LinkEvent, Watch } from '../../src/lab/observe.ts';
import type { PingResult } from '../../src/lab/ping.ts';
import { waitFor } from '../../src/lab/process.ts';
import { startTandemd, stopTandemd } from '../../src/lab/tandemd.ts';
import { type Desired, type PairPlan, planPair } from '../../src/plan/plan.ts';
import { unsettled } from '../../src/plan/proof.ts';
import type { RenderedRouter } from '../../src/render/render.ts';
import { applyPlan, type PairReport } from '../../src/rollout/apply.ts';
import { Packages } from '../../src/rollout/executable.ts';
import { Link } from '../../src/rollout/link.ts';
import { readFacts } from '../../src/router/facts.ts';

export const ROUTERS = { A: 'rtr-core01', B: 'rtr-core02' } as const;
export type RouterName = keyof typeof ROUTERS;
const BOTH = ['A', 'B'] as const;

const CONFIG = '/etc/keepalived/keepalived.conf';
const BASE: Readonly<Record<RouterName, string>> = { A: '192.168.1.11/24', B: '192.168.1.12/24' };

/** How a router is before the change. */
export interface Setting {
  readonly config: Config;
  /** Whether p3p1 has an address of its own. */
  readonly hasBase: boolean;
  readonly promotesSecondaries: boolean;
  /** Whether /etc/keepalived/chk, a script that may be tracked, passes. */
  readonly checkPasses: boolean;
}

export type Settings = Readonly<Record<RouterName, Setting>>;

/** What each router shall run: the text is the printed configuration unless a row spoils it. */
export type Goal = Readonly<Record<RouterName, { readonly config: Config; readonly text: string }>>;

export interface Measured {
  readonly plan: PairPlan;
  /** Absent where the plan forbids the apply. */
  readonly report?: PairReport;
  readonly ping: PingResult;
  /** How often the pinged VIP came to each router, as the kernel told it. */
  readonly came: Readonly<Record<RouterName, number>>;
  /** Of the kernel's events: a flood of them does not fit the monitor's buffer, and some are lost. */
  readonly isFlood: boolean;
  readonly before: readonly Observed[];
  readonly after: readonly Observed[];
}

export class MeasuredPair implements AsyncDisposable {
  readonly lab: Lab;
  readonly #links: readonly [Link, Link];
  readonly #engine: Engine;

  private constructor(lab: Lab, engine: Engine) {
    this.lab = lab;
    this.#engine = engine;
    const link = (router: RouterName) => {
      const name = ROUTERS[router];
      const ssh = { become: 'none', connect_timeout: ms(10_000), config: lab.sshConfig } as const;
      return new Link({ name, host: name, ssh }, {});
    };
    this.#links = [link('A'), link('B')];
  }

  /** @param engine what both routers run */
  static async up(engine: Engine): Promise<MeasuredPair> {
    return new MeasuredPair(await Lab.up(), engine);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#links.map((link) => link[Symbol.asyncDispose]()));
    await this.lab.down();
  }

  /** Both daemons started anew, A first, so that A is MASTER whatever the priorities say. */
  async bring(settings: Settings): Promise<void> {
    await Promise.all(BOTH.map((router) => this.#prepare(router, settings[router])));
    for (const router of BOTH) {
      await this.#start(ROUTERS[router], print(settings[router].config));
      if (router === 'A') await this.#settles(['A'], settings);
    }
    await this.#settles(BOTH, settings);
  }

  #start(router: string, text: string): Promise<void> {
    return this.#engine === 'tandemd' ? startTandemd(this.lab, router, text) : this.lab.startKeepalived(router, text);
  }

  #stop(router: string): Promise<void> {
    return this.#engine === 'tandemd' ? stopTandemd(this.lab, router) : this.lab.stopKeepalived(router);
  }

  async #prepare(router: RouterName, setting: Setting): Promise<void> {
    const name = ROUTERS[router];
    const [{ daemon }] = (await this.#observe([router])) as [Observed];
    if (daemon.kind === 'running') await this.#stop(name);
    const script = `set -e
ip address flush dev p3p1 scope global
${setting.hasBase ? `ip address add ${BASE[router]} dev p3p1` : ''}
echo 0 >/proc/sys/net/ipv4/conf/all/promote_secondaries
echo ${setting.promotesSecondaries ? 1 : 0} >/proc/sys/net/ipv4/conf/p3p1/promote_secondaries
for script in n chk; do
  printf '#!/bin/sh\\nexit %s\\n' "$1" >/etc/keepalived/$script
  chmod 700 /etc/keepalived/$script
done
`;
    await this.lab.must(name, ['sh', '-s', setting.checkPasses ? '0' : '1'], { stdin: script });
  }

  /** Waits until the routers are as their files say and A is the MASTER. */
  async #settles(routers: readonly RouterName[], settings: Settings): Promise<void> {
    const expected = routers.map((router) => {
      const { config } = settings[router];
      return { router: ROUTERS[router], config, before: config };
    });
    const isSettled = async () => {
      const seen = await this.#observe(routers);
      const heard = seen.every(({ instances }) =>
        instances?.every((i) => i.state !== 'BACKUP' || i.advertsReceived > 0),
      );
      return heard && seen[0]!.instances?.every((i) => i.state === 'MASTER') && unsettled(expected, seen).length === 0;
    };
    // A start with 10,000 addresses takes some seconds on a busy machine.
    await waitFor(isSettled, { what: `${routers.join(' and ')} to settle`, timeoutMs: 60_000, everyMs: 200 });
  }

  async version(): Promise<string> {
    const [{ daemon }] = (await this.#observe(['A'])) as [Observed];
    return daemon.kind === 'running' ? daemon.version : daemon.kind;
  }

  #observe(routers: readonly RouterName[]): Promise<Observed[]> {
    return Promise.all(
      routers.map(async (router) => readFacts(await this.#links[BOTH.indexOf(router)]!.remote(), { paths: [CONFIG] })),
    );
  }

  /** Plans, and carries the plan out with everything allowed that it asks for, while the client pings `vip`. */
  async change(goal: Goal, vip: string): Promise<Measured> {
    const rendered = [renderedOf('A', goal.A), renderedOf('B', goal.B)] as const;
    const ping = this.lab.ping('client', vip);
    try {
      await ping.answered;
      return { ...(await this.#watched(rendered, vip)), ping: await ping.stop() };
    } finally {
      // Stopping again answers the same; what went wrong with it is told by whoever asked first.
      await ping.stop().catch(() => undefined);
    }
  }

  async #watched(rendered: readonly [RenderedRouter, RenderedRouter], vip: string): Promise<Omit<Measured, 'ping'>> {
    await using onA = await this.lab.watch(ROUTERS.A);
    await using onB = await this.lab.watch(ROUTERS.B);
    const before = await this.#observe(BOTH);
    const [a, b] = before.map((observed) => ({ kind: 'read', observed }) as const);
    const plan = planPair({
      pair: 'core',
      desired: [desiredOf(rendered[0], this.#engine), desiredOf(rendered[1], this.#engine)],
      readings: [a!, b!],
    });
    const report = plan.blocks.length > 0 ? undefined : await this.#apply(plan, rendered);
    const after = await this.#observe(BOTH);
    const came = { A: comings(onA, vip, true), B: comings(onB, vip, false) };
    const isFlood = onA.events.length + onB.events.length > FLOOD_MIN;
    return { plan, ...(report && { report }), came, isFlood, before, after };
  }

  #apply(plan: PairPlan, rendered: readonly [RenderedRouter, RenderedRouter]): Promise<PairReport> {
    const interrupted = new AbortController().signal;
    const packages = new Packages(join(import.meta.dirname, '../..'));
    return applyPlan({ plan, rendered, links: this.#links, packages, interrupted, tell: () => {} });
  }
}

function renderedOf(router: RouterName, { config, text }: Goal[RouterName]): RenderedRouter {
  const content = new TextEncoder().encode(text);
  const file = { path: CONFIG, mode: 0o600, owner: 'root', content, sensitive: false } as const;
  return { pair: 'core', router: ROUTERS[router], config, files: [file] };
}

function desiredOf({ router, config, files }: RenderedRouter, engine: Engine): Desired {
  return {
    router,
    engine,
    config,
    files: files.map(({ content, ...file }) => ({
      ...file,
      sha256: createHash('sha256').update(content).digest('hex'),
      size: content.length,
    })),
  };
}

/** A monitor's ordinary buffer holds about 200 KiB, some hundred bytes an event. */
const FLOOD_MIN = 1000;

/** Times that the address came where it was not; a secondary that becomes primary is told as added, too. */
function comings({ events }: Watch<LinkEvent>, vip: string, isHeld: boolean): number {
  let held = isHeld;
  let count = 0;
  for (const event of events) {
    if (event.kind !== 'address' || !event.address.startsWith(`${vip}/`)) continue;
    if (event.present && !held) count++;
    held = event.present;
  }
  return count;
}
