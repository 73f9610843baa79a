import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lstatSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { writeDump } from '../../src/daemon/dumps.ts';

const directory = mkdtempSync(join(tmpdir(), 'tandem-dumps-'));
after(() => rmSync(directory, { recursive: true, force: true }));
const other = join(directory, 'other');

describe('a dump', () => {
  for (const [what, put] of [
    ['nothing', () => {}],
    ['an older dump', (path: string) => writeFileSync(path, 'a longer text')],
    ['a link to a file of somebody', (path: string) => symlinkSync(other, path)],
    ['a pipe that nobody reads', (path: string) => execFileSync('mkfifo', [path])],
  ] as const) {
    test(`comes in the place of ${what}, for its owner alone`, () => {
      const path = join(directory, 'dump');
      rmSync(path, { force: true });
      writeFileSync(other, 'untouched');
      put(path);
      writeDump(path, 'text');
      assert.equal(readFileSync(path, 'utf8'), 'text');
      assert.equal(lstatSync(path).mode & 0o777, 0o600);
      assert.equal(readFileSync(other, 'utf8'), 'untouched');
    });
  }
});
