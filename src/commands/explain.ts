/** `tandem explain`: a pair in seconds and roles, or where one of its values comes from. */
import { Command } from 'commander';
import type { Explained } from '../inventory/explain.ts';
import { explainPath, sourceOf } from '../inventory/load.ts';
import { diskTree } from '../inventory/tree.ts';
import { EXIT, Stop } from './exit.ts';
import { explainPair, formatExplanation } from './explain-pair.ts';
import { pairNamed, requireFleet } from './fleet.ts';
import type { Io } from './io.ts';

export function explainCommand(io: Io): Command {
  return new Command('explain')
    .description("what a pair's timers and roles mean, or which file and line says a value")
    .argument('<what>', 'a pair, or PAIR:PATH')
    .addHelpText(
      'after',
      '\nExamples:\n  tandem explain core\n  tandem explain core:vrrp.VI_0.advert_int\n  tandem explain pairs/core.yaml:vrrp.VI_0',
    )
    .action(async (what: string) => {
      if (what.includes(':')) explainLayers(io, what);
      else await explainTimers(io, what);
    });
}

async function explainTimers(io: Io, what: string): Promise<void> {
  const { pairs } = await requireFleet(io);
  const name = what.replace(/^pairs\//, '').replace(/\.ya?ml$/, '');
  const explanation = explainPair(pairNamed(pairs, name));
  io.out.document('tandem.explain', 1, { ...explanation });
  io.out.result(formatExplanation(explanation, (text) => io.out.paint('bold', text)));
}

function explainLayers(io: Io, what: string): void {
  const { value, problems } = explainPath(io.dir, what);
  io.out.problems(problems, sourceOf(diskTree(io.dir)));
  if (!value) throw new Stop(EXIT.error, `${what} cannot be explained`);
  io.out.document('tandem.explain-layers', 1, { values: value });
  io.out.result(
    sameTogether(value)
      .map((explained) => formatLayers(io, explained))
      .join('\n'),
  );
}

/** Both routers of a pair mostly have a value from the same places: it is shown once. */
function sameTogether(values: readonly Explained[]): readonly Explained[] {
  const once = new Map<string, Explained>();
  for (const value of values) {
    const key = JSON.stringify([value.path, value.layers]);
    const same = once.get(key);
    once.set(key, same ? { ...value, router: `${same.router} and ${value.router}` } : value);
  }
  return [...once.values()];
}

/** The layers from the weakest to the one that holds, each with its place. */
function formatLayers(io: Io, { router, path, layers }: Explained): string {
  const heading = `${io.out.paint('bold', path)} on ${router}`;
  if (layers.length === 0) return `${heading}\n    no layer says it: keepalived's own default holds`;
  const width = Math.max(...layers.map(({ layer }) => layer.length));
  const rows = layers.map(({ layer, value, at }, index) => {
    const row = `${layer.padEnd(width)}  ${at.file}:${at.line}:${at.column}  ${value}`;
    const holds = index === layers.length - 1;
    return holds ? `  > ${row}` : io.out.paint('dim', `    ${row}`);
  });
  return [heading, ...rows].join('\n');
}
