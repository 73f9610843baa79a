import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAtLeast } from '../../src/base/version.ts';

const rows: readonly [string, string, boolean][] = [
  ['2.2.7', '2.2.8', false],
  ['2.2.8', '2.2.8', true],
  ['2.3.0', '2.2.8', true],
  ['2.10.0', '2.9.9', true],
  ['10.0.0', '9.9.9', true],
  ['v2', '0.0.1', false],
];

for (const [version, least, expected] of rows) {
  test(`${version} is ${expected ? '' : 'not '}at least ${least}`, () => {
    assert.equal(isAtLeast(version, least), expected);
  });
}
