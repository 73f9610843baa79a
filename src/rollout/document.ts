/**
 * What an apply came to as JSON, for programs: `tandem apply --json`, format `tandem.apply` version 1,
 * schema/apply.schema.json. Fields are only ever added; what changes its meaning gets a new version.
 */
import { z } from 'zod';
import type { PairReport } from './apply.ts';
import type { Runs } from './step.ts';

const finding = z.strictObject({ message: z.string(), router: z.string().optional() });

const pair = z.strictObject({
  pair: z.string(),
  /** `not-tried`: nothing was begun, because of a block, a missing --allow or an interrupt; `findings` says which. */
  outcome: z.enum(['nothing-to-do', 'not-tried', 'done', 'surprised', 'refused', 'rolled-back', 'inconsistent']),
  /** What this pair alone would end the run with. */
  exit: z.int(),
  findings: z.array(finding),
  /** Where a person is needed: what each router runs. */
  runs: z.record(z.string(), z.enum(['old', 'new', 'unknown'])).optional(),
  /** How often a router was to become MASTER, over all instances; absent where nothing was begun. */
  predicted: z.int().optional(),
  /** How often one did, by instance. */
  transitions: z.record(z.string(), z.int()),
});

/** The whole document, as standard output has it. */
export const applySchema = z.strictObject({
  format: z.literal('tandem.apply'),
  version: z.literal(1),
  pairs: z.array(pair),
});

/** The schema's file name and text, as `tandem schema -o schema/` writes it. */
export const applySchemaFile = (): readonly [string, string] => [
  'apply.schema.json',
  `${JSON.stringify({ title: 'What tandem apply --json prints', ...z.toJSONSchema(applySchema) }, null, 2)}\n`,
];

/** How it ended for a pair, whether or not anything was begun. */
export type Ending =
  | { readonly kind: 'nothing-to-do'; readonly pair: string; readonly exit: number }
  | { readonly kind: 'not-tried'; readonly pair: string; readonly exit: number; readonly reason: string }
  | { readonly kind: 'tried'; readonly exit: number; readonly report: PairReport };

export type ApplyDocument = Omit<z.infer<typeof applySchema>, 'format' | 'version'>;

export const applyDocument = (endings: readonly Ending[]): ApplyDocument => ({ pairs: endings.map(endingDocument) });

function endingDocument(ending: Ending): z.infer<typeof pair> {
  const { kind, exit } = ending;
  switch (kind) {
    case 'nothing-to-do':
      return { pair: ending.pair, outcome: kind, exit, findings: [], transitions: {} };
    case 'not-tried':
      return { pair: ending.pair, outcome: kind, exit, findings: [{ message: ending.reason }], transitions: {} };
    case 'tried': {
      const { pair: name, outcome, predicted, transitions } = ending.report;
      const findings = 'findings' in outcome ? outcome.findings : [];
      return {
        pair: name,
        outcome: outcome.kind,
        exit,
        findings: findings.map(({ message, router }) => ({ message, ...(router !== undefined && { router }) })),
        ...(outcome.kind === 'inconsistent' && { runs: mapRuns(outcome.runs) }),
        predicted,
        transitions: { ...transitions },
      };
    }
  }
}

const mapRuns = (runs: Readonly<Record<string, Runs>>): Record<string, 'old' | 'new' | 'unknown'> =>
  Object.fromEntries(
    Object.entries(runs).map(([router, g]) => [router, g === 'unknown' ? g : g === 0 ? 'old' : 'new']),
  );
