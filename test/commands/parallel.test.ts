import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inParallel } from '../../src/commands/parallel.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('many are worked on at a time, never more than the limit, and the results keep their order', async () => {
  let [now, most] = [0, 0];
  const results = await inParallel([5, 4, 3, 2, 1, 0], 2, async (turns) => {
    most = Math.max(most, ++now);
    for (let i = 0; i < turns; i++) await turn();
    now--;
    return turns * 10;
  });
  assert.deepEqual([results, most], [[50, 40, 30, 20, 10, 0], 2]);
});

test('an error begins nothing more, and is thrown only when what is under way has ended', async () => {
  const ended: string[] = [];
  const work = inParallel(['slow', 'bad', 'never'], 2, async (name) => {
    if (name === 'bad') throw new Error('bad');
    for (let i = 0; i < 20; i++) await turn();
    ended.push(name);
  });
  await assert.rejects(work, /bad/);
  assert.deepEqual(ended, ['slow']);
});
