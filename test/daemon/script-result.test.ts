/** A tracked script's rise and fall, as keepalived 2.2.7 counts them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { initialScript, knownScript, type ScriptState, scriptResult } from '../../src/daemon/script-result.ts';

/** Results are `+` and `-`; what is expected after each is `U`p, `D`own. */
const ROWS: readonly { what: string; from: ScriptState; rise: number; fall: number; results: string; seen: string }[] =
  [
    { what: 'the first success is enough', from: initialScript(undefined), rise: 3, fall: 3, results: '+', seen: 'U' },
    { what: 'the first failure is enough', from: initialScript(undefined), rise: 3, fall: 3, results: '-', seen: 'D' },
    { what: 'init_fail ends with one success', from: initialScript(false), rise: 3, fall: 3, results: '+', seen: 'U' },
    { what: 'it falls after fall failures', from: knownScript(true), rise: 1, fall: 3, results: '---', seen: 'UUD' },
    {
      what: 'a success starts the count anew',
      from: knownScript(true),
      rise: 1,
      fall: 2,
      results: '-+--',
      seen: 'UUUD',
    },
    { what: 'it rises after rise successes', from: knownScript(false), rise: 2, fall: 1, results: '++', seen: 'DU' },
    {
      what: 'a failure starts the count anew',
      from: knownScript(false),
      rise: 2,
      fall: 9,
      results: '+-++',
      seen: 'DDDU',
    },
    { what: 'a reload keeps what was known', from: knownScript(true), rise: 1, fall: 2, results: '-', seen: 'U' },
  ];

for (const { what, from, rise, fall, results, seen } of ROWS) {
  test(`${what}: rise ${rise}, fall ${fall}, ${results}`, () => {
    let state = from;
    const found = [...results].map((result) => {
      state = scriptResult(state, result === '+', { rise, fall });
      return state.up ? 'U' : 'D';
    });
    assert.equal(found.join(''), seen);
  });
}
