import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parse } from '../../src/keepalived/parser.ts';
import { print } from '../../src/keepalived/printer.ts';
import { config } from './arbitrary.ts';

/** Its own keywords, too. */
const TANDEMD = { engine: 'tandemd' } as const;

test('property: what is printed reads as the same model, without errors', () => {
  fc.assert(
    fc.property(config, (model) => {
      const parsed = parse(print(model), 'printed.conf', TANDEMD);
      assert.deepEqual(
        parsed.problems.filter((problem) => problem.code !== 'conf-unsupported'),
        [],
      );
      assert.deepEqual(parsed.config, model);
    }),
    { numRuns: 300 },
  );
});

test('property: printing is stable: the printed text prints as itself', () => {
  fc.assert(
    fc.property(config, (model) => {
      const text = print(model);
      assert.equal(print(parse(text, 'printed.conf', TANDEMD).config), text);
    }),
    { numRuns: 50 },
  );
});
