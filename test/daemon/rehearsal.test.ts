/** What is done for nothing: all of it is worked out, and none of it is done. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { parseIp } from '../../src/base/address.ts';
import { ms } from '../../src/base/units.ts';
import { diff } from '../../src/change/diff.ts';
import { withoutLastLines } from '../../src/daemon/rehearsal.ts';
import type { Address } from '../../src/linux/address.ts';
import { FakeKernel } from '../support/fake-kernel.ts';
import { loadText, startSession } from '../support/fake-session.ts';

const directory = mkdtempSync(join(tmpdir(), 'tandemd-'));
after(() => rmSync(directory, { recursive: true, force: true }));

const list = (name: string, lines: readonly string[]): string => ` ${name} {\n${lines.join('\n')}\n }\n`;
const many = (count: number, line: (i: number) => string): readonly string[] =>
  Array.from({ length: count }, (_, i) => line(i));
const confOf = (count: number): string =>
  `vrrp_instance V {\n interface lan\n virtual_router_id 1\n${list('virtual_ipaddress', ['192.0.2.1/32'])}${list(
    'virtual_ipaddress_excluded',
    many(count, (i) => `  10.0.${i >> 8}.${i & 255}/32`),
  )}${list(
    'virtual_routes',
    many(count, (i) => `  172.16.${i >> 8}.${i & 255}/32 dev lan`),
  )}}\n`;

const OWN: Address = { dev: 'lan', address: { ...parseIp('10.9.0.1')!, prefix: 24 }, scope: 0, flags: 0 };

const load = (count: number) => loadText(join(directory, 'conf'), confOf(count), ['lan']);

/** Some turns of the loop, and of the queue behind it: more than any chain of theirs takes. */
async function settle(): Promise<void> {
  for (let i = 0; i < 200; i += 1) await turn();
}

describe('a rehearsal', () => {
  for (const [role, after] of [
    ['Backup', 0],
    ['Active', 4_000],
  ] as const) {
    test(`of an instance that is ${role} asks nothing of the kernel, sends nothing and tells nobody`, async () => {
      const kernel = new FakeKernel();
      kernel.setLink('lan');
      kernel.changeByOthers({ kind: 'address', verb: 'add', address: OWN });
      const { session, log, told } = await startSession(kernel, await load(600));
      await settle();
      kernel.advance(ms(after));
      await settle();
      assert.equal(session.loop.router.instances.V!.state, role);
      const seen = () => JSON.stringify([String(kernel), kernel.sent.length, log, told, session.loop.router]);
      const before = seen();
      await session.rehearse(await load(600));
      assert.equal(seen(), before);
      const verbs = new Set(kernel.rehearsed.map(({ kind, verb }) => `${verb} ${kind}`));
      for (const one of ['add address', 'delete address', 'prepend route', 'delete route'])
        assert.ok(verbs.has(one), one);
      await session.end();
    });
  }

  test('is of a file with a line more in each list', async () => {
    const { config } = (await load(3))!;
    const changes = diff(withoutLastLines(config), config);
    assert.deepEqual(
      changes.map(({ op, keyword }) => `${op} ${keyword}`),
      ['add virtual_ipaddress', 'add virtual_ipaddress_excluded', 'add virtual_routes'],
    );
  });
});
