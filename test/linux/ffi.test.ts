import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { AF, closeDescriptor, errorName, openSocket, SystemError } from '../../src/linux/ffi.ts';

test('libc is called through a package whose install script has not run', () => {
  const { license, scripts } = JSON.parse(readFileSync('node_modules/koffi/package.json', 'utf8'));
  assert.equal(license, 'MIT');
  assert.ok(scripts.install, 'should it have none any more, this test and a line of docs/dependencies.md can go');
  assert.match(readFileSync('.npmrc', 'utf8'), /^ignore-scripts=true$/m);
  closeDescriptor(openSocket(AF.NETLINK, 3, 0));
});

test('what the kernel refuses is an Error with its name and what was tried', () => {
  assert.throws(
    () => openSocket(99, 3, 0),
    (error: unknown) =>
      error instanceof SystemError && error.code === 'EAFNOSUPPORT' && /socket\(99, 3, 0\)/.test(error.message),
  );
  assert.equal(errorName(105), 'ENOBUFS');
});
