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
