/** A pair that a command works with: what it shall be, connections to both routers, and the plan between the two. */
import { createHash } from 'node:crypto';
import { isBug } from '../base/assert.ts';
import type { Member, Pair } from '../inventory/model.ts';
import type { Config } from '../keepalived/model.ts';
import { type Desired, type PairPlan, planPair, type Reading } from '../plan/plan.ts';
import type { RenderedRouter } from '../render/render.ts';
import { Link } from '../rollout/link.ts';
import { readFacts } from '../router/facts.ts';
import type { Io } from './io.ts';
import { connectOptions } from './prompts.ts';

export interface PairSession extends AsyncDisposable {
  readonly pair: Pair;
  readonly rendered: readonly [RenderedRouter, RenderedRouter];
  readonly links: readonly [Link, Link];
}

export function openSession(pair: Pair, rendered: readonly [RenderedRouter, RenderedRouter], io: Io): PairSession {
  const link = (member: Member) => {
    const ssh = io.sshConfig === undefined ? member.ssh : { ...member.ssh, config: io.sshConfig };
    return new Link({ ...member, ssh }, connectOptions(io));
  };
  const links = [link(pair.members[0]), link(pair.members[1])] as const;
  return {
    pair,
    rendered,
    links,
    async [Symbol.asyncDispose]() {
      await Promise.all(links.map((link) => link[Symbol.asyncDispose]()));
    },
  };
}

/** Reads both routers and plans. What the routers' files hold in secret is hidden from all output from here on. */
export async function planSession(session: PairSession, io: Io, { reverse = false } = {}): Promise<PairPlan> {
  const readings = await Promise.all(session.links.map((link, i) => readRouter(link, session.rendered[i]!)));
  const desired = session.rendered.map((r, i) => desiredOf(session.pair.members[i]!, r, readings[i]!));
  const plan = planPair({
    pair: session.pair.name,
    desired: [desired[0]!, desired[1]!],
    readings: [readings[0]!, readings[1]!],
    reverse,
  });
  for (const node of plan.nodes) for (const secret of secretsOf(node.running)) io.out.hide(secret);
  return plan;
}

async function readRouter(link: Link, rendered: RenderedRouter): Promise<Reading> {
  try {
    const observed = await readFacts(await link.remote(), { paths: rendered.files.map((file) => file.path) });
    return { kind: 'read', observed };
  } catch (error) {
    // Whatever the router (or the way to it) did: the pair is not planned, the others are.
    if (error instanceof Error && !isBug(error)) return { kind: 'unreachable', reason: error.message };
    throw error;
  }
}

/** The configuration goes where the router's daemon reads it, which `keepalived -f` may have made another place. */
function desiredOf(member: Member, rendered: RenderedRouter, reading: Reading): Desired {
  const daemon = reading.kind === 'read' ? reading.observed.daemon : undefined;
  const configPath = daemon?.kind === 'running' ? daemon.configPath : undefined;
  return {
    router: member.name,
    engine: member.engine,
    config: rendered.config,
    files: rendered.files.map((file, i) => ({
      path: (i === 0 ? configPath : undefined) ?? file.path,
      mode: file.mode,
      sha256: createHash('sha256').update(file.content).digest('hex'),
      size: file.content.length,
      sensitive: file.sensitive,
    })),
  };
}

/** Passwords of a router's own file, which no inventory knows. */
const secretsOf = (config: Config): string[] =>
  config.vrrp_instance.flatMap((instance) => [
    ...(instance.authentication?.auth_pass === undefined ? [] : [instance.authentication.auth_pass]),
    ...(instance.other ?? [])
      .filter((line) => line.keyword === 'auth_hmac')
      .flatMap((l) => (l.block ?? []).flatMap((b) => b.args)),
  ]);
