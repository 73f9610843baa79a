// needs: kernel sshd keepalived
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { findProgram } from '../../scripts/needs.ts';
import { ms } from '../../src/base/units.ts';
import type { Observed, RunningDaemon } from '../../src/change/observed.ts';
import { readFacts } from '../../src/router/facts.ts';
import { proveReload } from '../../src/router/prove.ts';
import { type Remote, RemoteError } from '../../src/router/remote.ts';
import { start, stop } from '../../src/router/service.ts';
import { connect } from '../../src/router/ssh.ts';
import { type CommitOrder, commit, finish, restore, stage } from '../../src/router/transaction.ts';
import { inOwnNetwork } from '../support/namespace.ts';
import { sh } from '../support/shell.ts';
import { startSshd } from '../support/sshd.ts';

inOwnNetwork();
const sshd = await startSshd();
const target = { router: 'r1', host: '127.0.0.1', ssh: sshd.ssh };
sh('ip link add d0 type veth peer name d1; ip link set d0 up; ip link set d1 up; ip addr add 10.9.0.1/24 dev d0');

const config = (vips: readonly string[]) => `vrrp_instance A {
  interface d0
  virtual_router_id 51
  priority 100
  virtual_ipaddress {
${vips.map((vip) => `    ${vip} dev d0\n`).join('')}  }
}
`;
const bytes = (text: string) => new TextEncoder().encode(text);
const hash = (text: string) => createHash('sha256').update(text).digest('hex');

/** A keepalived of this test, in a folder of its own, seen through SSH. */
async function running(text: string) {
  const folder = join(mkdtempSync(join(tmpdir(), 'tandem-transaction-')), 'keepalived');
  mkdirSync(folder, { mode: 0o755 });
  const path = join(folder, 'keepalived.conf');
  writeFileSync(path, text, { mode: 0o600 });
  const argv = ['-n', '-l', '-f', path, '-p', join(folder, 'pid'), '-r', join(folder, 'vrrp.pid')];
  const child = spawn('keepalived', argv, { stdio: 'ignore' });
  const remote = await connect(target);
  let observed: Observed | undefined;
  for (let tries = 0; tries < 100; tries++) {
    observed = await readFacts(remote);
    if (observed.daemon.kind === 'running' && observed.instances) break;
  }
  assert.ok(observed?.daemon.kind === 'running', 'keepalived runs');
  const daemon: RunningDaemon = observed.daemon;
  const order = (next: string): CommitOrder => ({
    generation: 1,
    files: [{ path, sha256: hash(next) }],
    seen: { bootId: observed.bootId, daemon, files: [{ path, sha256: [hash(text)] }] },
    reload: daemon,
  });
  return {
    remote,
    folder,
    path,
    daemon,
    order,
    async [Symbol.asyncDispose]() {
      child.kill();
      if (child.exitCode === null && child.signalCode === null) {
        await new Promise((resolve) => child.once('exit', resolve));
      }
      await remote[Symbol.asyncDispose]();
    },
  };
}

const generation = (path: string, text: string) => [
  { number: 1, files: [{ path, mode: 0o600, content: bytes(text) }] },
];

test('F36 F51 a configuration is staged, tested, put in place, loaded, proven and taken back', async () => {
  const [old, next] = [config(['10.9.1.1/24']), config(['10.9.1.1/24', '10.9.1.2/24'])];
  await using router = await running(old);
  const { remote, path, daemon, folder } = router;

  assert.deepEqual(await stage(remote, path, generation(path, next), daemon), { kind: 'ready', warnings: [] });
  assert.equal(readFileSync(path, 'utf8'), old, 'staging changes nothing that is live');
  assert.equal(statSync(join(folder, '.keepalived.conf.tandem-1')).mode & 0o777, 0o600);

  const done = await commit(remote, router.order(next));
  assert.equal(done.kind, 'done');
  assert.ok(done.kind === 'done' && done.signalled);
  assert.equal(done.writes, 1);
  assert.ok(done.signalled.earliest <= done.signalled.latest);
  const proof = await proveReload(remote, daemon, done.signalled, ms(60_000));
  assert.equal(proof.kind, 'reloaded');
  assert.match(proof.kind === 'reloaded' ? (proof.daemon.loaded?.text ?? '') : '', /10\.9\.1\.2\/24/);

  const files = [{ path, sha256: hash(old) }];
  const back = await restore(remote, files, daemon);
  assert.ok(back.kind === 'done' && back.signalled);
  const proofBack = await proveReload(remote, daemon, back.signalled, ms(60_000));
  assert.ok(proofBack.kind === 'reloaded' && !proofBack.daemon.loaded?.text.includes('10.9.1.2'));
  assert.equal(readFileSync(path, 'utf8'), old);

  await finish(remote, path, [path]);
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.includes('tandem')),
    [],
  );
});

test('F12 a configuration that the daemon refuses comes back with its line, and nothing live has changed', async () => {
  const old = config(['10.9.1.1/24']);
  await using router = await running(old);
  const { remote, path, daemon } = router;
  const staged = await stage(remote, path, generation(path, config(['10.9.1.300/24'])), daemon);
  assert.ok(staged.kind === 'problems');
  assert.deepEqual({ file: staged.findings[0]?.file, line: staged.findings[0]?.line }, { file: path, line: 6 });
  assert.match(staged.findings[0]?.text ?? '', /invalid IP 10\.9\.1\.300/);
  assert.equal(readFileSync(path, 'utf8'), old);
});

test('a router that is not what the plan saw is left as it is', async () => {
  const [old, next] = [config(['10.9.1.1/24']), config(['10.9.1.2/24'])];
  await using router = await running(old);
  const { remote, path, daemon } = router;
  await stage(remote, path, generation(path, next), daemon);
  const order = router.order(next);
  const cases: readonly [string, CommitOrder][] = [
    ['the router booted again since', { ...order, seen: { ...order.seen, bootId: 'another' } }],
    ['the daemon that was seen does not run any more', { ...order, reload: { ...daemon, startTime: '1' } }],
    [`${path} was changed since`, { ...order, seen: { ...order.seen, files: [{ path, sha256: [hash('other')] }] } }],
  ];
  for (const [reason, changed] of cases) {
    assert.deepEqual(await commit(remote, changed), { kind: 'stale', reason });
  }
  assert.equal(readFileSync(path, 'utf8'), old);
});

test('F37 a commit that is asked again writes nothing; the old configuration stays beside the new one', async () => {
  const [old, next] = [config(['10.9.1.1/24']), config(['10.9.1.2/24'])];
  await using router = await running(old);
  const { remote, path, daemon, folder } = router;
  await stage(remote, path, generation(path, next), daemon);
  const quiet = {
    ...router.order(next),
    seen: { ...router.order(next).seen, files: [{ path, sha256: [hash(old), hash(next)] }] },
  };
  const { reload: _, ...order } = quiet;
  assert.deepEqual(await commit(remote, order), { kind: 'done', writes: 1 });
  const { mtimeNs } = statSync(path, { bigint: true });
  assert.deepEqual(await commit(remote, order), { kind: 'done', writes: 0 });
  assert.equal(statSync(path, { bigint: true }).mtimeNs, mtimeNs);
  await finish(remote, path, [path]);
  assert.equal(readFileSync(join(folder, '.keepalived.conf.tandem-previous'), 'utf8'), old);
});

test('an armed change waits for its moment on the router; one whose moment has passed changes nothing', async () => {
  const [old, next] = [config(['10.9.1.1/24']), config(['10.9.1.2/24'])];
  await using router = await running(old);
  const { remote, path, daemon } = router;
  await stage(remote, path, generation(path, next), daemon);
  const late = await commit(remote, { ...router.order(next), armed: { at: Date.now() / 1000 - 5, late: ms(1000) } });
  assert.deepEqual(late, { kind: 'missed' });
  assert.equal(readFileSync(path, 'utf8'), old);
  const at = Date.now() / 1000 + 1;
  const done = await commit(remote, { ...router.order(next), armed: { at, late: ms(2000) } });
  assert.ok(done.kind === 'done' && done.signalled && done.signalled.earliest >= at, JSON.stringify(done));
});

test('a change that has begun is carried out whole, though the connection is cut in the middle of it', async () => {
  const [old, next] = [config(['10.9.1.1/24']), config(['10.9.1.2/24'])];
  await using router = await running(old);
  const { remote, path, daemon } = router;
  await stage(remote, path, generation(path, next), daemon);
  const second = await connect(target);
  const { stdout } = await second.exec(['sh', '-c', 'echo $PPID'], { timeout: ms(60_000), what: 'asking' });
  const at = Date.now() / 1000 + 1.5;
  const cut = assert.rejects(commit(second, { ...router.order(next), armed: { at, late: ms(3000) } }), RemoteError);
  // It is under way when its copy lies beside the live file.
  const copy = join(router.folder, '.keepalived.conf.tandem-new');
  for (let tries = 0; tries < 200 && !existsSync(copy); tries++) await new Promise((resolve) => setTimeout(resolve, 5));
  process.kill(Number(stdout), 'SIGKILL');
  await cut;
  assert.equal(readFileSync(path, 'utf8'), old, 'the cut came before the moment');
  const proof = await proveReload(remote, daemon, { earliest: at, latest: at }, ms(8000));
  assert.ok(proof.kind === 'reloaded' && proof.daemon.loaded?.text.includes('10.9.1.2'), JSON.stringify(proof));
  assert.equal(readFileSync(path, 'utf8'), next);
  await second[Symbol.asyncDispose]();
});

test('a daemon that dies of its reload is reported as gone, not as reloaded', async () => {
  const [old, next] = [config(['10.9.1.1/24']), config(['10.9.1.1/24']).replace('interface d0', 'interface nope')];
  await using router = await running(old);
  const { remote, path, daemon } = router;
  // Staged behind the test's back: the daemon's own test would refuse it.
  await stage(remote, path, generation(path, next), daemon);
  const done = await commit(remote, router.order(next));
  assert.ok(done.kind === 'done' && done.signalled);
  const proof = await proveReload(remote, daemon, done.signalled, ms(60_000));
  assert.equal(proof.kind, 'gone');
  const back = await restore(remote, [{ path, sha256: hash(old) }], daemon);
  assert.deepEqual(back, { kind: 'gone' });
  assert.equal(readFileSync(path, 'utf8'), old);

  const service = { init: 'other', unit: 'keepalived.service', binary: daemon.binary, config: path } as const;
  const started = await start(remote, { ...service, argv: daemon.argv });
  assert.ok(started.kind === 'started' && started.daemon.pid !== daemon.pid, JSON.stringify(started));
  assert.deepEqual(started.daemon.argv.slice(1), daemon.argv.slice(1), 'it is started as it was');
  await stop(remote, started.daemon);
  await stop(remote, started.daemon);
  assert.equal((await readFacts(remote)).daemon.kind, 'stopped');
  writeFileSync(path, next);
  assert.deepEqual(await start(remote, service), { kind: 'failed', reason: 'it does not run' });
});

test('many readers at once take no answer of the daemon away from each other', async () => {
  await using router = await running(config(['10.9.1.1/24']));
  const readings = await Promise.all(Array.from({ length: 6 }, () => readFacts(router.remote)));
  assert.deepEqual(
    readings.map(({ instances }) => instances?.map(({ name }) => name)),
    readings.map(() => ['A']),
  );
});

const noBusybox = findProgram('busybox') === undefined && 'busybox is missing; npm run setup installs it';
test('facts are the same with the tools of busybox, but for the fractions of its clock', {
  skip: noBusybox,
}, async () => {
  await using router = await running(config(['10.9.1.1/24']));
  const tools = mkdtempSync(join(tmpdir(), 'tandem-busybox-'));
  sh(
    `for tool in $(busybox --list); do ln -s "$(command -v busybox)" ${tools}/$tool; done; ln -sf "$(command -v ip)" ${tools}/ip`,
  );
  const { remote } = router;
  const busybox: Remote = {
    router: 'r1',
    exec: (argv, options) => remote.exec(['env', `PATH=${tools}`, ...argv], options),
    [Symbol.asyncDispose]: async () => {},
  };
  // Whoever else writes to this disk takes free space between the two readings.
  const withoutFreeSpace = ({ place, ...install }: NonNullable<Observed['install']>) => ({
    ...install,
    place: place && { ...place, freeBytes: place.freeBytes > 0 },
  });
  const stable = ({ clock: _, instances, addresses: __, routes: ___, install, ...observed }: Observed) => ({
    ...observed,
    install: install && withoutFreeSpace(install),
    instances: instances?.map(({ name, state }) => ({ name, state })),
  });
  const [coreutils, plain] = [await readFacts(remote), await readFacts(busybox)];
  assert.deepEqual(stable(plain), stable(coreutils));
  assert.ok(plain.instances && plain.daemon.kind === 'running' && plain.daemon.loaded?.whole);
  assert.ok(Math.abs(plain.clock.offset) <= plain.clock.uncertainty, 'a coarse clock says how coarse it is');
});
