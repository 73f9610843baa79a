/** The executable that this package carries: found by architecture, compressed once. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { type Package, Packages } from '../../src/rollout/executable.ts';

/** A package with these executables, each with what the build says of it. */
function packageWith(files: Readonly<Record<string, { readonly content: string; readonly about: object }>>): string {
  const root = mkdtempSync(join(tmpdir(), 'tandem-package-'));
  mkdirSync(join(root, 'dist'));
  mkdirSync(join(root, 'packaging'));
  writeFileSync(join(root, 'packaging/tandemd.service'), '[Service]\n');
  for (const [name, { content, about }] of Object.entries(files)) {
    writeFileSync(join(root, 'dist', name), content);
    writeFileSync(join(root, 'dist', `${name}.json`), JSON.stringify(about));
  }
  return root;
}

const about = (arch: string) => ({ version: '1.2.3', arch, glibc: '2.28', node: '24.21.0' });

async function found(packages: Packages, arch: string): Promise<Package> {
  const answer = await packages.for(arch);
  assert.ok(!('missing' in answer), JSON.stringify(answer));
  return answer;
}

test('each architecture, as uname says it, gets its executable', async () => {
  const root = packageWith({
    tandemd: { content: 'here', about: about('x64') },
    'tandemd-aarch64': { content: 'there', about: about('arm64') },
  });
  const packages = new Packages(root);
  for (const [arch, content] of [
    ['x86_64', 'here'],
    ['aarch64', 'there'],
  ] as const) {
    const { executable, wanted, unit } = await found(packages, arch);
    assert.equal(gunzipSync(await executable.compressed()).toString(), content);
    assert.equal(wanted.sha256, createHash('sha256').update(content).digest('hex'));
    assert.deepEqual(
      [wanted.version, wanted.size, wanted.glibc, unit],
      ['1.2.3', content.length, '2.28', '[Service]\n'],
    );
  }
});

test('what is not there is said with the names that were looked for', async () => {
  const packages = new Packages(packageWith({ tandemd: { content: 'here', about: about('x64') } }));
  assert.deepEqual(await packages.for('aarch64'), {
    missing: 'this package has no executable of tandemd for aarch64: neither dist/tandemd nor dist/tandemd-aarch64',
  });
  assert.ok('missing' in (await packages.for('riscv64')));
  assert.ok('missing' in (await new Packages(packageWith({})).for('x86_64')));
});

test('it is compressed once for all routers', async () => {
  const packages = new Packages(packageWith({ tandemd: { content: 'here', about: about('x64') } }));
  const [one, other] = await Promise.all([found(packages, 'x86_64'), found(packages, 'x86_64')]);
  assert.equal(await one.executable.compressed(), await other.executable.compressed());
});

test('an executable that is built anew meanwhile is not uploaded under the old hash', async () => {
  const root = packageWith({ tandemd: { content: 'here', about: about('x64') } });
  const { executable } = await found(new Packages(root), 'x86_64');
  writeFileSync(join(root, 'dist/tandemd'), 'other');
  await assert.rejects(executable.compressed(), /was changed while it was to be uploaded/);
});
