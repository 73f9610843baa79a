import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FORM_RULES } from './form-rules.ts';
import { LINE_RULES } from './line-rules.ts';
import { loadFiles, places, shown, unmark } from './marked.ts';
import { PAIR_RULES } from './pair-rules.ts';
import { BASE } from './small-fleet.ts';

const CASES = [...FORM_RULES, ...LINE_RULES, ...PAIR_RULES];

for (const { name, files, env, says } of CASES) {
  test(name, async () => {
    const marked = unmark({ ...BASE, ...files });
    const loaded = await loadFiles(marked.files, env);
    assert.deepEqual(places(loaded), marked.expected, shown(loaded));
    if (says) assert.match(shown(loaded), says);
    for (const secret of Object.values(env ?? {}))
      assert.ok(secret.length < 3 || !shown(loaded).includes(secret), 'a secret is shown');
  });
}

test('all problems of all files come in one run, in the order of their places', async () => {
  const bad = Object.values(CASES.filter(({ name }) => name.startsWith('VRID') || name.startsWith('priority 0')));
  const files = Object.fromEntries(bad.map(({ files }, index) => [`pairs/p${index}.yaml`, Object.values(files)[0]!]));
  const marked = unmark({ ...BASE, ...files });
  const loaded = await loadFiles(marked.files);
  assert.deepEqual(places(loaded), marked.expected, shown(loaded));
  assert.equal(loaded.value, undefined);
  assert.deepEqual(
    loaded.problems.map(({ at }) => at!.file),
    [...loaded.problems.map(({ at }) => at!.file)].sort(),
  );
});
