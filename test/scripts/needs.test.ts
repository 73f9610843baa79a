import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findProgram, missing, needsOf } from '../../scripts/needs.ts';

test('a test file says near its top what it needs', () => {
  assert.deepEqual(needsOf('// needs: kernel keepalived\nimport x', 'a'), ['kernel', 'keepalived']);
  assert.deepEqual(needsOf("import test from 'node:test';", 'a'), []);
});

test('a need that nobody can check is an error, not a file that is never run', () => {
  assert.throws(() => needsOf('// needs: keepalifed\n', 'a.test.ts'), /a\.test\.ts: "needs: keepalifed"/);
});

test('programs are found in PATH and in sbin, which an ordinary PATH leaves out', () => {
  assert.ok(findProgram('sh')?.endsWith('/sh'));
  assert.equal(findProgram('no-such-program'), undefined);
});

test('what this machine has is not missing', () => {
  const root = process.getuid?.() === 0;
  assert.equal(missing(['root']).length, root ? 0 : 1);
  assert.deepEqual(missing([]), []);
});
