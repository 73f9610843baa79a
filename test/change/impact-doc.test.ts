import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { env } from 'node:process';
import { test } from 'node:test';
import { ROLLOUT_RULES } from '../../src/change/rollout-findings.ts';
import { RULES } from '../../src/change/rules.ts';
import { impactDoc } from './impact-doc.ts';

const FILE = join(import.meta.dirname, '../../docs/impact.md');

test('docs/impact.md says what rules.ts says', () => {
  if (env.UPDATE_DOCS) writeFileSync(FILE, impactDoc());
  assert.equal(readFileSync(FILE, 'utf8'), impactDoc(), 'UPDATE_DOCS=1 writes it anew');
});

test('every rule has a name of its own, and an ordered one says who goes first', () => {
  const ids = [...RULES, ...ROLLOUT_RULES].map((rule) => rule.id);
  assert.deepEqual(ids, [...new Set(ids)]);
  for (const rule of RULES) {
    assert.equal(Object.values(rule.classes).includes('ordered'), rule.first !== undefined, rule.id);
  }
});
