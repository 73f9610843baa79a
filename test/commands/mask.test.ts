import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { asterisks, createMask } from '../../src/commands/mask.ts';

describe('the mask between secrets and output', () => {
  const cases: readonly { secrets: readonly string[]; text: string; expect: string }[] = [
    { secrets: ['hunter22'], text: 'auth_pass hunter22', expect: 'auth_pass (sensitive)' },
    { secrets: ['hunter22'], text: 'xhunter22x', expect: 'x(sensitive)x' },
    { secrets: ['abcd', 'abcdefgh'], text: 'abcdefgh abcd', expect: '(sensitive) (sensitive)' },
    { secrets: ['abcdefgh', 'abcd'], text: 'abcdabcdefgh', expect: '(sensitive)(sensitive)' },
    { secrets: ['pw'], text: 'auth_pass pw, password "pw"', expect: 'auth_pass (sensitive), password "(sensitive)"' },
    { secrets: ['50'], text: 'priority 50 table 500', expect: 'priority (sensitive) table 500' },
    { secrets: ['a#$', '-.^'], text: 'a#$ -.^ ab#$', expect: '(sensitive) (sensitive) ab#$' },
    { secrets: [''], text: 'nothing is hidden', expect: 'nothing is hidden' },
  ];
  for (const { secrets, text, expect } of cases) {
    test(`${JSON.stringify(text)} with ${JSON.stringify(secrets)}`, () => {
      const mask = createMask();
      for (const secret of secrets) mask.hide(secret);
      assert.equal(mask.apply(text), expect);
    });
  }

  test('keeps the length where a caret must stay below its place', () => {
    const mask = createMask();
    mask.hide('hunter22');
    assert.equal(mask.apply('auth_pass: hunter22 # x', asterisks), 'auth_pass: ******** # x');
  });

  test('lets no secret of four characters or more through, wherever it stands', () => {
    const secret = fc.string({ minLength: 4, maxLength: 12, unit: fc.constantFrom(...'abXY1#$!') });
    fc.assert(
      fc.property(fc.array(secret, { maxLength: 5 }), fc.string(), fc.string(), (secrets, before, after) => {
        const mask = createMask();
        for (const s of secrets) mask.hide(s);
        for (const s of secrets) {
          const out = mask.apply(before + s + after).replaceAll('(sensitive)', '\n');
          assert.ok(!out.includes(s));
        }
      }),
    );
  });
});
