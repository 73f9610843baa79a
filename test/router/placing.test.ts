/** How a file comes to its place: by which steps, in which order, and what is left when they end half way. */
// needs: kernel
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ExecResult, type Remote, RemoteError } from '../../src/router/remote.ts';
import { type CommitOrder, commit, finish, type Generation, restore, stage } from '../../src/router/transaction.ts';
import { inOwnNetwork } from '../support/namespace.ts';
import { sh } from '../support/shell.ts';

inOwnNetwork();

const accepting = { engine: 'keepalived', binary: '/bin/true' } as const;
const OLD = { 'keepalived.conf': '# what runs\n', 'notify.sh': '# what it calls\n' };
const NEW = { 'keepalived.conf': '# what shall run\n', 'notify.sh': '# what that shall call\n' };
const MODES = { 'keepalived.conf': 0o600, 'notify.sh': 0o700 };
const NAMES = ['keepalived.conf', 'notify.sh'] as const;
const TOOLS = 'cat chmod cp cut date head mv restorecon rm sed sha256sum stat sync tail'.split(' ');
const hash = (text: string) => createHash('sha256').update(text).digest('hex');
const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

/** A router whose tools write down each call; before call number `dies` everything ends at once, as by a power cut. */
function router() {
  const [folder, tools] = [
    mkdtempSync(join(tmpdir(), 'tandem-placing-')),
    mkdtempSync(join(tmpdir(), 'tandem-tools-')),
  ];
  const log = join(tools, 'log');
  for (const tool of TOOLS) {
    const real = tool === 'restorecon' ? 'false' : `exec "$(PATH=/usr/bin:/bin command -v ${tool})" "$@"`;
    const lines = [
      '#!/bin/sh',
      `echo "${tool} $*" >>${log}`,
      `[ "$DIES" = 0 ] || [ "$(wc -l <${log})" -lt "$DIES" ] || kill -9 0`,
      real,
    ];
    writeFileSync(join(tools, tool), `${lines.join('\n')}\n`, { mode: 0o755 });
  }
  for (const name of NAMES) {
    writeFileSync(join(folder, name), OLD[name]);
    chmodSync(join(folder, name), MODES[name]);
  }
  const files = (texts: typeof OLD) => NAMES.map((name) => ({ path: join(folder, name), sha256: hash(texts[name]) }));
  const content = (name: (typeof NAMES)[number]) => new TextEncoder().encode(NEW[name]);
  const generation: Generation = {
    number: 1,
    files: NAMES.map((name) => ({ path: join(folder, name), mode: MODES[name], content: content(name) })),
  };
  const order: CommitOrder = {
    generation: 1,
    files: files(NEW),
    seen: {
      bootId,
      files: NAMES.map((name) => ({ path: join(folder, name), sha256: [OLD, NEW].map((t) => hash(t[name])) })),
    },
  };
  const at = (name: (typeof NAMES)[number]) => ({
    text: readFileSync(join(folder, name), 'utf8'),
    mode: statSync(join(folder, name)).mode & 0o777,
  });
  return {
    folder,
    at,
    order,
    old: files(OLD),
    stage: () => stage(local(tools), join(folder, 'keepalived.conf'), [generation], accepting),
    finish: () =>
      finish(
        local(tools),
        join(folder, 'keepalived.conf'),
        NAMES.map((name) => join(folder, name)),
      ),
    remote: (dies?: number) => {
      rmSync(log, { force: true });
      return local(tools, dies);
    },
    calls: () => readFileSync(log, 'utf8').trim().replaceAll(`${folder}/`, '').replaceAll(folder, '.').split('\n'),
  };
}

/** The shell of this machine in the place of SSH; a group of its own, so that all of it can end at once. */
function local(tools: string, dies = 0): Remote {
  return {
    router: 'r1',
    [Symbol.asyncDispose]: async () => {},
    exec: ([program, ...argv], { stdin = '', what }) =>
      new Promise<ExecResult>((resolve, reject) => {
        const env = { PATH: `${tools}:${process.env.PATH}`, DIES: String(dies) };
        const child = spawn(program!, argv, { env, detached: true });
        let [stdout, stderr] = ['', ''];
        child.stdout.on('data', (text) => (stdout += text));
        child.stderr.on('data', (text) => (stderr += text));
        child.stdin.on('error', () => {});
        child.stdin.end(stdin);
        child.on('close', (code) => {
          if (code === null) reject(new RemoteError('cut', 'r1', what));
          else resolve({ code, stdout, stderr });
        });
      }),
  };
}

// The mounts are this test's own: a kernel with SELinux as far as the scripts look, and a restorecon that fails.
sh('mount -t tmpfs tmpfs /sys/fs && mkdir /sys/fs/selinux && echo 1 >/sys/fs/selinux/enforce');

test('F36 a file is written beside its place, synced, renamed, labelled, and its folder synced: in this order', async () => {
  const here = router();
  await here.stage();
  assert.deepEqual(await commit(here.remote(), here.order), { kind: 'done', writes: 2 });
  const steps = here.calls().filter((call) => /^(cp|sync|mv|restorecon)/.test(call));
  assert.deepEqual(steps, [
    ...NAMES.flatMap((name) => [`cp -p .${name}.tandem-1 .${name}.tandem-new`, `sync -- .${name}.tandem-new`]),
    ...NAMES.flatMap((name) => [`mv -f .${name}.tandem-new ${name}`, `restorecon -F -- ${name}`]),
    'sync -- .',
  ]);
  for (const name of NAMES) assert.deepEqual(here.at(name), { text: NEW[name], mode: MODES[name] });
});

test('a file that everybody could read, passwords and all, is kept for root alone', async () => {
  const here = router();
  chmodSync(join(here.folder, 'keepalived.conf'), 0o644);
  await here.stage();
  await commit(here.remote(), here.order);
  await here.finish();
  const kept = join(here.folder, '.keepalived.conf.tandem-previous');
  assert.deepEqual([readFileSync(kept, 'utf8'), statSync(kept).mode & 0o777], [OLD['keepalived.conf'], 0o600]);
});

test('a file that cannot be replaced after another was is no change that did not happen', async () => {
  const here = router();
  await here.stage();
  sh(
    `chattr +i ${join(here.folder, 'notify.sh')} 2>/dev/null || mount --bind ${here.folder}/notify.sh ${here.folder}/notify.sh`,
  );
  const failed = await commit(here.remote(), here.order);
  sh(`chattr -i ${join(here.folder, 'notify.sh')} 2>/dev/null || umount ${here.folder}/notify.sh`);
  assert.ok(failed.kind === 'failed' && failed.placed, JSON.stringify(failed));
  assert.match(failed.reason, /notify\.sh cannot be replaced/);
});

for (const way of ['there', 'back'] as const) {
  test(`F36 killed before any of its steps on the way ${way}, each file is the old or the new one, and the next attempt succeeds`, async () => {
    const here = router();
    let ends = 0;
    for (let dies = 1; ; dies++) {
      await here.stage();
      if (way === 'back') await commit(here.remote(), here.order);
      const remote = here.remote(dies);
      const work = way === 'there' ? commit(remote, here.order) : restore(remote, here.old, undefined);
      const outcome = await work.catch((error: unknown) => error);
      for (const name of NAMES) {
        const { text, mode } = here.at(name);
        assert.ok([OLD[name], NEW[name]].includes(text), `${name} before call ${dies}: ${text}`);
        assert.equal(mode, MODES[name], `${name} before call ${dies}`);
      }
      // Whatever was left, going back works and nothing stays behind.
      assert.equal((await restore(here.remote(), here.old, undefined)).kind, 'done');
      for (const name of NAMES) assert.equal(here.at(name).text, OLD[name]);
      await here.finish();
      assert.deepEqual(
        readdirSync(here.folder).filter((name) => !name.endsWith('.tandem-previous')),
        [...NAMES],
      );
      if (!(outcome instanceof Error)) break;
      ends++;
    }
    assert.ok(ends > 15, `it was killed ${ends} times`);
  });
}
