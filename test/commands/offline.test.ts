import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, describe, test } from 'node:test';

const ROOT = resolve(import.meta.dirname, '../..');
const PASSWORD = 'Xq7#lab';

const folder = mkdtempSync(join(tmpdir(), 'tandem-offline-'));
after(() => rmSync(folder, { recursive: true }));

/** The example tree with a text in its pair's file replaced, as a tree of its own. */
function treeWith(name: string, from: string, to: string): string {
  const tree = join(folder, name);
  for (const part of ['inventory', 'pairs', 'router-scripts'])
    cpSync(join(ROOT, part), join(tree, part), { recursive: true });
  const file = join(tree, 'pairs/core.yaml');
  const text = readFileSync(file, 'utf8');
  assert.ok(text.includes(from), `pairs/core.yaml no longer says ${from}`);
  writeFileSync(file, text.replace(from, to));
  return tree;
}

function tandem(argv: readonly string[], env: Readonly<Record<string, string>> = { CORE_VRRP: PASSWORD }) {
  const options = { cwd: ROOT, encoding: 'utf8', timeout: 60_000, env: { PATH: process.env.PATH, ...env } } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['src/cli.ts', ...argv], options);
  assert.ok(!`${stdout}${stderr}`.includes(PASSWORD), 'the password was printed');
  return { status, stdout, stderr };
}

const documents = (stdout: string): Record<string, unknown>[] =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('validate', () => {
  test('takes the example', () => {
    const { status, stdout } = tandem(['validate']);
    assert.equal(status, 0);
    assert.match(stdout, /^valid: 1 pair, 2 routers/);
  });

  test('tells of the YAML and of the templates in one run', () => {
    const tree = treeWith('both', 'virtual_router_id: 50', 'virtual_router_id: 256');
    mkdirSync(join(tree, 'templates/partials'), { recursive: true });
    writeFileSync(join(tree, 'templates/partials/block.hbs'), '{{> partials/blok}}\n');
    const { status, stderr } = tandem(['-C', tree, 'validate']);
    assert.equal(status, 1);
    assert.match(stderr, /error\[vrid-out-of-range\].*\n {2}--> pairs\/core\.yaml:/);
    assert.match(stderr, /error\[template-syntax\].*\n {2}--> templates\/partials\/block\.hbs:1:5\n/);
    assert.match(stderr, /^not valid: 2 errors/m);
  });

  test('says under --json what it found, in documents', () => {
    const { status, stdout } = tandem(['validate', '--json']);
    assert.equal(status, 0);
    const [problems, result] = documents(stdout);
    assert.equal(problems!.format, 'tandem.problems');
    assert.deepEqual(result, { format: 'tandem.validate', version: 1, valid: true, pairs: 1, routers: 2 });
  });

  test('refuses a bad address at its place, with a caret, and ends with 1', () => {
    const { status, stderr } = tandem([
      '-C',
      treeWith('bad-address', 'via 78.123.65.1', 'via 78.123.265.1'),
      'validate',
    ]);
    assert.equal(status, 1);
    assert.match(stderr, /error\[conf-value\].*\n {2}--> pairs\/core\.yaml:\d+:\d+\n[\s\S]*\^{12}/);
    assert.match(stderr, /^not valid: 1 error/m);
  });

  test('shows a wrong line with a literal password without the password', () => {
    const tree = treeWith('literal', '${env:CORE_VRRP}', `"${PASSWORD}-too-long"`);
    const { status, stderr } = tandem(['-C', tree, 'validate']);
    assert.equal(status, 1);
    assert.match(stderr, /error\[auth-too-long\]/);
  });

  test('names a missing secret', () => {
    const { status, stderr } = tandem(['validate'], {});
    assert.equal(status, 1);
    assert.match(stderr, /error\[secret-missing\]: .*CORE_VRRP/);
  });

  test('names a folder that is not there', () => {
    const { status, stderr } = tandem(['-C', join(folder, 'nowhere'), 'validate']);
    assert.equal(status, 1);
    assert.match(stderr, /there is no folder .*nowhere/);
  });
});

describe('explain', () => {
  test('tells what advert_int does to a pair', () => {
    const { status, stdout } = tandem(['explain', 'core']);
    assert.equal(status, 0);
    assert.match(stdout, /rtr-core02 follows 2\.84s to 3\.84s after rtr-core01 dies/);
  });

  test('prints value and place of every layer', () => {
    const { status, stdout } = tandem(['explain', 'pairs/core.yaml:vrrp.VI_0.advert_int']);
    assert.equal(status, 0);
    assert.match(
      stdout,
      /^ {4}defaults +inventory\/defaults\.yaml:\d+:\d+ {2}1s\n {2}> instance VI_0 +pairs\/core\.yaml:\d+:\d+ {2}1s$/m,
    );
  });

  test('knows no pair that is not there', () => {
    const { status, stderr } = tandem(['explain', 'cores']);
    assert.equal(status, 1);
    assert.match(stderr, /no pair "cores"[\s\S]*did you mean "core"/);
  });
});

describe('schema', () => {
  test('prints one and writes all', () => {
    const { stdout } = tandem(['schema', 'pair']);
    assert.equal(tandem(['schema', '-o', folder]).status, 0);
    assert.equal(readFileSync(join(folder, 'pair.schema.json'), 'utf8'), stdout);
  });
});
