/** The one executable, where it has to work: on a router that has nothing but a C library. */
// needs: kernel
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { SMTPServer } from 'smtp-server';
import { byVersion, highest, requirements } from '../scripts/elf.ts';
import { type Built, buildExecutable, checkRequirements } from '../scripts/executable.ts';
import { findProgram } from '../scripts/needs.ts';
import { waitFor } from '../src/lab/process.ts';
import { addVeth, ip } from './support/ip.ts';
import { inOwnNetwork } from './support/namespace.ts';
import { Place } from './support/tandemd.ts';

inOwnNetwork();

const ROOT = resolve(import.meta.dirname, '..');
const EXECUTABLE = join(ROOT, 'dist/tandemd');
const require = createRequire(import.meta.url);
/** A start on a machine that is busy with other tests. */
const TIMEOUT_MS = 30_000;
/** By its path: what it starts gets no PATH. */
const CHROOT = findProgram('chroot') ?? '/usr/sbin/chroot';

const directory = mkdtempSync(join(tmpdir(), 'tandem-executable-'));
let built: Built;
before(async () => {
  built = await buildExecutable();
});
after(() => rmSync(directory, { recursive: true, force: true }));

const must = (program: string, ...argv: readonly string[]): string => {
  const { status, stdout, stderr } = spawnSync(program, argv, { encoding: 'utf8', timeout: TIMEOUT_MS });
  assert.equal(status, 0, `${program} ${argv.join(' ')}: ${stderr}`);
  return stdout;
};

describe('the file', () => {
  test('needs nothing but the C and C++ libraries, at glibc 2.28', () => {
    const { needed, versions } = requirements(readFileSync(EXECUTABLE));
    assert.ok(needed.includes('libc.so.6'));
    assert.deepEqual(
      needed.filter((name) => !/^(lib(c|m|dl|pthread|stdc\+\+|gcc_s)|ld-linux-.*)\.so\.\d$/.test(name)),
      [],
    );
    assert.equal(highest(versions, 'GLIBC'), built.glibc);
    assert.ok(byVersion(built.glibc, '2.28') <= 0);
  });

  test('is refused by the build where it would need more than that', () => {
    const node = readFileSync(join(dirname(require.resolve(`node-linux-${process.arch}/package.json`)), 'bin/node'));
    const replaced = (from: string, to: string): Buffer => {
      const copy = Buffer.from(node);
      copy.write(to, copy.indexOf(`\0${from}\0`) + 1, 'latin1');
      return copy;
    };
    const newer = replaced('GLIBC_2.28', 'GLIBC_2.38');
    assert.throws(() => checkRequirements({ node: newer }), /^Error: node needs glibc 2\.38, more than 2\.28$/);
    const other = replaced('libdl.so.2', 'liba.so.22');
    assert.throws(() => checkRequirements({ node: other }), /^Error: node needs liba\.so\.22, which routers may not/);
  });

  test('is what readelf reads in it', { skip: findProgram('readelf') === undefined && 'there is no readelf' }, () => {
    const { needed } = requirements(readFileSync(EXECUTABLE));
    const { stdout, stderr } = spawnSync('readelf', ['-dlW', EXECUTABLE], { encoding: 'utf8', timeout: TIMEOUT_MS });
    assert.equal(stderr, '');
    assert.deepEqual(
      [...stdout.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, name]) => name),
      needed,
    );
  });

  test('is the same from one build to the next, wherever it is built', async () => {
    const builds: Built[] = [];
    for (const name of ['one', 'another']) builds.push(await buildExecutable(join(directory, name)));
    assert.deepEqual(builds, [built, built]);
    assert.deepEqual(readFileSync(join(directory, 'one/tandemd')), readFileSync(join(directory, 'another/tandemd')));
    for (const name of ['one', 'another']) {
      assert.deepEqual(readdirSync(join(directory, name)).toSorted(), ['tandemd', 'tandemd.json']);
      rmSync(join(directory, name), { recursive: true });
    }
  });

  test('can be built where no install script ever ran', () => {
    assert.match(readFileSync(join(ROOT, '.npmrc'), 'utf8'), /^ignore-scripts=true$/m);
    // Where koffi's script would have put what it builds.
    assert.equal(existsSync(join(ROOT, 'node_modules/koffi/build')), false);
  });
});

/** A router with nothing: the C and C++ libraries, /proc, and folders from which nothing may be executed. */
class BareRoot {
  readonly path: string;

  constructor(name: string) {
    this.path = join(directory, name);
    mkdirSync(this.path);
    must('mount', '-t', 'tmpfs', 'tmpfs', this.path);
    for (const folder of ['proc', 'run', 'tmp', 'var/tmp', 'usr/local/sbin', 'etc/keepalived']) {
      mkdirSync(join(this.path, folder), { recursive: true });
    }
    for (const library of libraries()) {
      mkdirSync(join(this.path, dirname(library)), { recursive: true });
      copyFileSync(library, join(this.path, library));
    }
    copyFileSync(EXECUTABLE, join(this.path, '/usr/local/sbin/tandemd'));
    // Every system has it, and what goes into the background needs it.
    mkdirSync(join(this.path, 'dev'));
    this.write('dev/null', '');
    must('mount', '--bind', '/dev/null', join(this.path, 'dev/null'));
    must('mount', '--rbind', '/proc', join(this.path, 'proc'));
    for (const folder of ['run', 'tmp', 'var']) {
      must('mount', '-t', 'tmpfs', '-o', 'noexec,mode=1777', 'tmpfs', join(this.path, folder));
    }
    mkdirSync(join(this.path, 'var/tmp'));
  }

  write(path: string, text: string): void {
    writeFileSync(join(this.path, path), text);
  }

  run(argv: readonly string[], { env = {}, as }: { readonly env?: NodeJS.ProcessEnv; readonly as?: string } = {}) {
    const command = [...(as === undefined ? [] : [`--userspec=${as}`]), this.path, '/usr/local/sbin/tandemd', ...argv];
    return spawnSync(CHROOT, command, { encoding: 'utf8', timeout: TIMEOUT_MS, env });
  }

  start(...argv: readonly string[]): ChildProcess {
    return spawn(CHROOT, [this.path, '/usr/local/sbin/tandemd', ...argv], { env: {}, stdio: 'inherit' });
  }

  [Symbol.dispose](): void {
    must('umount', '--lazy', '--recursive', this.path);
  }
}

/** Where this machine has them; the loader says so itself. */
function libraries(): readonly string[] {
  const { stdout } = spawnSync(EXECUTABLE, [], { encoding: 'utf8', env: { LD_TRACE_LOADED_OBJECTS: '1' } });
  const found = [...stdout.matchAll(/^\s(?:\S+ => )?(\/\S+) \(0x/gm)].map(([, path]) => path!);
  assert.ok(found.length >= 4, stdout);
  return found;
}

const VIPS = Array.from({ length: 300 }, (_, index) => `10.7.${index >> 8}.${index & 255}/32`);
const CONF = `vrrp_instance VI_0 {
    interface lan
    version 3
    virtual_router_id 51
    priority 150
    advert_int 0.1
    virtual_ipaddress {
        10.0.0.100/24
    }
    virtual_ipaddress_excluded {
        ${VIPS.join('\n        ')}
    }
}
`;

describe('in a root of nothing but the C and C++ libraries, with /run, /tmp and /var noexec', () => {
  let root: BareRoot;
  before(() => {
    root = new BareRoot('bare');
    root.write('etc/keepalived/keepalived.conf', CONF);
    addVeth('lan', 'far');
    ip('address', 'add', '10.0.0.1/24', 'dev', 'lan');
  });
  after(() => root[Symbol.dispose]());

  test('it says its version, whatever NODE_OPTIONS wants', () => {
    for (const NODE_OPTIONS of ['', '--require=/nonexistent', '--inspect', '--max-old-space-size=1']) {
      const { status, stderr } = root.run(['-v'], { env: { NODE_OPTIONS } });
      assert.deepEqual([status, stderr], [0, `Tandemd v${built.version}\n`], NODE_OPTIONS);
    }
  });

  test("options of the runtime are the daemon's: unknown", () => {
    for (const option of ['--inspect', '--title=x', '--expose-internals', '--node-options=--inspect']) {
      const { status, stderr } = root.run([option]);
      assert.equal(status, 1);
      assert.match(stderr, /^Unknown option/, option);
    }
  });

  const ordinary = readFileSync('/proc/self/uid_map', 'utf8').trim().split(/\s+/)[2] !== '1';
  test('an ordinary user tests a file', { skip: !ordinary && 'this namespace has no second user' }, () => {
    const good = root.run(['-t'], { as: '65534:65534' });
    assert.deepEqual([good.status, good.stderr], [0, '']);
    root.write('etc/bad.conf', 'vrrp_instance VI_0 {\n    interface lan\n    virtual_router_id 999\n}\n');
    const bad = root.run(['-t', '-f', '/etc/bad.conf'], { as: '65534:65534' });
    assert.equal(bad.status, 5);
    assert.match(bad.stderr, /virtual_router_id/);
  });

  test('it holds 300 VIPs as MASTER, with its worker, and gives them up', async () => {
    assert.equal(root.run([]).status, 0);
    const pid = Number(readFileSync(join(root.path, 'run/keepalived.pid'), 'utf8'));
    await waitFor(() => held() === VIPS.length + 1, { what: 'all VIPs', timeoutMs: TIMEOUT_MS });
    const threads = readdirSync(`/proc/${pid}/task`);
    assert.equal(threads.length, 4, 'main, two of the runtime, the worker');
    assert.equal(readFileSync(`/proc/${pid}/comm`, 'utf8'), 'tandemd\n');
    assert.match(root.run(['ctl', 'status']).stdout, /^VI_0\s+MASTER/m);
    process.kill(pid, 'SIGUSR1');
    await waitFor(() => existsSync(join(root.path, 'tmp/keepalived.data')), { what: 'a dump', timeoutMs: TIMEOUT_MS });
    // In a namespace of its own, nobody else could have such a socket.
    assert.deepEqual(listening(), [], 'no debugger listens');
    process.kill(pid, 'SIGTERM');
    const pidFile = join(root.path, 'run/keepalived.pid');
    await waitFor(() => !existsSync(pidFile), { what: 'the end', timeoutMs: TIMEOUT_MS });
    assert.equal(held(), 0);
  });
});

/** VIPs on the device. */
const held = (): number =>
  [...ip('-o', 'address', 'show', 'dev', 'lan').matchAll(/ 10\.(7\.\d+\.\d+|0\.0\.100)\//g)].length;

/** Local addresses of TCP sockets that listen, as the kernel writes them. */
const listening = (): readonly string[] =>
  ['tcp', 'tcp6'].flatMap((file) =>
    readFileSync(`/proc/net/${file}`, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , state]) => state === '0A')
      .map(([, local]) => local!),
  );

describe('the mailer inside it', () => {
  test('tells a server of a new state', async () => {
    const subjects: string[] = [];
    const server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['AUTH', 'STARTTLS'],
      onData(stream, _session, done) {
        let message = '';
        stream.setEncoding('utf8').on('data', (chunk: string) => {
          message += chunk;
        });
        stream.on('end', () => {
          subjects.push(/^Subject: (.*)\r$/m.exec(message)?.[1] ?? message);
          done();
        });
      },
    });
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    const { port } = server.server.address() as { port: number };
    using place = new Place();
    place.write(`global_defs {
    router_id one
    notification_email { ops@example.org }
    notification_email_from vrrp@example.org
    smtp_server 127.0.0.1 ${port}
    smtp_alert
}
${CONF}`);
    const daemon = spawn(EXECUTABLE, ['-n', '-l', ...place.arguments], { env: place.environment, stdio: 'ignore' });
    await waitFor(() => subjects.includes('[one] VRRP Instance VI_0 - Entering MASTER state'), {
      what: 'the mail',
      timeoutMs: TIMEOUT_MS,
    });
    const ended = new Promise((done) => daemon.once('exit', done));
    daemon.kill('SIGTERM');
    assert.equal(await ended, 0);
    await new Promise<void>((done) => server.close(done));
  });
});

describe('where nothing may be executed that can be written', () => {
  let root: BareRoot;
  before(() => {
    root = new BareRoot('closed');
    must('mount', '--bind', join(root.path, 'usr/local/sbin'), join(root.path, 'usr/local/sbin'));
  });
  after(() => root[Symbol.dispose]());
  const remount = (mode: 'ro' | 'rw') => must('mount', '-o', `remount,bind,${mode}`, join(root.path, 'usr/local/sbin'));

  test('it names each directory and what it met there, and what helps', () => {
    root.write('etc/keepalived/keepalived.conf', CONF);
    remount('ro');
    const { status, stderr } = root.run(['-n']);
    assert.equal(status, 1);
    for (const line of [
      /^ {2}\/run: .*failed to map segment/m,
      /^ {2}\/usr\/local\/sbin: EROFS/m,
      /^ {2}\/dev\/shm: ENOENT/m,
      /^ {2}\/var\/tmp: .*failed to map segment/m,
      /^ {2}\/tmp: .*failed to map segment/m,
      /put the koffi\.node of this version at \/usr\/local\/sbin\/koffi\.node$/m,
    ]) {
      assert.match(stderr, line);
    }
    assert.doesNotMatch(stderr, /^\s+at /m, 'no stack: it is not our fault');
    assert.equal(root.run(['-t']).status, 0, 'a test needs none of it');
  });

  test('it takes the koffi.node that lies beside it', async () => {
    remount('rw');
    const addon = `@koromix/koffi-linux-${process.arch}/linux_${process.arch}/koffi.node`;
    copyFileSync(join(ROOT, 'node_modules', addon), join(root.path, 'usr/local/sbin/koffi.node'));
    remount('ro');
    const daemon = root.start('-n');
    await waitFor(() => held() === VIPS.length + 1, { what: 'all VIPs', timeoutMs: TIMEOUT_MS });
    const ended = new Promise((done) => daemon.once('exit', done));
    daemon.kill('SIGTERM');
    assert.equal(await ended, 0);
  });
});
