// needs: kernel sshd
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { ms } from '../../src/base/units.ts';
import { quoteCommand } from '../../src/router/quote.ts';
import { RemoteError, type RemoteErrorKind } from '../../src/router/remote.ts';
import { type ConnectOptions, connect } from '../../src/router/ssh.ts';
import { inOwnNetwork } from '../support/namespace.ts';
import { sh } from '../support/shell.ts';
import { keygen, type Sshd, startSshd } from '../support/sshd.ts';

inOwnNetwork();
const sshd = await startSshd();

const target = (server: Sshd = sshd, ssh: Partial<Sshd['ssh']> = {}, host = '127.0.0.1') => ({
  router: 'r1',
  host,
  ssh: { ...server.ssh, ...ssh },
});
const trying = { timeout: ms(60_000), what: 'trying' };

async function fails(work: Promise<unknown>, kind: RemoteErrorKind, message: RegExp): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof RemoteError, String(error));
    assert.equal(error.kind, kind, error.message);
    assert.match(error.message, message);
    return true;
  });
}

async function hostName(options: ConnectOptions, ssh: Partial<Sshd['ssh']>, host?: string): Promise<string> {
  await using remote = await connect(target(sshd, ssh, host), options);
  return (await remote.exec(['echo', 'reached'], trying)).stdout;
}

test('a command runs with its arguments, its input, its output and its exit status', async () => {
  await using remote = await connect(target());
  const result = await remote.exec(['sh', '-c', 'cat; echo "$1" >&2; exit 3', 'x', "it's; $HOME"], {
    ...trying,
    stdin: 'in\n',
  });
  assert.deepEqual(result, { code: 3, stdout: 'in\n', stderr: "it's; $HOME\n" });
});

test('a command that a signal ended has no exit code', async () => {
  await using remote = await connect(target());
  const result = await remote.exec(['sh', '-c', 'kill -TERM $$'], trying);
  assert.deepEqual(result, { code: undefined, signal: 'SIGTERM', stdout: '', stderr: '' });
});

test('30 commands side by side over one connection all answer, though sshd takes 10 at once', async () => {
  await using remote = await connect(target());
  const results = await Promise.all(
    Array.from({ length: 30 }, (_, i) => remote.exec(['sh', '-c', 'sleep 0.05; echo "$1"', 'x', String(i)], trying)),
  );
  assert.deepEqual(
    results.map((result) => Number(result.stdout)),
    Array.from({ length: 30 }, (_, i) => i),
  );
});

test('F71 an unknown host key stops with its fingerprint and the files that were read', async () => {
  const empty = join(sshd.folder, 'empty');
  writeFileSync(empty, '');
  const print = fingerprintOf(join(sshd.folder, 'host_ed25519.pub'));
  await fails(connect(target(sshd, { known_hosts: [empty] })), 'host-key-unknown', new RegExp(`${print}.*${empty}`));
});

test('F71 a changed host key stops with both fingerprints and where the known one stands', async () => {
  const other = join(sshd.folder, 'other');
  keygen(other);
  const file = join(sshd.folder, 'changed');
  writeFileSync(file, `# a comment\n[127.0.0.1]:${sshd.port} ${readFileSync(`${other}.pub`, 'utf8')}`);
  const [shown, known] = [fingerprintOf(join(sshd.folder, 'host_ed25519.pub')), fingerprintOf(`${other}.pub`)];
  await fails(
    connect(target(sshd, { known_hosts: [file] })),
    'host-key-changed',
    new RegExp(`shows ssh-ed25519 ${shown}.*known is ssh-ed25519 ${known} at ${file}:2`),
  );
});

test('F71 a revoked key stops, and a host known only by its authority is refused with that sentence', async () => {
  const line = readFileSync(join(sshd.folder, 'known_hosts'), 'utf8');
  const [revoked, authority] = [join(sshd.folder, 'revoked'), join(sshd.folder, 'authority')];
  writeFileSync(revoked, `${line}@revoked ${line}`);
  await fails(connect(target(sshd, { known_hosts: [revoked] })), 'host-key-changed', /is revoked/);
  keygen(join(sshd.folder, 'ca'));
  writeFileSync(authority, `@cert-authority * ${readFileSync(join(sshd.folder, 'ca.pub'), 'utf8')}`);
  await fails(connect(target(sshd, { known_hosts: [authority] })), 'host-key-unknown', /certificate authority/);
});

test('F70 ssh_config decides host, port, user, key and known_hosts as for ssh itself', async () => {
  const config = join(sshd.folder, 'config');
  writeFileSync(
    config,
    `Host edge\n  HostName 127.0.0.1\n  Port ${sshd.port}\n  User root\n  IdentityFile ${sshd.folder}/user\n  UserKnownHostsFile ${sshd.folder}/known_hosts\n  IdentityAgent none\n  Ciphers aes128-ctr\n  StrictHostKeyChecking no\n`,
  );
  const warnings: string[] = [];
  const route = { router: 'r1', host: 'edge', ssh: { become: 'none', connect_timeout: ms(5000), config } } as const;
  await using remote = await connect(route, { warn: (sentence) => warnings.push(sentence) });
  assert.equal((await remote.exec(['echo', 'reached'], trying)).stdout, 'reached\n');
  assert.equal(warnings.length, 2);
  assert.match(warnings.join('\n'), /checks host keys all the same/);
  assert.match(warnings.join('\n'), /ciphers aes128-ctr/);
});

test('F70 ProxyCommand and ProxyJump carry the connection; each hop has its host key checked', async () => {
  const jump = await startSshd();
  const config = join(sshd.folder, 'jumps');
  const hops = (knownHosts: string) =>
    `Host jump\n  HostName 127.0.0.1\n  Port ${jump.port}\n  User root\n  IdentityFile ${jump.folder}/user\n  UserKnownHostsFile ${knownHosts}\n  IdentityAgent none\nHost through\n  HostName 127.0.0.1\n  ProxyJump jump\n  IdentityAgent none\n`;
  writeFileSync(config, hops(`${jump.folder}/known_hosts ${sshd.folder}/known_hosts`));
  const files = [join(jump.folder, 'known_hosts'), join(sshd.folder, 'known_hosts')];
  assert.equal(await hostName({}, { config, known_hosts: files }, 'through'), 'reached\n');
  const hopUnknown = connect(target(sshd, { config, known_hosts: [files[1]!] }, 'through'));
  await fails(hopUnknown, 'host-key-unknown', new RegExp(`\\[127.0.0.1\\]:${jump.port}`));
  const node = quoteCommand([process.execPath, '-e']);
  const pipe = `'const s=require("net").connect(process.argv[1],"127.0.0.1");process.stdin.pipe(s);s.pipe(process.stdout)'`;
  writeFileSync(
    config,
    `Host piped\n  HostName 127.0.0.1\n  IdentityAgent none\n  ProxyCommand ${node} ${pipe} %%p\n`.replace('%%', '%'),
  );
  assert.equal(await hostName({}, { config }, 'piped'), 'reached\n');
});

test('a ProxyCommand that fails, talks garbage or stops in the middle is one router that is not reached', async () => {
  const config = join(sshd.folder, 'proxies');
  const commands = {
    fails: { command: "sh -c 'echo no route to it >&2; exit 3'", says: /\(status 3\): no route to it/ },
    garbage: { command: 'head -c 2000 /dev/urandom', says: /garbage/ },
    greets: { command: "sh -c 'echo SSH-2.0-x; exec head -c 5000 /dev/zero'", says: /greets/ },
    absent: { command: '/nonexistent/proxy', says: /\(status 127\).*not found/ },
  };
  const host = ([name, { command }]: [string, { command: string }]) => `Host ${name}\n  ProxyCommand ${command}\n`;
  writeFileSync(config, Object.entries(commands).map(host).join(''));
  for (const [name, { says }] of Object.entries(commands)) {
    await fails(connect(target(sshd, { config }, name)), 'unreachable', says);
  }
});

test('F72 an encrypted key asks for its passphrase; with nobody to ask, the error says what to do', async () => {
  const key = join(sshd.folder, 'locked');
  keygen(key, 'open sesame');
  appendFileSync(join(sshd.folder, 'authorized_keys'), readFileSync(`${key}.pub`));
  const answers = ['wrong', 'open sesame'];
  assert.equal(await hostName({ passphrase: async () => answers.shift() }, { identity: [key] }), 'reached\n');
  await fails(connect(target(sshd, { identity: [key] })), 'authentication', /locked: encrypted.*ssh-add/);
  const asked: string[] = [];
  const passphrase = async (file: string) => {
    asked.push(file);
    return 'open sesame';
  };
  for (const _ of [1, 2]) assert.equal(await hostName({ passphrase }, { identity: [key] }), 'reached\n');
  await Promise.all([1, 2].map(() => hostName({ passphrase }, { identity: [key] })));
  assert.deepEqual(asked, [key], 'once for all connections');
});

test('F72 the agent signs, and with IdentitiesOnly only for the configured keys', async () => {
  const socket = join(sshd.folder, 'agent');
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
  agent.unref();
  for (let tries = 0; tries < 100 && sh(`[ -S ${socket} ] && echo yes || sleep 0.02`) === ''; tries++);
  const [stranger, own] = [join(sshd.folder, 'stranger'), join(sshd.folder, 'agent-only')];
  keygen(stranger);
  keygen(own);
  appendFileSync(join(sshd.folder, 'authorized_keys'), readFileSync(`${own}.pub`));
  execFileSync('ssh-add', ['-q', stranger, own], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
  sh(`rm ${own}`);
  const config = join(sshd.folder, 'agent-config');
  writeFileSync(config, `Host *\n  IdentityAgent ${socket}\n  IdentitiesOnly yes\n`);
  assert.equal(await hostName({}, { config, identity: [own] }), 'reached\n');
  await fails(
    connect(target(sshd, { config, identity: [stranger] })),
    'authentication',
    /agent: 1 keys, none accepted/,
  );
  agent.kill();
});

test('F72 a security key is refused with that sentence, and a key that the server does not know with its name', async () => {
  const key = join(sshd.folder, 'nobody');
  keygen(key);
  await fails(connect(target(sshd, { identity: [key] })), 'authentication', /nobody: refused/);
});

test('F76 a server that accepts and says nothing, and one that does not answer at all, fail within the connect timeout', async () => {
  const silent = createServer(() => {}).listen(2999, '127.0.0.1');
  silent.unref();
  const limit = { connect_timeout: ms(600) };
  const startedAt = performance.now();
  await fails(connect(target(sshd, { ...limit, port: 2999 })), 'timeout', /handshake within 600ms/);
  sh('ip link add black type veth peer name hole; ip link set black up; ip link set hole up');
  sh('ip addr add 10.66.0.1/24 dev black; ip neigh add 10.66.0.2 lladdr 02:00:00:00:00:01 dev black');
  await fails(connect(target(sshd, limit, '10.66.0.2')), 'unreachable', /no answer within 600ms/);
  assert.ok(performance.now() - startedAt < 5000);
});

test('a server that closes at once, and a port where nothing listens, are errors and not crashes', async () => {
  const rude = createServer((socket) => socket.destroy()).listen(2998, '127.0.0.1');
  rude.unref();
  await fails(connect(target(sshd, { port: 2998 })), 'unreachable', /127\.0\.0\.1:2998/);
  await fails(connect(target(sshd, { port: 2997 })), 'unreachable', /ECONNREFUSED/);
});

test('a connection that freezes ends a command at its limit, and every command once the keepalives go unanswered', async () => {
  const config = join(sshd.folder, 'alive');
  writeFileSync(config, 'Host *\n  IdentityAgent none\n  ServerAliveInterval 1\n  ServerAliveCountMax 1\n');
  await using remote = await connect(target(sshd, { config }));
  const { stdout } = await remote.exec(['sh', '-c', 'echo $PPID'], trying);
  const child = Number(stdout);
  process.kill(child, 'SIGSTOP');
  try {
    await fails(remote.exec(['true'], { ...trying, timeout: ms(300) }), 'timeout', /no end within 300ms/);
    await fails(remote.exec(['true'], { ...trying, timeout: ms(20_000) }), 'cut', /Keepalive timeout/);
    await fails(remote.exec(['true'], trying), 'cut', /the connection is closed/);
  } finally {
    process.kill(child, 'SIGKILL');
  }
});

test('a flood of output ends at its limit, and the connection still serves', async () => {
  await using remote = await connect(target());
  await fails(remote.exec(['cat', '/dev/zero'], { ...trying, timeout: ms(30_000) }), 'output-too-large', /33554432/);
  assert.equal((await remote.exec(['echo', 'on'], trying)).stdout, 'on\n');
});

test('a cut connection rejects every command that runs on it', async () => {
  await using remote = await connect(target());
  const { stdout } = await remote.exec(['sh', '-c', 'echo $PPID'], trying);
  const waiting = [remote.exec(['sleep', '20'], trying), remote.exec(['sleep', '20'], trying)];
  const seen = Promise.all(waiting.map((each) => fails(each, 'cut', /trying: /)));
  process.kill(Number(stdout), 'SIGKILL');
  await seen;
});

test('a command on a connection that is about to end is a cut, not a crash', async () => {
  const remote = await connect(target());
  const closed = remote[Symbol.asyncDispose]();
  await fails(remote.exec(['true'], trying), 'cut', /trying: /);
  await closed;
});

test('F73 keyboard-interactive asks once and the connection is used from then on', async () => {
  const server = await startSshd([
    'KbdInteractiveAuthentication yes',
    'UsePAM yes',
    'PermitRootLogin yes',
    'AuthenticationMethods publickey,keyboard-interactive',
  ]);
  // PAM asks for the password of an account of this test's own.
  sh(
    `printf 'root:%s:19000:0:99999:7:::\\n' "$(openssl passwd -6 'code 42')" > ${server.folder}/shadow; mount --bind ${server.folder}/shadow /etc/shadow`,
  );
  const asked: string[] = [];
  const answer = async ({ prompts }: { prompts: readonly { text: string; hidden: boolean }[] }) => {
    asked.push(...prompts.map(({ text, hidden }) => `${text.trim()}${hidden ? ' (hidden)' : ''}`));
    return prompts.map(() => 'code 42');
  };
  await using remote = await connect(target(server), { answer });
  for (const word of ['one', 'two']) assert.equal((await remote.exec(['echo', word], trying)).stdout, `${word}\n`);
  assert.equal(asked.length, 1);
  assert.match(asked[0]!, /Password.*\(hidden\)/);
  await fails(connect(target(server)), 'authentication', /accepts none/);
});

function fingerprintOf(publicKey: string): string {
  const print = execFileSync('ssh-keygen', ['-l', '-f', publicKey], { encoding: 'utf8' }).split(' ')[1]!;
  return print.replace(/[+/]/g, '\\$&');
}
