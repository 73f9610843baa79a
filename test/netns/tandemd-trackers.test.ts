/** Trackers and notices in a running tandemd: what a start, a reload and everything slow around it do to VRRP. */
// needs: kernel
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, afterEach, beforeEach, test } from 'node:test';
import { inOwnNetwork } from '../support/namespace.ts';
import { sh } from '../support/shell.ts';
import { until } from '../support/until.ts';

inOwnNetwork();
sh(
  'ip link add lan type veth peer name far; ip link set far up; ip link set lan up; ip address add 10.0.0.1/24 dev lan',
);

const TANDEMD = resolve(import.meta.dirname, '../../src/tandemd.ts');
let folder: string;
let daemon: ChildProcess | undefined;
let log = '';
const at = (name: string): string => join(folder, name);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tandemd-trackers-'));
});
afterEach(async () => {
  if (daemon?.exitCode === null && daemon.signalCode === null) {
    const ended = once(daemon, 'exit');
    daemon.kill('SIGKILL');
    await ended;
  }
  rmSync(folder, { recursive: true });
});
const closing: (() => void)[] = [];
after(() => {
  for (const close of closing) close();
});

interface Settings {
  readonly globals?: string;
  readonly root?: string;
  readonly lines?: string;
}

/** Version 3 at 0.1 s: MASTER 0.36 s after it may be. */
const conf = ({ globals = '', root = '', lines = '' }: Settings): string => `global_defs {
  vrrp_version 3
  ${globals}
}
${root}
vrrp_instance V {
  interface lan
  virtual_router_id 51
  priority 150
  advert_int 0.1
  virtual_ipaddress { 10.0.0.51 }
  ${lines}
}
`;

function write(settings: Settings): void {
  writeFileSync(at('conf'), conf(settings));
}

function script(name: string, line: string): string {
  writeFileSync(at(name), `#!/bin/sh\n${line}\n`);
  chmodSync(at(name), 0o755);
  return at(name);
}

function start(settings: Settings): void {
  write(settings);
  log = '';
  daemon = spawn(process.execPath, [TANDEMD, '-n', '-l', '-D', '-f', at('conf')], {
    env: { ...process.env, TANDEMD_SOCKET: at('sock') },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [daemon.stdout!, daemon.stderr!]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      log += chunk;
    });
  }
}

const times = (words: string): number => log.split(words).length - 1;
const says = (words: string, count = 1): Promise<void> =>
  until(
    () => times(words) >= count,
    () => `${count} x ${words} in\n${log}`,
  );
const hasVip = (): boolean => sh('ip -o -4 address show dev lan').includes('10.0.0.51');

test('a file and processes are known before the start: no fault on the way, and the priority is right at once', async () => {
  writeFileSync(at('number'), '7\n');
  start({
    root: `track_file f {
  file ${at('number')}
}
vrrp_track_process p {
  process "${process.execPath}"
  full_command
  weight 0
}`,
    lines: 'track_file { f }\n  track_process { p }',
  });
  await says('(V) Entering MASTER STATE');
  assert.equal(times('FAULT'), 0, log);
  writeFileSync(at('number'), '-20\n');
  await says('(V) Changing effective priority from 157 to 130');
});

test('a process that is missing is a fault until it runs', async () => {
  const word = String(100_000 + process.pid);
  start({
    root: `vrrp_track_process p {\n  process sleep ${word}\n  weight 0\n}`,
    lines: 'track_process { p }',
  });
  await says('(V) Entering FAULT STATE');
  const sleeper = spawn('sleep', [word], { stdio: 'ignore' });
  await says('(V) Entering MASTER STATE');
  sleeper.kill('SIGKILL');
  await says('(V) Entering FAULT STATE', 2);
});

test('a reload keeps what was known of a script under any name; another command is asked first', async () => {
  const slow = script('slow.sh', `[ ! -e ${at('ran')} ] || sleep 100; touch ${at('ran')}`);
  const root = `vrrp_script s {\n  script ${slow}\n  interval 60\n  timeout 50\n}`;
  start({ root, lines: 'track_script { s }' });
  await says('(V) Entering MASTER STATE');
  write({ root: root.replace('vrrp_script s', 'vrrp_script t'), lines: 'track_script { t }' });
  daemon!.kill('SIGHUP');
  await says('Reload complete');
  assert.deepEqual([times('FAULT'), times('(V) Entering MASTER STATE')], [0, 1], log);
  // Another command is another script, of which nothing is known until it has answered.
  const bad = script('bad.sh', 'exit 1');
  write({ root: root.replace(slow, bad), lines: 'track_script { s }' });
  daemon!.kill('SIGHUP');
  await says('VRRP_Script(s) failed (exited with status 1)');
  await says('(V) Entering FAULT STATE');
});

test('a script that cannot be run is left out with a warning, and nothing waits for it', async () => {
  start({ root: `vrrp_script s {\n  script ${at('gone')}\n}`, lines: 'track_script { s }' });
  await says('(V) Entering MASTER STATE');
  assert.match(log, /conf-script[\s\S]*vrrp_script s: .*gone does not exist; it is left out/);
});

test('a FIFO stays open over a reload, and its reader is told the states where the file says so', async () => {
  start({ globals: `notify_fifo ${at('fifo')}\n  fifo_write_vrrp_states_on_reload` });
  await until(() => existsSync(at('fifo')), 'the FIFO to be made');
  const fd = openSync(at('fifo'), constants.O_RDONLY | constants.O_NONBLOCK);
  const buffer = Buffer.alloc(65_536);
  let text = '';
  const read = (): string => {
    try {
      const bytes = readSync(fd, buffer, 0, buffer.length, null);
      // Made, and not opened by the daemon yet; afterwards its end stays open.
      assert.ok(bytes > 0 || text === '', 'the other end is open');
      text += buffer.toString('utf8', 0, bytes);
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN');
    }
    return text;
  };
  await until(() => read().endsWith('INSTANCE "V" MASTER 150\n'), 'MASTER');
  daemon!.kill('SIGHUP');
  await until(
    () => read() === 'INSTANCE "V" BACKUP 150\nINSTANCE "V" MASTER 150\nINSTANCE "V" MASTER 150\n',
    `MASTER again`,
  );
});

test('a mail server that says nothing, a script that hangs and a FIFO that nobody reads hold up nothing', async () => {
  const server = createServer(() => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => server.close());
  const hang = script('hang.sh', `echo "$1 $$" >>${at('hung')}; exec sleep 1000`);
  start({
    globals: `notification_email { a@example.com }
  smtp_server 127.0.0.1 ${(server.address() as AddressInfo).port}
  smtp_alert
  notify_fifo ${at('fifo')}`,
    lines: `notify_master "${hang} master"\n  notify_backup "${hang} backup"\n  notify_fault "${hang} fault"`,
  });
  await says('(V) Entering MASTER STATE');
  for (let flap = 1; flap <= 10; flap += 1) {
    sh('ip link set far down');
    await until(() => times('(V) Entering FAULT STATE') === flap, 'FAULT', 2_000);
    sh('ip link set far up');
    await until(() => times('(V) Entering MASTER STATE') === flap + 1, 'MASTER', 2_000);
  }
  const before = performance.now();
  daemon!.kill('SIGTERM');
  await until(() => !hasVip(), 'the VIP to be given up', 2_000);
  await once(daemon!, 'exit');
  assert.ok(performance.now() - before < 10_000, 'it waits for scripts some seconds, and no longer');
  assert.equal(daemon!.exitCode, 0);
  const [first, ...others] = readFileSync(at('hung'), 'utf8').trim().split('\n');
  assert.match(first!, /^backup /);
  assert.deepEqual(others, [], 'one script at a time');
  process.kill(Number(first!.split(' ')[1]), 'SIGKILL');
});

test('no FIFO script outlives it, whatever it does with SIGTERM', async () => {
  const deaf = script('deaf.sh', `trap '' TERM; echo $$ >${at('deaf')}; while :; do sleep 1; done`);
  start({ globals: `notify_fifo ${at('fifo')}\n  notify_fifo_script ${deaf}` });
  await says('(V) Entering MASTER STATE');
  await until(() => existsSync(at('deaf')), 'the script to run');
  const pid = Number(readFileSync(at('deaf'), 'utf8'));
  daemon!.kill('SIGTERM');
  await once(daemon!, 'exit');
  assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
});
