import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';

const ROOT = resolve(import.meta.dirname, '../..');
/** Two characters: too short for the filter below the commands to find it inside other words. */
const PASSWORD = 'q!';

const folder = mkdtempSync(join(tmpdir(), 'tandem-render-'));
after(() => rmSync(folder, { recursive: true }));

/** The example tree with files of its own on top. */
function treeWith(name: string, files: Readonly<Record<string, string>>): string {
  const tree = join(folder, name);
  for (const part of ['inventory', 'pairs', 'router-scripts']) {
    cpSync(join(ROOT, part), join(tree, part), { recursive: true });
  }
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(tree, path, '..'), { recursive: true });
    writeFileSync(join(tree, path), text);
  }
  return tree;
}

function render(...argv: readonly string[]) {
  const env = { PATH: process.env.PATH, CORE_VRRP: PASSWORD };
  const options = { cwd: ROOT, encoding: 'utf8', timeout: 60_000, env } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['src/cli.ts', 'render', ...argv], options);
  return { status, stdout, stderr };
}

const CONFIGS = ['rtr-core01', 'rtr-core02'].map((router) => join(router, 'etc/keepalived/keepalived.conf'));

test('render prints both routers of the pair, the password left out', () => {
  const { status, stdout } = render('core');
  assert.equal(status, 0);
  assert.match(stdout, /==> rtr-core01:\/etc\/keepalived\/keepalived\.conf 0600 <==\n[\s\S]*==> rtr-core02:/);
  assert.equal(stdout.match(/auth_pass \(sensitive\)\n/g)?.length, 2);
  assert.ok(!stdout.includes(PASSWORD));
});

test('render --json is a document with every file, the password left out', () => {
  const { status, stdout } = render('--json');
  assert.equal(status, 0);
  assert.ok(!stdout.includes(PASSWORD));
  const document = JSON.parse(stdout.trim().split('\n').at(-1)!);
  assert.equal(document.format, 'tandem.render');
  const [first] = document.routers;
  assert.deepEqual(
    [first.pair, first.router, first.files[0].mode, first.files[0].sensitive],
    ['core', 'rtr-core01', '0600', true],
  );
});

test('render -o writes each router its files with their modes and the password, twice the same bytes', () => {
  const [once, twice] = [join(folder, 'once'), join(folder, 'twice')];
  for (const output of [once, twice]) assert.equal(render('-o', output).status, 0);
  assert.equal(render('-o', once).status, 0, 'over files that are there');
  for (const path of CONFIGS) {
    const text = readFileSync(join(once, path), 'utf8');
    assert.match(text, /auth_pass "q!"\n/);
    assert.equal(readFileSync(join(twice, path), 'utf8'), text);
    assert.equal(statSync(join(once, path)).mode & 0o777, 0o600);
  }
  assert.deepEqual(readdirSync(join(once, 'rtr-core01/etc/keepalived')).sort(), [
    'keepalived.conf',
    'promotebackup',
    'promotemaster',
  ]);
  assert.equal(statSync(join(once, 'rtr-core01/etc/keepalived/promotemaster')).mode & 0o777, 0o755);
  assert.equal(statSync(join(once, 'rtr-core01')).mode & 0o777, 0o700);
});

test('a pair that is not there ends with 1 and the name that was meant', () => {
  const { status, stderr } = render('cor');
  assert.equal(status, 1);
  assert.match(stderr, /there is no pair "cor"\n.*did you mean "core"/);
});

test('a template of the tree takes the place of the shipped one', () => {
  const tree = treeWith('own', { 'templates/partials/vrrp_instance.hbs': '# ours\n{{> partials/block}}\n' });
  const { status, stdout } = render('-C', tree);
  assert.equal(status, 0);
  assert.match(stdout, /\n# ours\nvrrp_instance VI_0 \{\n/);
});

test('a mistake in a template of the tree is shown once with its line and a caret, and nothing is written', () => {
  const tree = treeWith('wrong', { 'templates/partials/vrrp_instance.hbs': '# x\n{{#if piority}}{{/if}}\n' });
  const output = join(folder, 'nothing');
  const { status, stderr } = render('-C', tree, '-o', output);
  assert.equal(status, 1);
  assert.equal(stderr.match(/error\[template-unknown-name\]/g)?.length, 1);
  assert.match(
    stderr,
    / --> templates\/partials\/vrrp_instance\.hbs:2:7\n.*\n2 \| \{\{#if piority}}.*\n.*\^{7}\n.*did you mean "priority"/,
  );
  assert.throws(() => statSync(output), { code: 'ENOENT' });
});

test('a router whose name would lead out of the folder is refused', () => {
  const tree = treeWith('out', {});
  const rename = (path: string) => {
    const text = readFileSync(join(tree, path), 'utf8');
    writeFileSync(join(tree, path), text.replaceAll('rtr-core01', '"../../out"'));
  };
  rename('inventory/routers.yaml');
  rename('pairs/core.yaml');
  const { status, stderr } = render('-C', tree, '-o', join(folder, 'a/b'));
  assert.equal(status, 1);
  assert.match(stderr, /"\.\.\/\.\.\/out"/);
  assert.throws(() => statSync(join(folder, 'out/etc')), { code: 'ENOENT' });
});
