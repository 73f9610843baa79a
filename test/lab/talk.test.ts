/** A TCP connection through a router of the lab: it goes on, falls silent, or breaks, and each is told. */
// needs: kernel nft
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Lab } from '../../src/lab/lab.ts';
import { startTalk } from '../../src/lab/talk.ts';
import { labPossible } from './possible.ts';

const directory = mkdtempSync(join(tmpdir(), 'tandem-labs-'));
process.env.TANDEM_LAB_DIR = directory;
after(() => rmSync(directory, { recursive: true, force: true }));

test('a connection through a router is watched until it is stopped, silent or broken', {
  skip: await labPossible(),
  timeout: 60_000,
}, async () => {
  await using lab = await Lab.up({ init: 'small' });
  await lab.must('rtr-core01', ['ip', 'address', 'add', '192.168.1.1/24', 'dev', 'p3p1']);
  const ends = { from: 'client', to: 'server', address: '198.51.100.10' };

  const whole = await startTalk(lab, ends);
  await whole.answered;
  const { sent, back } = await whole.stop();
  assert.ok(sent > 0 && back === sent, `${back} of ${sent}`);

  const silent = await startTalk(lab, ends);
  await silent.answered;
  await lab.unplug('rtr-core01', 'p3p1');
  // A number goes out every 10 ms: some do from here on.
  await new Promise((done) => setTimeout(done, 1_000));
  const cut = await silent.stop();
  assert.ok(cut.back < cut.sent, `${cut.back} of ${cut.sent}`);
  await lab.plug('rtr-core01', 'p3p1');

  const broken = await startTalk(lab, ends);
  await broken.answered;
  await lab.must('server', ['ss', '--kill', 'dst', '78.123.65.2']);
  // By whichever of both meets the reset first.
  await assert.rejects(broken.stop(), /the connection broke after \d+ of \d+ numbers: (read|write) ECONNRESET/);
});
