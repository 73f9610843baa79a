/** A file that is read once more: what has not changed is not read again, and every problem still has its place. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { type LoadResult, load } from '../../src/daemon/load.ts';
import { KnownLines } from '../../src/keepalived/known-lines.ts';

const directory = mkdtempSync(join(tmpdir(), 'tandem-load-'));
after(() => rmSync(directory, { recursive: true }));

const LINES = ['  192.0.2.1/32', '  192.0.2.2/32'];
const fileOf = (...more: readonly string[]): string =>
  [
    'vrrp_instance V {',
    ' interface lan',
    ' virtual_router_id 1',
    ' virtual_ipaddress {',
    ...LINES,
    ...more,
    ' }',
    '}',
  ].join('\n');

function read(text: string, known?: KnownLines): Promise<LoadResult> {
  const file = join(directory, 'conf');
  writeFileSync(file, text);
  return load({ file, interfaces: new Set(['lan']), missingInterface: 'refuse', ...(known && { known }) });
}

describe('a reload', () => {
  test('keeps the objects of lines that are the same, with another one more', async () => {
    const known = new KnownLines();
    const before = (await read(fileOf(), known)).loaded!.config.vrrp_instance[0]!.virtual_ipaddress!;
    const now = (await read(fileOf('  192.0.2.3/32'), known)).loaded!.config.vrrp_instance[0]!.virtual_ipaddress!;
    assert.ok(before.every((line, i) => line === now[i]));
    assert.equal(now.length, before.length + 1);
  });

  const WRONG: readonly (readonly [what: string, ...lines: readonly string[]])[] = [
    ['an address that stands twice', '  192.0.2.1/32 dev lan'],
    ['a device that does not exist', '  192.0.2.3/32 dev wan'],
    ['a word too many', '  192.0.2.3/32 wan'],
  ];
  for (const [what, ...lines] of WRONG) {
    test(`names ${what} where a first reading names it`, async () => {
      const known = new KnownLines();
      await read(fileOf(), known);
      const { report } = await read(fileOf(...lines), known);
      assert.equal(report, (await read(fileOf(...lines))).report);
      assert.match(report, /conf:7:/);
    });
  }
});
