// needs: kernel ip
/** Main thread and worker on processors of their own while there is bulk work, unless somebody has chosen them already. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { parseIpPrefix } from '../../src/base/address.ts';
import { countOf, keepOff, workerProcessor } from '../../src/linux/apart.ts';
import { allowedProcessors, allowProcessors } from '../../src/linux/ffi.ts';
import type { Change } from '../../src/linux/kernel.ts';
import { LinuxKernel } from '../../src/linux/linux-kernel.ts';
import { addVeth } from '../support/ip.ts';
import { inOwnNetwork } from '../support/namespace.ts';

inOwnNetwork();

const all = allowedProcessors();
const skip = workerProcessor() === undefined && 'there is one processor, or we have been given some of several';

describe('processors', { skip }, () => {
  const kernel = new LinuxKernel();
  before(() => addVeth('eth0', 'far0'));
  after(() => kernel.close());

  test('the worker has the last one to itself while it is at work, and the main thread all others', async () => {
    await kernel.snapshot();
    const done = kernel.change(changes, { bulk: true });
    const seen = new Set<string>();
    let over = false;
    void done.then(() => {
      over = true;
    });
    while (!over) {
      seen.add(allowedProcessors().join());
      await new Promise((turn) => setImmediate(turn));
    }
    assert.deepEqual(await done, []);
    assert.ok(seen.has(all.slice(0, -1).join()), [...seen].join(' | '));
    assert.deepEqual(allowedProcessors(), all);
    const lists = readdirSync('/proc/self/task').map((task) => readFileSync(`/proc/self/task/${task}/status`, 'utf8'));
    const own = lists.filter((text) => /^Cpus_allowed_list:\s+(\d+)$/m.exec(text)?.[1] === `${all.at(-1)}`);
    assert.equal(own.length, 1);
  });

  test('whoever has been given some of several keeps them', (t) => {
    t.after(() => allowProcessors(all));
    allowProcessors([all[0]!]);
    assert.equal(workerProcessor(), undefined);
  });

  test('a wish of somebody else in the meantime counts', (t) => {
    t.after(() => allowProcessors(all));
    const comeBack = keepOff(all.at(-1)!);
    allowProcessors([all.at(-1)!]);
    comeBack();
    assert.deepEqual(allowedProcessors(), [all.at(-1)!]);
  });
});

test('a list of processors is ranges and numbers', () => {
  for (const [list, count] of [
    ['0', 1],
    ['0-1', 2],
    ['0-3,6', 5],
    ['0,2,4-7\n', 6],
  ] as const) {
    assert.equal(countOf(list), count, list);
  }
});

const changes = Array.from({ length: 1_000 }, (_, i): Change => {
  const address = parseIpPrefix(`10.1.${i >> 8}.${i & 255}/32`)!;
  return { kind: 'address', verb: 'add', address: { dev: 'eth0', address, scope: 0, flags: 0 } };
});
