import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { livingPid, removePidFile, writePidFile } from '../../src/daemon/pid-file.ts';

const directory = mkdtempSync(join(tmpdir(), 'tandemd-'));
after(() => rmSync(directory, { recursive: true, force: true }));
const path = join(directory, 'pid');

describe('a pid file', () => {
  test('holds our number, and goes with us', () => {
    writePidFile(path);
    assert.equal(readFileSync(path, 'utf8'), `${process.pid}\n`);
    assert.equal(livingPid(path), undefined, 'we ourselves are nobody else');
    removePidFile(path);
    assert.ok(!existsSync(path));
  });

  test('of somebody who lives counts, of somebody dead, with nonsense in it, or missing does not', () => {
    writeFileSync(path, `${process.ppid}\n`);
    assert.equal(livingPid(path), process.ppid);
    const { pid } = spawnSync('true');
    for (const text of [`${pid}\n`, 'none\n', '', '-1\n']) {
      writeFileSync(path, text);
      assert.equal(livingPid(path), undefined, text);
    }
    assert.equal(livingPid(join(directory, 'none')), undefined);
  });

  test('of somebody else is left alone', () => {
    writeFileSync(path, '1\n');
    removePidFile(path);
    assert.ok(existsSync(path));
  });
});
