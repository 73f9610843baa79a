import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { INCLUDE_PATTERNS } from '../../src/router/facts.sh.ts';

test('every file is read that a configuration may include, behind conditions and by variables', () => {
  const text = [
    'include a.conf',
    '  @x include b/*.conf # why',
    '@^y\tincludem /c.conf',
    'include ${SITE}-d.conf',
    '@x includea $SITE/e.conf',
    '# include no',
    'vrrp_instance include no',
    '',
  ];
  const out = execFileSync('sed', ['-n', INCLUDE_PATTERNS], { input: text.join('\n'), encoding: 'utf8' });
  assert.deepEqual(out.trim().split('\n'), ['a.conf', 'b/*.conf', '/c.conf', '*-d.conf', '*/e.conf']);
});
