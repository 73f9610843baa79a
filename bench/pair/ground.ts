/** What a comparison of the two daemons begins with, and how both their figures are shown. */
import { buildExecutable } from '../../scripts/executable.ts';
import type { Family } from '../../src/base/address.ts';
import { waitFor } from '../../src/lab/process.ts';
import { Heartbeat } from '../../test/support/heartbeat.ts';
import { inOwnNetwork } from '../../test/support/namespace.ts';
import { Calm } from './calm.ts';
import { routes, vips } from './config.ts';
import { ENGINES, type Engine } from './daemon.ts';
import { countAddresses, countRoutes, layNetwork } from './network.ts';
import { isKept, type Limit, limitTable, ratio, spread, table } from './table.ts';

export interface Compared {
  /** Tables, each below its title. */
  readonly parts: readonly string[];
  readonly limits: readonly Limit[];
}

/** The executable and the wires, in a network of its own; what `measure` finds, as the document's body. */
export async function compareCalmly(
  measure: (calm: Calm) => Promise<Compared>,
): Promise<{ readonly body: string; readonly kept: boolean }> {
  inOwnNetwork();
  await buildExecutable();
  await layNetwork();
  await using heartbeat = new Heartbeat();
  const calm = new Calm(heartbeat);
  const { parts, limits } = await measure(calm);
  return { body: [...parts, '## Limits', limitTable(limits), calm.words].join('\n\n'), kept: limits.every(isKept) };
}

export const titled = (title: string, head: readonly string[], rows: readonly (readonly string[])[]): string =>
  `## ${title}\n\n${table(head, rows)}`;

/** Figures of one thing, measured with each daemon several times. */
export type By<Figures> = Readonly<Record<Engine, readonly Figures[]>>;

export interface Column<Figures> {
  readonly name: string;
  readonly of: keyof Figures;
}

/** A row a daemon, and one that compares them. */
export function rowsOf<Figures extends Readonly<Record<keyof Figures, number>>>(
  name: string,
  columns: readonly Column<Figures>[],
  by: By<Figures>,
): readonly (readonly string[])[] {
  const values = (engine: Engine, of: keyof Figures): readonly number[] => by[engine].map((figures) => figures[of]);
  return [
    ...ENGINES.map((engine) => [name, engine, ...columns.map(({ of }) => spread(values(engine, of)))]),
    ['', '', ...columns.map(({ of }) => ratio(values('tandemd', of), values('keepalived', of)))],
  ];
}

/** keepalived may take over, and give everything back, which takes it 5 s for 10,000 addresses on a quiet machine. */
const STANDS_MS_MAX = 60_000;

/** When so many of the file's addresses and routes are on the router. */
export const stands = (family: Family, size: number, everyMs: number): Promise<unknown> =>
  waitFor(() => countAddresses('router', vips(family)) === size && countRoutes('router', routes(family)) === size, {
    what: `${size} addresses and routes`,
    timeoutMs: STANDS_MS_MAX,
    everyMs,
  });
