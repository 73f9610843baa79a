import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readUmask, umaskOf } from '../../src/daemon/umask.ts';

describe('a umask', () => {
  for (const [text, value] of [
    ['022', 0o22],
    ['0', 0],
    ['18', 0o22],
    ['0x3f', 0o77],
    ['0777', 0o777],
    ['IWGRP', 0o20],
    ['IWGRP|IWOTH', 0o22],
    ['IRUSR|IWUSR|IXUSR', 0o700],
    ['01000', undefined],
    ['08', undefined],
    ['-1', undefined],
    ['', undefined],
    ['IWALL', undefined],
    ['IWGRP|', undefined],
  ] as const) {
    test(`"${text}" is ${value === undefined ? 'none' : `0${value.toString(8)}`}`, () => {
      assert.equal(readUmask(text), value);
    });
  }

  test('of the command line counts before that of the file, and that before 0177', () => {
    const file = { other: [{ keyword: 'umask', args: ['IWGRP', '|', 'IWOTH'] }] };
    assert.equal(umaskOf(file, 0o27), 0o27);
    assert.equal(umaskOf(file, undefined), 0o22);
    assert.equal(umaskOf({}, undefined), 0o177);
  });
});
