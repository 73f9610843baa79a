/** The lab of an ordinary user: the same commands, in a user namespace. */
// needs: kernel keepalived ssh
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { run } from '../../src/lab/process.ts';

const NOBODY = 65534;
const directory = mkdtempSync(join(tmpdir(), 'tandem-labs-'));
after(() => rmSync(directory, { recursive: true, force: true }));

const asNobody =
  process.getuid?.() === 0 ? ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'] : [];
if (asNobody.length > 0) chownSync(directory, NOBODY, NOBODY);

const inUserNamespace = [
  ...asNobody,
  'unshare',
  '--user',
  '--map-root-user',
  '--net',
  'ip',
  'link',
  'add',
  'type',
  'veth',
];
const [program, ...args] = inUserNamespace;
const probe = spawnSync(program as string, args, { encoding: 'utf8' });
const module = new URL('../../src/lab/lab.ts', import.meta.url).href;
const reading = [process.execPath, '--input-type=module', '-e', `await import('${module}')`];
const tree = spawnSync('setpriv', [...asNobody.slice(1), ...reading], { encoding: 'utf8', timeout: 60_000 });
const skip =
  probe.status !== 0
    ? `an ordinary user may not make network namespaces here: ${probe.stderr.trim()}`
    : asNobody.length > 0 && tree.status !== 0 && 'another user cannot read this tree';

/** Runs a program of its own as the ordinary user. */
function asUser(body: string, env: NodeJS.ProcessEnv = {}): ReturnType<typeof run> {
  const program = `const { Lab } = await import('${module}');\n${body}`;
  return run([...asNobody, process.execPath, '--input-type=module', '-e', program], {
    env: { PATH: process.env.PATH ?? '', HOME: directory, TANDEM_LAB_DIR: join(directory, 'labs'), ...env },
    timeoutMs: 100_000,
  });
}

test('an ordinary user has a lab: routers, cables, SSH, keepalived, reboot', { skip, timeout: 120_000 }, async () => {
  const result = await asUser(`
    import { spawnSync } from 'node:child_process';
    await using lab = await Lab.up();
    const said = {};
    said.machine = lab.state.machine;
    said.id = (await lab.must('rtr-core01', ['id', '-u'])).trim();
    said.ssh = spawnSync('ssh', ['-F', lab.sshConfig, 'rtr-core02', 'hostname'], { encoding: 'utf8' });
    await lab.unplug('rtr-core01', 'p4p1');
    said.dark = (await lab.must('rtr-core02', ['cat', '/sys/class/net/p4p1/carrier'])).trim();
    await lab.plug('rtr-core01', 'p4p1');
    await lab.startKeepalived('rtr-core01', \`vrrp_instance VI_0 {
      state BACKUP
      interface p4p1
      virtual_router_id 50
      priority 150
      advert_int 1
      virtual_ipaddress {
        192.168.1.1/24 dev p3p1
      }
    }
    \`);
    const pinger = lab.ping('client', '192.168.1.1');
    await pinger.answered;
    await pinger.stop();
    await lab.reboot('rtr-core02');
    said.rebooted = (await lab.must('rtr-core02', ['hostname'])).trim();
    console.log(JSON.stringify(said));
  `);
  assert.equal(result.stderr, '');
  const said = JSON.parse(result.stdout) as Record<string, unknown>;
  assert.deepEqual(said.machine, { rootless: true, init: 'small', ssh: 'tandem' });
  assert.equal(said.id, '0');
  assert.equal((said.ssh as { stdout: string }).stdout, 'rtr-core02\n');
  assert.equal(said.dark, '0');
  assert.equal(said.rebooted, 'rtr-core02');
});

test('what an ordinary user cannot have is refused in one line that says what to do', {
  skip,
  timeout: 60_000,
}, async () => {
  const result = await asUser(`await Lab.up({ init: 'systemd' }).catch((error) => console.log(error.message));`);
  assert.match(result.stdout, /^systemd in a router needs root; .*--init small\n$/);
});

test('where the machine allows no namespaces the refusal is one line that says what to do', {
  skip,
  timeout: 60_000,
}, async () => {
  // A user namespace inside one that may make none: the limit is the namespace's own.
  const program = `const { Lab } = await import('${module}');
    await Lab.up().catch((error) => console.log(error.message));`;
  const script = 'echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all --inh-caps=-all "$@"';
  const result = await run(
    [
      ...asNobody,
      'unshare',
      '--user',
      '--map-current-user',
      '--keep-caps',
      'sh',
      '-c',
      script,
      'sh',
      process.execPath,
      '--input-type=module',
      '-e',
      program,
    ],
    {
      env: { PATH: process.env.PATH ?? '', HOME: directory, TANDEM_LAB_DIR: join(directory, 'labs') },
      timeoutMs: 50_000,
    },
  );
  assert.match(
    result.stdout,
    /^this machine does not let you make network namespaces \(.+\): .*(sudo|container).*\n$/,
    result.stderr,
  );
});
