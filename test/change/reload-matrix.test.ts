/**
 * What was measured of a reload, row by row: the class, the order and the transitions that impact predicts, for
 * keepalived 2.2.7 (measured), for 2.4.3, and for tandemd on both routers (design of its transaction).
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Impact, Order } from '../../src/change/impact-model.ts';
import { type FactParts, impactOf, type Pair } from './pair.ts';
import { ROWS } from './reload-matrix.ts';

const ENGINES = [
  { name: 'keepalived 2.2.7', facts: { version: '2.2.7' } },
  { name: 'keepalived 2.4.3', facts: { version: '2.4.3' } },
  { name: 'tandemd', facts: { engine: 'tandemd', version: '1.0.0' } },
] as const;

const withEngine = (pair: Pair, engine: FactParts): Pair => ({
  ...pair,
  facts: (router) => ({ ...pair.facts?.(router), ...engine }),
});

function printOrder(order: Order): string {
  switch (order.kind) {
    case 'none':
      return 'none';
    case 'one-by-one':
      return order.routers.map((r) => (order.demote.includes(r) ? `${r} demoted` : r)).join(' -> ');
    case 'together':
      return `${order.routers.join(' + ')} within ${Math.round(order.budget)} ms`;
    case 'staged':
      return order.stages.map((stage) => `[${printOrder(stage.order)}]`).join(' ');
    default:
      throw new Error(`order ${JSON.stringify(order)}`);
  }
}

function printTransitions({ transitions }: Impact): string {
  const worst = [...transitions.values()].sort((a, b) => b.count - a.count)[0]!;
  return `${worst.bound === 'at most' ? '<=' : ''}${worst.count}`;
}

describe('the reload matrix', () => {
  for (const row of ROWS) {
    test(`${row.name}: ${row.classes.join(', ')}`, () => {
      const seen = ENGINES.map((engine) => impactOf(withEngine(row.pair, engine.facts)));
      assert.deepEqual(
        seen.map((s) => s.class),
        row.classes,
      );
      const [old] = seen;
      assert.equal(printOrder(old!.order), row.order);
      assert.equal(printTransitions(old!), row.transitions);
      assert.ok(
        old!.findings.some((f) => f.rule === row.rule),
        `rule ${row.rule} is among ${old!.findings.map((f) => f.rule)}`,
      );
    });
  }
});
