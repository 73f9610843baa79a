/** What a test asks of tandemd on the routers of a live pair, by the daemon's own words. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { replySchema, type StatusReply } from '../../src/control/messages.ts';
import { waitFor } from '../../src/lab/process.ts';
import { tandemdCommand } from '../../src/lab/tandemd.ts';
import { A, B, CONFIG, type LivePair } from './live-pair.ts';

type Router = typeof A | typeof B;

/** What `tandem render` writes for each router. */
export async function rendered(pair: LivePair): Promise<Readonly<Record<Router, string>>> {
  const folder = join(pair.fleet, 'out');
  const { code, output } = await pair.tandem('render', '-o', folder);
  assert.equal(code, 0, output);
  const text = (router: Router) => readFileSync(join(folder, router, CONFIG), 'utf8');
  return { [A]: text(A), [B]: text(B) };
}

export const ctl = (pair: LivePair, router: Router, ...argv: readonly string[]): Promise<string> =>
  pair.lab.must(router, tandemdCommand('ctl', ...argv));

interface State {
  readonly pid: number;
  readonly state: string;
  readonly loadedAt: number;
  readonly refused: string | undefined;
  readonly former: StatusReply['instances'][number]['former'];
  readonly transitions: StatusReply['instances'][number]['transitions'];
}

export async function stateOf(pair: LivePair, router: Router): Promise<State> {
  const reply = replySchema.parse(JSON.parse(await ctl(pair, router, 'status', '--json')));
  assert.ok(reply.kind === 'status');
  const { pid, loadedAt, refused } = reply.daemon;
  const [instance] = reply.instances;
  const { state, transitions, former } = instance!;
  return { pid, loadedAt, refused, state, transitions, former };
}

export async function states(pair: LivePair): Promise<Readonly<Record<Router, State>>> {
  const [a, b] = await Promise.all([stateOf(pair, A), stateOf(pair, B)]);
  return { [A]: a, [B]: b };
}

export async function roles(pair: LivePair, wanted: Readonly<Record<Router, string>>): Promise<void> {
  const are = async () => {
    const is = await states(pair);
    return is[A].state === wanted[A] && is[B].state === wanted[B];
  };
  await waitFor(are, { what: JSON.stringify(wanted), timeoutMs: 20_000, everyMs: 100 });
}
