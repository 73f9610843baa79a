/** SSH into the lab's routers: OpenSSH's server and the tree's own, strict host keys, and connections that are cut. */
// needs: kernel ssh ssh-keygen
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Lab } from '../../src/lab/lab.ts';
import { type RunResult, run, waitFor } from '../../src/lab/process.ts';
import { makeSshKey } from '../../src/lab/ssh-key.ts';
import { labPossible } from './possible.ts';

const directory = mkdtempSync(join(tmpdir(), 'tandem-labs-'));
process.env.TANDEM_LAB_DIR = directory;
after(() => rmSync(directory, { recursive: true, force: true }));

const noClient = existsSync('/usr/bin/ssh') ? false : 'the ssh client is not installed (npm run setup)';
const options = { skip: (await labPossible()) || noClient, timeout: 120_000 };

const ssh = (lab: Lab, command: string, { stdin = '', more = [] as readonly string[] } = {}): Promise<RunResult> =>
  run(['ssh', '-F', lab.sshConfig, ...more, 'rtr-core01', command], { stdin, timeoutMs: 60_000 });

for (const server of ['openssh', 'tandem'] as const) {
  const why = server === 'openssh' && (process.getuid?.() !== 0 || !existsSync('/usr/sbin/sshd'));
  const skip = options.skip || (why && 'OpenSSH in a router needs root and openssh-server (npm run setup)');
  const settings = { ...options, skip };

  test(
    `${server}: ssh logs in with a strict host key; input, output, exit code and signal arrive`,
    settings,
    async () => {
      await using lab = await Lab.up({ ssh: server, init: 'small' });
      const said = await ssh(lab, 'cat; hostname; echo bad >&2; exit 3', { stdin: 'in ' });
      assert.deepEqual(said, { code: 3, stdout: 'in rtr-core01\n', stderr: 'bad\n' });
      const large = 'x'.repeat(3 * 1024 * 1024);
      assert.equal((await ssh(lab, 'wc -c', { stdin: large })).stdout.trim(), `${large.length}`);
      assert.equal((await ssh(lab, 'kill -TERM $$')).code, 255);
    },
  );

  test(`${server}: another host key is refused, and so is another client key`, settings, async () => {
    await using lab = await Lab.up({ ssh: server, init: 'small' });
    const knownHosts = join(lab.directory, 'known_hosts');
    const right = readFileSync(knownHosts, 'utf8');
    writeFileSync(knownHosts, `rtr-core01 ${makeSshKey('').publicKey}\n`);
    const changed = await ssh(lab, 'true', { more: ['-o', 'LogLevel=INFO'] });
    assert.equal(changed.code, 255);
    assert.match(changed.stderr, /Host key verification failed/);
    writeFileSync(knownHosts, right);
    writeFileSync(join(lab.directory, 'id_ed25519'), makeSshKey('').privateKey, { mode: 0o600 });
    const refused = await ssh(lab, 'true', { more: ['-o', 'LogLevel=INFO'] });
    assert.equal(refused.code, 255);
    assert.match(refused.stderr, /Permission denied/);
  });

  test(
    `${server}: a connection can be cut after a number of bytes, in the middle of a transfer`,
    settings,
    async () => {
      await using lab = await Lab.up({ ssh: server, init: 'small' });
      lab.cutSsh('rtr-core01', { afterBytes: 500_000 });
      const cut = await ssh(lab, 'cat >/var/lib/uploaded', { stdin: 'y'.repeat(2_000_000) });
      assert.equal(cut.code, 255);
      // On a busy machine the cut may come before the router's shell has made the file.
      const count = 'stat -c %s /var/lib/uploaded 2>/dev/null || echo 0';
      const size = Number(await lab.must('rtr-core01', ['sh', '-c', count]));
      assert.ok(size < 500_000, `${size} bytes arrived`);
      lab.mendSsh('rtr-core01');
      assert.equal((await ssh(lab, 'true')).code, 0);
    },
  );

  test(`${server}: a frozen connection hears nothing any more, an open one too`, settings, async () => {
    await using lab = await Lab.up({ ssh: server, init: 'small' });
    const child = spawn('ssh', ['-F', lab.sshConfig, 'rtr-core01', 'echo there; cat'], { stdio: 'pipe' });
    let heard = '';
    child.stdout.on('data', (chunk: Buffer) => {
      heard += chunk.toString('utf8');
    });
    await waitFor(() => heard === 'there\n', { what: 'the command to start', timeoutMs: 60_000 });
    lab.cutSsh('rtr-core01', { how: 'freeze' });
    const late = await ssh(lab, 'true', { more: ['-o', 'ConnectTimeout=2'] });
    assert.equal(late.code, 255, 'a new connection gets no answer either');
    child.stdin.write('lost\n');
    child.kill('SIGTERM');
    await waitFor(() => child.signalCode !== null || child.exitCode !== null, {
      what: 'ssh to end',
      timeoutMs: 60_000,
    });
    assert.equal(heard, 'there\n');
  });
}

test('every key made is one that OpenSSH reads', options, async () => {
  const file = join(directory, 'key');
  // A fault of one key in some hundreds (a leading zero byte, say) shows in fifty a run sooner or later.
  for (let count = 0; count < 50; count++) {
    const key = makeSshKey('somebody');
    writeFileSync(file, key.privateKey, { mode: 0o600 });
    const read = await run(['ssh-keygen', '-y', '-f', file]);
    assert.equal(read.stdout.trim(), `${key.publicKey} somebody`, key.privateKey);
  }
});
