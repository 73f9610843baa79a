// needs: kernel sshd
import assert from 'node:assert/strict';
import { appendFileSync, chmodSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ms } from '../../src/base/units.ts';
import type { Remote } from '../../src/router/remote.ts';
import { RemoteError } from '../../src/router/remote.ts';
import { connect } from '../../src/router/ssh.ts';
import { type Generation, stage } from '../../src/router/transaction.ts';
import { startCutter } from '../support/cutter.ts';
import { inOwnNetwork } from '../support/namespace.ts';
import { sh } from '../support/shell.ts';
import { startSshd } from '../support/sshd.ts';

inOwnNetwork();
const sshd = await startSshd();
const publicKey = readFileSync(join(sshd.folder, 'host_ed25519.pub'), 'utf8');

/** A daemon whose test accepts everything: what is tested here is the way of the bytes. */
const accepting = { engine: 'keepalived', binary: '/bin/true' } as const;
const old = '# what runs\n';

function router() {
  const folder = mkdtempSync(join(tmpdir(), 'tandem-upload-'));
  const config = join(folder, 'keepalived.conf');
  writeFileSync(config, old, { mode: 0o600 });
  const content = (text: string) => new TextEncoder().encode(text.repeat(40_000));
  const generations: Generation[] = [
    {
      number: 1,
      files: [
        { path: config, mode: 0o600, content: content('# a new line of text\n') },
        { path: join(folder, 'notify.sh'), mode: 0o755, content: content('# a script\n') },
      ],
    },
  ];
  return { folder, config, generations };
}

function to(port: number) {
  appendFileSync(join(sshd.folder, 'known_hosts'), `[127.0.0.1]:${port} ${publicKey}`);
  return { router: 'r1', host: '127.0.0.1', ssh: { ...sshd.ssh, port } };
}

/** Nothing but what was there, or what will be there, whole: wherever the cut came. */
async function leftAlone({ folder, config }: { folder: string; config: string }): Promise<void> {
  assert.equal(readFileSync(config, 'utf8'), old);
  // The router's shell notices the end of its input a moment after we do.
  for (let tries = 0; tries < 200 && readdirSync(folder).length > 1; tries++) sh('sleep 0.02');
  assert.deepEqual(readdirSync(folder), ['keepalived.conf']);
}

// In the last cases the whole upload may wait in the server's buffers before its shell has even begun.
for (const bytes of [6_000, 20_000, 70_000, 300_000, 800_000, 1_250_000]) {
  test(`a connection cut after ${bytes} bytes of an upload leaves the router as it was, and the next attempt succeeds`, async () => {
    const here = router();
    const port = await startCutter(sshd.port, bytes);
    {
      await using remote = await connect(to(port));
      await assert.rejects(stage(remote, here.config, here.generations, accepting), (error) => {
        assert.ok(error instanceof RemoteError && error.kind === 'cut', String(error));
        return true;
      });
    }
    await leftAlone(here);
    await using again = await connect(to(port));
    assert.equal((await stage(again, here.config, here.generations, accepting)).kind, 'ready');
    const staged = readFileSync(join(here.folder, '.keepalived.conf.tandem-1'));
    assert.ok(staged.equals(here.generations[0]!.files[0]!.content));
  });
}

test('a server process that dies in the middle of an upload leaves the router as it was', async () => {
  const here = router();
  await using remote = await connect(to(sshd.port));
  const { stdout } = await remote.exec(['sh', '-c', 'echo $PPID'], { timeout: ms(60_000), what: 'asking' });
  // The upload begins, and its process is ended while more than a window of it is still to come.
  const big: Generation[] = [
    { number: 1, files: [{ path: here.config, mode: 0o600, content: new Uint8Array(30_000_000) }] },
  ];
  const staging = assert.rejects(stage(remote, here.config, big, accepting), RemoteError);
  for (let tries = 0; tries < 500 && readdirSync(here.folder).length < 2; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  process.kill(Number(stdout), 'SIGKILL');
  await staging;
  await leftAlone(here);
});

test('bytes that arrive changed or short are refused before any file has its name', async () => {
  const here = router();
  await using remote = await connect(to(sshd.port));
  for (const change of [
    (stdin: Buffer) => stdin.subarray(0, -1),
    (stdin: Buffer) => Buffer.concat([stdin, Buffer.from('x')]),
    (stdin: Buffer) => Buffer.concat([Buffer.from('x'), stdin.subarray(1)]),
  ]) {
    const changing: Remote = {
      router: 'r1',
      exec: (argv, options) =>
        remote.exec(argv, { ...options, stdin: change(Buffer.from(options.stdin as Uint8Array)) }),
      [Symbol.asyncDispose]: async () => {},
    };
    await assert.rejects(stage(changing, here.config, here.generations, accepting), /came truncated/);
    await leftAlone(here);
  }
});

test('a full disk is said to be one, and nothing is left on it', async () => {
  const here = router();
  sh(`mount -t tmpfs -o size=400k tmpfs ${here.folder}`);
  writeFileSync(here.config, old);
  await using remote = await connect(to(sshd.port));
  const staged = await stage(remote, here.config, here.generations, accepting);
  assert.ok(staged.kind === 'no-place');
  assert.match(staged.reason, /no room for /);
  await leftAlone(here);
});

test('a read-only file system is said to be one, not a full disk', async () => {
  const here = router();
  sh(`mount --bind ${here.folder} ${here.folder}; mount -o remount,bind,ro ${here.folder}`);
  await using remote = await connect(to(sshd.port));
  const staged = await stage(remote, here.config, here.generations, accepting);
  assert.ok(staged.kind === 'no-place');
  assert.match(staged.reason, /cannot be written: .* read-only/);
  sh(`umount ${here.folder}`);
  await leftAlone(here);
});

test('a symbolic link is not replaced by a file', async () => {
  const here = router();
  const elsewhere = `${here.folder}-elsewhere`;
  sh(`mv ${here.config} ${elsewhere}; ln -s ${elsewhere} ${here.config}`);
  await using remote = await connect(to(sshd.port));
  const staged = await stage(remote, here.config, here.generations, accepting);
  assert.ok(staged.kind === 'no-place');
  assert.match(staged.reason, /keepalived.conf is a symbolic link/);
  await leftAlone(here);
});

test('what an earlier attempt left is swept away, but not the only copy of what ran before it', async () => {
  const here = router();
  writeFileSync(join(here.folder, '.keepalived.conf.tandem-0'), '# what ran before the attempt that died\n');
  writeFileSync(join(here.folder, '.tandem-upload-1'), 'half');
  sh(`touch -d '1 hour ago' ${here.folder}/.tandem-upload-1`);
  writeFileSync(join(here.folder, '.gone.sh.tandem-2'), 'half');
  await using remote = await connect(to(sshd.port));
  assert.equal((await stage(remote, here.config, here.generations, accepting)).kind, 'ready');
  assert.deepEqual(readdirSync(here.folder).sort(), [
    '.keepalived.conf.tandem-0',
    '.keepalived.conf.tandem-1',
    '.keepalived.conf.tandem-previous',
    '.notify.sh.tandem-1',
    'keepalived.conf',
  ]);
  assert.equal(readFileSync(join(here.folder, '.keepalived.conf.tandem-0'), 'utf8'), old);
});

test('a script of an earlier attempt that starts late does not disturb the next attempt', async () => {
  const here = router();
  await using remote = await connect(to(sshd.port));
  // The late one: its input is short, and it works after the next attempt has staged everything.
  let script: readonly string[] = [];
  const recording: Remote = {
    router: 'r1',
    exec: (argv, options) => {
      if (argv[1] === '-c') script = argv;
      return remote.exec(argv, options);
    },
    [Symbol.asyncDispose]: async () => {},
  };
  await stage(recording, here.config, here.generations, accepting);
  const before = readdirSync(here.folder);
  const late = await remote.exec(script, { stdin: 'half', timeout: ms(60_000), what: 'starting late' });
  assert.match(late.stdout, / truncated\n$/);
  assert.deepEqual(readdirSync(here.folder), before);
});

test('F74 sudo: no password needed, the right one, the wrong one once and within 5 s, none at all', async () => {
  chmodSync(sshd.folder, 0o755);
  sh(`cp /etc/passwd /etc/shadow /etc/sudoers ${sshd.folder}/
echo 'operator1:x:4242:4242::/tmp:/bin/sh' >> ${sshd.folder}/passwd
printf 'operator1:%s:19000:0:99999:7:::\\n' "$(openssl passwd -6 'right one')" >> ${sshd.folder}/shadow
chown root:root ${sshd.folder}/sudoers; chmod 440 ${sshd.folder}/sudoers
for file in passwd shadow sudoers; do mount --bind ${sshd.folder}/$file /etc/$file; done`);
  const may = (rule: string) => sh(`printf 'operator1 ALL=(ALL) ${rule}\\n' > ${sshd.folder}/sudoers`);
  const as = (sudo_password?: string) => ({
    router: 'r1',
    host: '127.0.0.1',
    ssh: {
      ...sshd.ssh,
      user: 'operator1',
      become: 'sudo' as const,
      ...(sudo_password === undefined ? {} : { sudo_password }),
    },
  });
  const asRoot = async (password?: string) => {
    await using remote = await connect(as(password));
    const result = await remote.exec(['sh', '-c', 'id -u; cat'], {
      stdin: 'the input',
      timeout: ms(9000),
      what: 'trying',
    });
    return result.stdout;
  };
  may('NOPASSWD: ALL');
  assert.equal(await asRoot(), '0\nthe input');
  assert.equal(await asRoot('right one'), '0\nthe input');
  may('ALL');
  assert.equal(await asRoot('right one'), '0\nthe input', 'the password itself does not reach the command');
  await assert.rejects(asRoot(), /no sudo password is configured/);
  const startedAt = performance.now();
  await assert.rejects(asRoot('wrong one'), /does not take the password/);
  assert.ok(performance.now() - startedAt < 5500);
  await assert.rejects(asRoot('wrong one'), /not tried again/);
  may('PASSWD: ALL');
  await using remote = await connect(as('right one'));
  may('NOPASSWD: ALL');
  const { stdout } = await remote.exec(['cat'], { stdin: 'the input', timeout: ms(9000), what: 'trying' });
  assert.equal(stdout, 'the input', 'nor where sudo stopped asking in the meantime');
});
