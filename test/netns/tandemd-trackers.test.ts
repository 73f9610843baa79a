/** Trackers and notices in a running tandemd: what a start, a reload and everything slow around it do to VRRP. */
// needs: kernel
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { FifoReader } from '../support/fifo-reader.ts';
import { addVeth, ip } from '../support/ip.ts';
import { inOwnNetwork } from '../support/namespace.ts';
import { steady } from '../support/steady.ts';
import { type Daemon, Place } from '../support/tandemd.ts';
import { until } from '../support/until.ts';

inOwnNetwork();
addVeth('lan', 'far');
ip('address', 'add', '10.0.0.1/24', 'dev', 'lan');

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

function script(path: string, line: string): string {
  writeFileSync(path, `#!/bin/sh\n${line}\n`);
  chmodSync(path, 0o755);
  return path;
}

const MASTER = /\(V\) Entering MASTER STATE/;
const FAULT = /\(V\) Entering FAULT STATE/;
const times = ({ log }: Daemon, words: RegExp): number => [...log.matchAll(new RegExp(words, 'g'))].length;
const hasVip = (): boolean => ip('-o', '-4', 'address', 'show', 'dev', 'lan').includes('10.0.0.51');

function kill({ pid }: { readonly pid: number }): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ESRCH');
  }
}

/** What each script wrote that hangs, line by line: what it was told, and its number. */
function hangingIn(path: string): readonly { readonly what: string; readonly pid: number }[] {
  const text = existsSync(path) ? readFileSync(path, 'utf8').trim() : '';
  return text.split('\n').flatMap((line) => {
    const [what, pid] = line.split(' ');
    return what && pid ? [{ what, pid: Number(pid) }] : [];
  });
}

test('a file and processes are known before the start: no fault on the way, and the priority is right at once', async () => {
  using place = new Place();
  writeFileSync(place.file('number'), '7\n');
  await using daemon = place.start(
    conf({
      root: `track_file f {
  file ${place.file('number')}
}
vrrp_track_process p {
  process "${process.execPath}"
  full_command
  weight 0
}`,
      lines: 'track_file { f }\n  track_process { p }',
    }),
  );
  await daemon.says(MASTER);
  assert.equal(times(daemon, FAULT), 0, daemon.log);
  writeFileSync(place.file('number'), '-20\n');
  await daemon.says(/\(V\) Changing effective priority from 157 to 130/);
});

test('a process that is missing is a fault until it runs', async () => {
  using place = new Place();
  const word = String(100_000 + process.pid);
  await using daemon = place.start(
    conf({
      root: `vrrp_track_process p {\n  process sleep ${word}\n  weight 0\n}`,
      lines: 'track_process { p }',
    }),
  );
  await daemon.says(FAULT);
  const sleeper = spawn('sleep', [word], { stdio: 'ignore' });
  await daemon.says(MASTER);
  sleeper.kill('SIGKILL');
  await daemon.says(FAULT, 2);
});

test('a reload keeps what was known of a script under any name; another command is asked first', async () => {
  using place = new Place();
  const slow = script(place.file('slow.sh'), `[ ! -e ${place.file('ran')} ] || sleep 100; touch ${place.file('ran')}`);
  const root = `vrrp_script s {\n  script ${slow}\n  interval 60\n  timeout 50\n}`;
  await using daemon = place.start(conf({ root, lines: 'track_script { s }' }));
  await daemon.says(MASTER);
  place.write(conf({ root: root.replace('vrrp_script s', 'vrrp_script t'), lines: 'track_script { t }' }));
  daemon.signal('SIGHUP');
  await daemon.says(/Reload complete/);
  assert.deepEqual([times(daemon, FAULT), times(daemon, MASTER)], [0, 1], daemon.log);
  // Another command is another script, of which nothing is known until it has answered.
  const bad = script(place.file('bad.sh'), 'exit 1');
  place.write(conf({ root: root.replace(slow, bad), lines: 'track_script { s }' }));
  daemon.signal('SIGHUP');
  await daemon.says(/VRRP_Script\(s\) failed \(exited with status 1\)/);
  await daemon.says(FAULT);
});

test('a script that cannot be run is left out with a warning, and nothing waits for it', async () => {
  using place = new Place();
  await using daemon = place.start(
    conf({ root: `vrrp_script s {\n  script ${place.file('gone')}\n}`, lines: 'track_script { s }' }),
  );
  await daemon.says(MASTER);
  assert.match(daemon.log, /conf-script[\s\S]*vrrp_script s: .*gone does not exist; it is left out/);
});

test('a FIFO stays open over a reload, and its reader is told the states where the file says so', async () => {
  using place = new Place();
  await using daemon = place.start(
    conf({ globals: `notify_fifo ${place.file('fifo')}\n  fifo_write_vrrp_states_on_reload` }),
  );
  await until(() => existsSync(place.file('fifo')), 'the FIFO to be made');
  using fifo = new FifoReader(place.file('fifo'));
  await until(() => fifo.text().endsWith('INSTANCE "V" MASTER 150\n'), 'MASTER');
  daemon.signal('SIGHUP');
  await until(
    () => fifo.text() === 'INSTANCE "V" BACKUP 150\nINSTANCE "V" MASTER 150\nINSTANCE "V" MASTER 150\n',
    'MASTER again',
  );
  assert.ok(!fifo.wasLeft, 'its other end stays open');
});

test(
  'a mail server that says nothing, a script that hangs and a FIFO that nobody reads hold up nothing',
  steady(async () => {
    using place = new Place();
    ip('link', 'set', 'far', 'up');
    const server = createServer(() => {});
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    using _server = { [Symbol.dispose]: () => server.close() };
    const hung = () => hangingIn(place.file('hung'));
    using _scripts = { [Symbol.dispose]: () => hung().forEach(kill) };
    const hang = script(place.file('hang.sh'), `echo "$1 $$" >>${place.file('hung')}; exec sleep 1000`);
    await using daemon = place.start(
      conf({
        globals: `notification_email { a@example.com }
  smtp_server 127.0.0.1 ${(server.address() as AddressInfo).port}
  smtp_alert
  notify_fifo ${place.file('fifo')}`,
        lines: `notify_master "${hang} master"\n  notify_backup "${hang} backup"\n  notify_fault "${hang} fault"`,
      }),
    );
    await daemon.says(MASTER);
    for (let flap = 1; flap <= 10; flap += 1) {
      ip('link', 'set', 'far', 'down');
      await until(() => times(daemon, FAULT) === flap, 'FAULT', 2_000);
      ip('link', 'set', 'far', 'up');
      await until(() => times(daemon, MASTER) === flap + 1, 'MASTER', 2_000);
    }
    const before = performance.now();
    daemon.signal('SIGTERM');
    await until(() => !hasVip(), 'the VIP to be given up', 2_000);
    assert.equal(await daemon.ended, 0);
    assert.ok(performance.now() - before < 10_000, 'it waits for scripts some seconds, and no longer');
    const [first, ...others] = hung();
    assert.equal(first?.what, 'backup');
    assert.deepEqual(others, [], 'one script at a time');
  }),
);

test('no FIFO script outlives it, whatever it does with SIGTERM', async () => {
  using place = new Place();
  const deaf = script(place.file('deaf.sh'), `trap '' TERM; echo $$ >${place.file('deaf')}; while :; do sleep 1; done`);
  await using daemon = place.start(
    conf({ globals: `notify_fifo ${place.file('fifo')}\n  notify_fifo_script ${deaf}` }),
  );
  await daemon.says(MASTER);
  await until(() => existsSync(place.file('deaf')), 'the script to run');
  const pid = Number(readFileSync(place.file('deaf'), 'utf8'));
  daemon.signal('SIGTERM');
  await daemon.ended;
  assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
});
