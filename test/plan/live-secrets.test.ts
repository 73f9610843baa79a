import assert from 'node:assert/strict';
import { test } from 'node:test';
import { liveSecrets } from '../../src/plan/live-secrets.ts';
import { conf, planOf } from './pair.ts';

/** What a router's file, one that it includes and what its daemon loaded hide. */
function secretsIn(file: string, included = '', loaded = ''): string[] {
  const { reading } = planOf({ before: conf(150), after: conf(150) }, { before: conf(100), after: conf(100) }).nodes[0];
  assert.ok(reading.kind === 'read' && reading.observed.config && reading.observed.daemon.kind === 'running');
  const { observed } = reading;
  const config = { ...reading.observed.config, text: file };
  const daemon = { ...reading.observed.daemon, loaded: { text: loaded, at: 0, whole: true } };
  return liveSecrets({ ...observed, config, daemon, files: [{ ...config, path: '/etc/x.conf', text: included }] });
}

const block = (...lines: string[]) => conf(150, `authentication {\n${lines.join('\n')}\n}`);

const cases: readonly [string, string, readonly string[]][] = [
  ['a good file', block('auth_type PASS', 'auth_pass Canary01'), ['Canary01']],
  ['none', conf(150), []],
  ['a short one', block('auth_type PASS', 'auth_pass ab'), ['ab']],
  ['in quotes, with a blank', block('auth_pass "Can ary"'), ['Can', 'Can ary']],
  ['commented out', block('auth_type PASS', '# auth_pass Canary01', '!auth_pass Canary02'), ['Canary01', 'Canary02']],
  ['a keyword that is misspelt', block('auth_pas Canary01', 'atuh_pass Canary02'), ['Canary01', 'Canary02']],
  [
    'too many words',
    block('auth_type PASS Canary01', 'auth_pass Canary02 Canary03'),
    ['Canary01', 'Canary02', 'Canary03'],
  ],
  ['a quote that is not closed', block('auth_pass "Canary01'), ['Canary01']],
  ['for one router alone', block('@a auth_pass Canary01', '@^a auth_pass Canary02'), ['Canary01', 'Canary02']],
  ['on one line', conf(150, 'authentication { auth_type PASS auth_pass Canary01 }'), ['Canary01']],
  ['a block of keys', conf(150, 'auth_hmac {\n key 1 Canary01\n active_key 1\n}'), ['Canary01']],
  ['behind a variable', `$PW = "Canary01"\n${block('auth_pass ${PW}')}`, ['Canary01']],
  ['outside of its block', conf(150, 'auth_pass Canary01'), ['Canary01']],
  [
    'a brace that is missing',
    conf(150, 'authentication {\n auth_pass Canary01\n track_interface {\n lan0\n }'),
    ['Canary01'],
  ],
];
for (const [what, text, secrets] of cases)
  test(`the secrets of a router's file are known, and nothing else: ${what}`, () => {
    assert.deepEqual(secretsIn(text).sort(), [...secrets].sort());
    assert.deepEqual(secretsIn('', text).sort(), [...secrets].sort());
    assert.deepEqual(secretsIn('', '', text).sort(), [...secrets].sort());
  });

test('a variable may be defined in another file than the one that uses it', () => {
  assert.deepEqual(secretsIn(block('auth_pass $PW'), '$PW=Canary01\n$OTHER=readable\n'), ['Canary01']);
});
