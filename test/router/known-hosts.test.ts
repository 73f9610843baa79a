import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  entriesFor,
  fingerprint,
  hostKeyAlgorithms,
  judgeHostKey,
  type KnownKey,
  knownHostsName,
  parseKnownHosts,
} from '../../src/router/known-hosts.ts';

const folder = mkdtempSync(join(tmpdir(), 'tandem-known-hosts-'));

function publicKey(name: string, type: string): string {
  const file = join(folder, name);
  execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', '', '-f', file]);
  return readFileSync(`${file}.pub`, 'utf8').trim();
}

const ed = publicKey('ed', 'ed25519');
const other = publicKey('other', 'ed25519');
const ecdsa = publicKey('ecdsa', 'ecdsa');
const wire = (key: string) => Buffer.from(key.split(' ')[1]!, 'base64');

const parse = (text: string): readonly KnownKey[] => parseKnownHosts(text, 'known_hosts').keys;
const linesFor = (text: string, name: string) => entriesFor(parse(text), name).map((entry) => entry.line);

/** What ssh-keygen -F finds, by line. */
function oracle(text: string, name: string): number[] {
  const file = join(folder, 'oracle');
  writeFileSync(file, text);
  const run = spawnSync('ssh-keygen', ['-F', name, '-f', file], { encoding: 'utf8' });
  return [...run.stdout.matchAll(/found: line (\d+)/g)].map((match) => Number(match[1]));
}

const file = `# a comment
r1 ${ed}
r2,10.0.0.2 ${ecdsa}
*.example.com,!bad.example.com ${ed}
[r3]:2222 ${ed}
@revoked * ${other}
@cert-authority *.ca.example ${ecdsa}
r? ${other} a comment

[*]:2200 ${ed}
not a line
R9.EXAMPLE.COM ${ed}
!r5,r* ${ed}
`;

test('sshd(8) names, lists, wildcards, negation and ports match as in ssh-keygen -F', () => {
  const names =
    'r1 r2 10.0.0.2 www.example.com bad.example.com r3 [r3]:2222 [any]:2200 x.ca.example r5 r55 r9.example.com'.split(
      ' ',
    );
  for (const name of names) assert.deepEqual(linesFor(file, name), oracle(file, name), name);
});

test('hashed names are found by their name and by no other', () => {
  const plain = join(folder, 'hashed');
  writeFileSync(plain, `router.example ${ed}\n[router.example]:2222 ${ecdsa}\n`);
  execFileSync('ssh-keygen', ['-H', '-f', plain], { stdio: 'ignore' });
  const text = readFileSync(plain, 'utf8');
  assert.match(text, /^\|1\|/);
  assert.deepEqual(linesFor(text, 'router.example'), [1]);
  assert.deepEqual(linesFor(text, knownHostsName('Router.Example', 2222)), [2]);
  assert.deepEqual(linesFor(text, 'router2.example'), []);
});

test('any pattern matches what ssh-keygen -F matches', () => {
  const letters = fc.constantFrom('a', 'b', 'A', '.', '-', '1');
  const pattern = fc.array(fc.oneof(letters, fc.constantFrom('*', '?')), { minLength: 1, maxLength: 8 });
  const patterns = fc.array(fc.tuple(fc.boolean(), pattern), { minLength: 1, maxLength: 3 });
  const name = fc.array(fc.constantFrom('a', 'b', '.', '1'), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(patterns, name, (lists, letters_) => {
      const text = `${lists.map(([not, each]) => `${not ? '!' : ''}${each.join('')}`).join(',')} ${ed}\n`;
      assert.deepEqual(linesFor(text, letters_.join('')), oracle(text, letters_.join('')), text);
    }),
    { numRuns: 150 },
  );
});

test('a line that names no key is skipped with its reason and never makes a key known', () => {
  const bad = [
    'r1',
    `r1 ${ed.split(' ')[0]}`,
    'r1 ssh-ed25519 ????',
    `r1 ssh-rsa ${ed.split(' ')[1]}`,
    `@trusted r1 ${ed}`,
  ];
  const { keys, skipped } = parseKnownHosts(bad.join('\n'), 'known_hosts');
  assert.deepEqual(keys, []);
  assert.deepEqual(
    skipped.map((each) => each.line),
    [1, 2, 3, 4, 5],
  );
});

test('a key is known, changed, revoked, vouched for by an authority, or unknown', () => {
  const verdict = (text: string, key: string, name = 'r1') =>
    judgeHostKey(entriesFor(parse(text), name), wire(key)).kind;
  assert.equal(verdict(`r1 ${ed}`, ed), 'known');
  assert.equal(verdict(`r1 ${ecdsa}\nr1 ${ed}`, ed), 'known');
  assert.equal(verdict(`r1 ${ed}`, other), 'changed');
  assert.equal(verdict(`r1 ${ecdsa}`, ed), 'changed');
  assert.equal(verdict(`r1 ${ed}\n@revoked * ${ed}`, ed), 'revoked');
  assert.equal(verdict(`@revoked * ${other}`, ed), 'unknown');
  assert.equal(verdict(`@cert-authority * ${ed}`, ed), 'authority');
  assert.equal(verdict(`r2 ${ed}`, ed), 'unknown');
  assert.equal(verdict('', ed), 'unknown');
});

test('the types of key that are known are asked for first', () => {
  const offered = ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'rsa-sha2-512', 'rsa-sha2-256'];
  assert.deepEqual(hostKeyAlgorithms(parse(`r1 ${ecdsa}`), offered), [offered[1], offered[0], offered[2], offered[3]]);
  assert.deepEqual(hostKeyAlgorithms([], offered), offered);
  const rsa: KnownKey = { hosts: 'r1', type: 'ssh-rsa', key: Buffer.of(), file: '', line: 1 };
  assert.deepEqual(hostKeyAlgorithms([rsa], offered), [offered[2], offered[3], offered[0], offered[1]]);
});

test('fingerprints are those of ssh-keygen -l', () => {
  const printed = execFileSync('ssh-keygen', ['-l', '-f', join(folder, 'ed.pub')], { encoding: 'utf8' }).split(' ')[1];
  assert.equal(fingerprint(wire(ed)), printed);
});

test('no text makes the reader throw', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string(), (text, name) => {
      entriesFor(parse(text), name);
    }),
  );
});
