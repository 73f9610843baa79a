/** ssh_config read without OpenSSH's client, held against `ssh -G` on the same files. */
// needs: ssh
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parseSshG, resolveRoute } from '../../src/router/ssh-config.ts';
import { readSshConfig, type SshQuestion } from '../../src/router/ssh-config-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'tandem-ssh-config-'));
after(() => rmSync(folder, { recursive: true }));

const FOLLOWED =
  'user hostname port addressfamily identityfile identitiesonly identityagent hostkeyalias userknownhostsfile ' +
  'globalknownhostsfile proxycommand proxyjump serveraliveinterval serveralivecountmax kbdinteractiveauthentication';

const FILES: Readonly<Record<string, string>> = {
  empty: '',
  'blocks, patterns, quotes, comments, equals signs': `# of everybody
User=somebody
  ServerAliveInterval = 7
Host rtr-* !rtr-bad "other"
  HostName %h.example.net
  Port 2222 # not 22
  IdentityFile "/keys/my key"
  IdentityFile ~/.ssh/other
  UserKnownHostsFile /known /known2
  ProxyCommand nc -x 'a b' %h %p # the program's own
Host rtr-?
  Port 2223
  AddressFamily inet6
  IdentitiesOnly yes
HOST *
  port 24
  HostKeyAlias all
  IdentityAgent none
  KbdInteractiveAuthentication no
`,
  'jumps and lists': `Host *.example.net
  ProxyJump admin@gate:2200,inner
  GlobalKnownHostsFile /etc/known
  HostKeyAlgorithms ssh-ed25519,rsa-sha2-512
`,
};
const HOSTS = ['rtr-1', 'rtr-10', 'rtr-bad', 'other', 'a.example.net'];
const ASKED: readonly Omit<SshQuestion, 'host' | 'config'>[] = [
  { identities: [] },
  { identities: ['/keys/mine'], user: 'me', port: 2201 },
];

for (const [name, text] of Object.entries(FILES)) {
  test(`the answer without ssh is the answer of \`ssh -G\`: ${name}`, async () => {
    const config = join(folder, name.replaceAll(' ', '-'));
    writeFileSync(config, text);
    for (const host of HOSTS) {
      for (const asked of ASKED) assert.deepEqual(...(await bothAnswers({ ...asked, host, config })));
    }
  });
}

async function bothAnswers(question: SshQuestion): Promise<[object, object, string]> {
  const { host, config, user, port, identities } = question;
  const args = [
    ...['-G', '-F', config!],
    ...(user === undefined ? [] : ['-l', user]),
    ...(port === undefined ? [] : ['-p', `${port}`]),
    ...identities.flatMap((file) => ['-o', `IdentityFile="${file}"`]),
  ];
  const theirs = parseSshG(execFileSync('ssh', [...args, '--', host], { encoding: 'utf8', stdio: 'pipe' }));
  const ours = await readSshConfig(question);
  // What Tandem reads and how: an absent family is `any`, ~ is filled in later, and the kinds of keys that ssh2 does
  // not know are not tried.
  const seen = (settings: typeof ours) =>
    FOLLOWED.split(' ').map((key) => {
      const values = settings.get(key) ?? (key === 'addressfamily' ? ['any'] : []);
      const known = values.filter((value) => !/id_(\w+_sk|xmss|dsa)$/.test(value)).join('\n');
      return [key, known.replaceAll(`${homedir()}/.ssh`, '~/.ssh')];
    });
  return [seen(ours), seen(theirs), `${config} ${host}`];
}

test('the keys that may be asked of a server are taken from the file', async () => {
  const config = join(folder, 'algorithms');
  writeFileSync(config, 'HostKeyAlgorithms ssh-ed25519\n');
  const found = await readSshConfig({ host: 'a', config, identities: [] });
  assert.deepEqual(found.get('hostkeyalgorithms'), ['ssh-ed25519']);
});

for (const line of ['Match host a', 'Include /etc/ssh/more', 'HostKeyAlgorithms +ssh-rsa']) {
  test(`what takes ssh(1) is refused with its place: ${line}`, async () => {
    const config = join(folder, 'refused');
    writeFileSync(config, `User a\n${line}\n`);
    await assert.rejects(readSshConfig({ host: 'a', config, identities: [] }), (error: Error) => {
      return error.message.startsWith(`${config}:2: \`${line}\``);
    });
  });
}

test('a file that is named and not there is said, one that is only usual is not needed', async () => {
  await assert.rejects(readSshConfig({ host: 'a', config: join(folder, 'none-such'), identities: [] }), /none-such/);
  assert.deepEqual((await readSshConfig({ host: 'a', config: 'none', identities: [] })).get('hostname'), ['a']);
});

test('a route is found on a machine without ssh', async () => {
  const config = join(folder, 'lab');
  writeFileSync(config, 'Host a\n  User root\n  HostName 192.0.2.1\n  StrictHostKeyChecking yes\n');
  const path = process.env.PATH;
  process.env.PATH = folder;
  try {
    const ssh = { config, connect_timeout: 5000 } as Parameters<typeof resolveRoute>[2];
    const { target, jumps, warnings } = await resolveRoute('r', 'a', ssh);
    assert.deepEqual([target.user, target.host, target.port, jumps, warnings], ['root', '192.0.2.1', 22, [], []]);
    assert.ok(target.hostKeyAlgorithms.includes('ssh-ed25519'));
  } finally {
    process.env.PATH = path;
  }
});
