import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { applyDocument, applySchema, applySchemaFile, type Ending } from '../../src/rollout/document.ts';
import type { Outcome } from '../../src/rollout/step.ts';

const findings = [{ message: 'what was seen' }, { message: 'what was seen there', router: 'b' }];
const tried = (outcome: Outcome): Ending => ({
  kind: 'tried',
  exit: 0,
  report: { pair: 'core', outcome, predicted: 1, transitions: { VI_0: 1 } },
});

const endings: readonly Ending[] = [
  { kind: 'nothing-to-do', pair: 'core', exit: 0 },
  { kind: 'not-tried', pair: 'core', exit: 8, reason: 'it needs --allow failover' },
  tried({ kind: 'done' }),
  tried({ kind: 'surprised', findings }),
  tried({ kind: 'refused', stale: true, findings }),
  tried({ kind: 'rolled-back', findings }),
  tried({ kind: 'inconsistent', findings, runs: { a: 0, b: 'unknown' } }),
];

test('every ending fits the published schema of apply --json, and the committed schema is current', () => {
  const { pairs } = applyDocument(endings);
  applySchema.parse({ format: 'tandem.apply', version: 1, pairs });
  assert.deepEqual(
    pairs.map(({ outcome }) => outcome),
    ['nothing-to-do', 'not-tried', 'done', 'surprised', 'refused', 'rolled-back', 'inconsistent'],
  );
  const [name, text] = applySchemaFile();
  const committed = readFileSync(new URL(`../../schema/${name}`, import.meta.url), 'utf8');
  assert.equal(committed, text, 'run: npm run tandem -- schema -o schema/');
});

test('a pair that needs a person says what each router runs; one that was not begun says why', () => {
  const { pairs } = applyDocument(endings);
  assert.deepEqual(pairs[6]?.runs, { a: 'old', b: 'unknown' });
  assert.deepEqual(pairs[1]?.findings, [{ message: 'it needs --allow failover' }]);
});
