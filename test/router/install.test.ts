/** tandemd's executable on a router, over a real SSH connection; what stands for it here is a script. */
// needs: kernel sshd
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Place } from '../../src/router/install.sh.ts';
import { activate, deactivate, type Executable, remove, survey, upload } from '../../src/router/install.ts';
import { type Remote, RemoteError } from '../../src/router/remote.ts';
import { connect } from '../../src/router/ssh.ts';
import { inOwnNetwork } from '../support/namespace.ts';
import { startSshd } from '../support/sshd.ts';

inOwnNetwork();
const sshd = await startSshd();
let remote: Remote;
before(async () => {
  remote = await connect({ router: 'r1', host: '127.0.0.1', ssh: sshd.ssh });
});
after(() => remote[Symbol.asyncDispose]());

/** Tells its version as tandemd does; `build` makes two of one version differ. */
function executable(version: string, build = '', text = `echo "Tandemd v${version}" >&2`): Executable {
  const content = Buffer.from(`#!/bin/sh\n# ${build}\n${text}\n`);
  return {
    version,
    sha256: createHash('sha256').update(content).digest('hex'),
    size: content.length,
    compressed: () => Promise.resolve(gzipSync(content)),
  };
}

function router(): Place & { names(): string[]; unitNames(): string[] } {
  const folder = mkdtempSync(join(tmpdir(), 'tandem-install-'));
  const units = join(folder, 'units');
  mkdirSync(units);
  return {
    folder,
    units,
    names: () => readdirSync(folder).filter((name) => name !== 'units'),
    unitNames: () => readdirSync(units),
  };
}

async function install(place: Place, what: Executable, unit = 'unit'): Promise<string> {
  const uploaded = await upload(remote, what, await survey(remote, undefined, place), { place });
  assert.equal(uploaded.kind, 'placed', JSON.stringify(uploaded));
  const { name } = uploaded as { name: string };
  await activate(remote, { name, unit }, place);
  return name;
}

test('an executable is placed under its version, linked, and found again by its hash', async () => {
  const place = router();
  const one = executable('1.0.0');
  assert.equal(await install(place, one), 'tandemd-1.0.0');
  assert.deepEqual(place.names(), ['tandemd', 'tandemd-1.0.0']);
  assert.equal(lstatSync(join(place.folder, 'tandemd-1.0.0')).mode & 0o777, 0o755);
  assert.equal(readFileSync(join(place.units, 'tandemd.service'), 'utf8'), 'unit');
  const found = await survey(remote, undefined, place);
  assert.deepEqual(found, {
    executables: [{ name: 'tandemd-1.0.0', sha256: one.sha256 }],
    foreign: false,
    link: 'tandemd-1.0.0',
    unit: createHash('sha256').update('unit').digest('hex'),
  });
});

test('what lies there already is not uploaded again', async () => {
  const place = router();
  const one = executable('1.0.0');
  await install(place, one);
  const again: Executable = { ...one, compressed: () => Promise.reject(new Error('it was asked for')) };
  assert.equal(await install(place, again), 'tandemd-1.0.0');
});

test('an upgrade keeps the version before and no older one', async () => {
  const place = router();
  for (const version of ['1.0.0', '1.1.0', '1.2.0']) await install(place, executable(version), `unit ${version}`);
  assert.deepEqual(place.names(), ['.tandemd.tandem-previous', 'tandemd', 'tandemd-1.1.0', 'tandemd-1.2.0']);
  assert.equal(readlinkSync(join(place.folder, 'tandemd')), 'tandemd-1.2.0');
  assert.equal(readlinkSync(join(place.folder, '.tandemd.tandem-previous')), 'tandemd-1.1.0');
  assert.equal(readFileSync(join(place.units, '.tandemd.service.tandem-previous'), 'utf8'), 'unit 1.1.0');
});

test('another build of the same version lies beside the first one', async () => {
  const place = router();
  await install(place, executable('1.0.0', 'first'));
  const second = executable('1.0.0', 'second');
  const name = await install(place, second);
  assert.equal(name, `tandemd-1.0.0-${second.sha256.slice(0, 8)}`);
  assert.deepEqual(place.names(), ['.tandemd.tandem-previous', 'tandemd', 'tandemd-1.0.0', name]);
});

test('going back leaves what was there before, byte for byte', async () => {
  const place = router();
  const one = executable('1.0.0');
  for (const first of [undefined, one]) {
    if (first) await install(place, first, 'unit one');
    const was = await survey(remote, undefined, place);
    const name = await install(place, executable('2.0.0'), 'unit two');
    await deactivate(remote, was, name, place);
    assert.deepEqual(await survey(remote, undefined, place), was);
    assert.deepEqual(place.names(), first ? ['tandemd', 'tandemd-1.0.0'] : []);
    assert.deepEqual(place.unitNames(), first ? ['tandemd.service'] : []);
  }
});

test('after its removal nothing is left', async () => {
  const place = router();
  for (const version of ['1.0.0', '1.1.0']) await install(place, executable(version), `unit ${version}`);
  await remove(remote, place);
  assert.deepEqual([...place.names(), ...place.unitNames()], []);
  await remove(remote, place);
});

const refused: readonly { name: string; what: Executable; says: RegExp }[] = [
  {
    name: 'that ends with an error',
    what: executable('1.0.0', '', 'echo "version GLIBC_2.28 not found" >&2; exit 1'),
    says: /does not run there \(status 1\): version GLIBC_2\.28 not found/,
  },
  { name: 'that tells another version', what: executable('1.0.0', '', 'echo v2 >&2'), says: /does not run there/ },
  {
    name: 'that is larger than the disk',
    what: { ...executable('1.0.0'), size: 2 ** 50 },
    says: /no room for the executable in \S+: 1099511627776 KiB are needed/,
  },
];
for (const { name, what, says } of refused) {
  test(`an executable ${name} is refused with the reason, and nothing is left`, async () => {
    const place = router();
    const result = await upload(remote, what, await survey(remote, undefined, place), { place });
    assert.equal(result.kind, 'refused');
    assert.match((result as { reason: string }).reason, says);
    assert.deepEqual(place.names(), []);
  });
}

test('an upload that comes short or changed is never named', async () => {
  const place = router();
  const one = executable('1.0.0');
  const whole = Buffer.from(await one.compressed());
  const flipped = gzipSync(Buffer.from('#!/bin/sh\necho "Tandemd v1.0.0"\n'));
  for (const bytes of [whole.subarray(0, whole.length - 5), Buffer.alloc(0), flipped]) {
    const damaged: Executable = { ...one, compressed: () => Promise.resolve(bytes) };
    await assert.rejects(
      upload(remote, damaged, await survey(remote, undefined, place), { place }),
      (error) => error instanceof RemoteError && error.kind === 'cut',
    );
    assert.deepEqual(place.names(), []);
  }
});

test('an upload tells how far it is; what is there already is not told', async () => {
  const place = router();
  // Nothing that gzip makes smaller: several pieces.
  const noise = randomBytes(2_500_000).toString('base64');
  const one = executable('1.0.0', '', `echo "Tandemd v1.0.0" >&2; exit\n${noise}`);
  const total = (await one.compressed()).length;
  const told: string[] = [];
  const watch = {
    begins: () => void told.push('begins'),
    sent: (bytes: number, of: number) => void told.push(`${bytes} ${of}`),
    ends: () => void told.push('ends'),
  };
  for (let times = 0; times < 2; times++) {
    const before = await survey(remote, undefined, place);
    assert.equal((await upload(remote, one, before, { place, watch })).kind, 'placed');
  }
  const pieces = [0, 1, 2].map((piece) => `${piece * 1024 * 1024} ${total}`);
  assert.deepEqual(told, ['begins', ...pieces, `${total} ${total}`, 'ends']);
});

test("somebody else's program under our name is left alone", async () => {
  const place = router();
  writeFileSync(join(place.folder, 'tandemd'), 'theirs');
  assert.equal((await survey(remote, undefined, place)).foreign, true);
  await assert.rejects(install(place, executable('1.0.0')), /tandemd is not a link, so it is not Tandem's/);
  await assert.rejects(remove(remote, place), /not a link/);
  assert.equal(readFileSync(join(place.folder, 'tandemd'), 'utf8'), 'theirs');
});

test('of a running tandemd it is told what it was started from, in the folder, elsewhere, or deleted since', async () => {
  const place = router();
  const program = readFileSync('/bin/sleep');
  const sha256 = createHash('sha256').update(program).digest('hex');
  const elsewhere = join(place.units, 'tandemd');
  const ours = join(place.folder, 'tandemd-1.0.0');
  for (const [file, isDeleted] of [
    [ours, false],
    [elsewhere, false],
    [elsewhere, true],
  ] as const) {
    writeFileSync(file, program, { mode: 0o755 });
    const child = spawn(file, ['60']);
    await once(child, 'spawn');
    if (isDeleted) rmSync(file);
    assert.equal((await survey(remote, child.pid, place)).running, sha256, file);
    child.kill();
    await once(child, 'exit');
  }
});
