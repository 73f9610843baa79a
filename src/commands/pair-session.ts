/** A pair that a command works with: what it shall be, connections to both routers, and the plan between the two. */
import { isBug } from '../base/assert.ts';
import type { Engine } from '../base/engine.ts';
import type { Daemon } from '../change/observed.ts';
import type { Member, Pair } from '../inventory/model.ts';
import type { Config } from '../keepalived/model.ts';
import { liveSecrets } from '../plan/live-secrets.ts';
import { type Desired, type PairPlan, planPair, type Reading } from '../plan/plan.ts';
import type { RenderedRouter } from '../render/render.ts';
import { Packages } from '../rollout/executable.ts';
import { Link } from '../rollout/link.ts';
import type { Telling } from '../rollout/telling.ts';
import { readFacts } from '../router/facts.ts';
import { survey } from '../router/install.ts';
import { sha256Of } from '../router/sha256.ts';
import type { Io } from './io.ts';
import { connectOptions } from './prompts.ts';

export interface PairSession extends AsyncDisposable {
  readonly pair: Pair;
  readonly rendered: readonly [RenderedRouter, RenderedRouter];
  readonly links: readonly [Link, Link];
  /** The executables of tandemd that this package carries; one for all sessions of a run. */
  readonly packages: Packages;
}

export function linkTo(member: Member, io: Io): Link {
  const ssh = io.sshConfig === undefined ? member.ssh : { ...member.ssh, config: io.sshConfig };
  return new Link({ ...member, ssh }, connectOptions(io));
}

export function openSession(pair: Pair, rendered: readonly [RenderedRouter, RenderedRouter], io: Io): PairSession {
  const links = [linkTo(pair.members[0], io), linkTo(pair.members[1], io)] as const;
  return {
    pair,
    rendered,
    links,
    packages: packagesOf(io),
    async [Symbol.asyncDispose]() {
      await Promise.all(links.map((link) => link[Symbol.asyncDispose]()));
    },
  };
}

/** What goes on with a pair: each line begins with its name. */
export const tellingOf = (io: Io, pair: string): Telling => ({
  tell: (line) => io.out.event(`${pair}  ${line}`),
  progress: (what, text) => io.out.progress(`${pair}  ${what}`, text),
});

export interface PlanOptions {
  /** The way back: see PlanInput. */
  readonly reverse?: boolean;
  /** Of an installed tandemd only this router's is brought up to date. */
  readonly only?: string | undefined;
}

/** Reads both routers and plans. What the routers' files hold in secret is hidden from all output from here on. */
export async function planSession(session: PairSession, io: Io, options: PlanOptions = {}): Promise<PairPlan> {
  const { reverse = false, only } = options;
  const { members } = session.pair;
  const readings = await Promise.all(
    session.links.map((link, i) => {
      const paths = session.rendered[i]!.files.map((file) => file.path);
      return readRouter(link, members[i]!.engine, paths);
    }),
  );
  const desired = await Promise.all(
    session.rendered.map((r, i) => {
      const isLeft = only !== undefined && only !== r.router;
      return desiredOf(members[i]!, r, readings[i]!, isLeft ? undefined : session.packages);
    }),
  );
  const plan = planPair({
    pair: session.pair.name,
    desired: [desired[0]!, desired[1]!],
    readings: [readings[0]!, readings[1]!],
    reverse,
  });
  for (const { running, reading } of plan.nodes) {
    const inTexts = reading.kind === 'read' ? liveSecrets(reading.observed) : [];
    for (const secret of [...secretsOf(running), ...inTexts]) io.out.hide(secret);
  }
  return plan;
}

/** @param paths further files to look at */
export async function readRouter(link: Link, engine: Engine, paths: readonly string[]): Promise<Reading> {
  try {
    const remote = await link.remote();
    const observed = await readFacts(remote, { paths });
    const pid = tandemdOf(observed.daemon)?.pid;
    if (engine !== 'tandemd' && pid === undefined) return { kind: 'read', observed };
    return { kind: 'read', observed, tandemd: await survey(remote, pid) };
  } catch (error) {
    // Whatever the router (or the way to it) did: the pair is not planned, the others are.
    if (!(error instanceof Error) || isBug(error)) throw error;
    const named = `${link.member.name}: `;
    const reason = error.message.startsWith(named) ? error.message.slice(named.length) : error.message;
    return { kind: 'unreachable', reason };
  }
}

/** The tandemd that runs, alone or beside keepalived. */
function tandemdOf(daemon: Daemon): { readonly pid: number } | undefined {
  if (daemon.kind === 'unknown') return daemon.engines?.find(({ engine }) => engine === 'tandemd');
  return daemon.kind === 'running' && daemon.engine === 'tandemd' ? daemon : undefined;
}

/** The configuration goes where the router's daemon reads it, or will: `-f` may have made that another place. */
async function desiredOf(
  member: Member,
  rendered: RenderedRouter,
  reading: Reading,
  packages: Packages | undefined,
): Promise<Desired> {
  const found =
    member.engine === 'tandemd' && reading.kind === 'read'
      ? await packages?.for(reading.observed.system.arch)
      : undefined;
  const configPath = reading.kind === 'read' ? reading.observed.configPath : undefined;
  return {
    router: member.name,
    engine: member.engine,
    config: rendered.config,
    ...(found && { executable: 'missing' in found ? found : found.wanted }),
    files: rendered.files.map((file, i) => ({
      path: (i === 0 ? configPath : undefined) ?? file.path,
      mode: file.mode,
      sha256: sha256Of(file.content),
      size: file.content.length,
      sensitive: file.sensitive,
    })),
  };
}

const PACKAGES = new WeakMap<Io, Packages>();

export function packagesOf(io: Io): Packages {
  const packages = PACKAGES.get(io) ?? new Packages(io.packageRoot);
  PACKAGES.set(io, packages);
  return packages;
}

/** Passwords of a router's own file, which no inventory knows. */
const secretsOf = (config: Config): string[] =>
  config.vrrp_instance.flatMap((instance) => [
    ...(instance.authentication?.auth_pass === undefined ? [] : [instance.authentication.auth_pass]),
    ...(instance.other ?? [])
      .filter((line) => line.keyword === 'auth_hmac')
      .flatMap((l) => (l.block ?? []).flatMap((b) => b.args)),
  ]);
