/**
 * dist/tandemd: the daemon as one executable for this machine's architecture, Node included. The bundle, the worker and
 * koffi's native part become a blob (`node --experimental-sea-config`), which a Node without its symbols then carries
 * (`elf.ts`). Beside it dist/tandemd.json: what it is, for whoever installs it. ADR 0014.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { build } from 'esbuild';
import { assert } from '../src/base/assert.ts';
import { byVersion, carrying, highest, requirements } from './elf.ts';

const ROOT = resolve(import.meta.dirname, '..');
const require = createRequire(import.meta.url);

/** The oldest C library that it runs on: that of Debian 10 and RHEL 8. */
const GLIBC_MOST = '2.28';
/** What every one of those systems has in its smallest form; a Node that wants libatomic, say, does not start there. */
const LIBRARIES = /^(libc|libm|libdl|libpthread|libstdc\+\+|libgcc_s|ld-linux-[a-z0-9-]+)\.so\.\d+$/;

/**
 * Options of the runtime that the daemon always has. None can be added: NODE_OPTIONS has no effect, and an option on the
 * command line is the daemon's. SIGUSR1 asks for a dump; Node's meaning, a debugger's port for whoever may send the
 * signal, is switched off from the first moment on. Few threads, and a young generation of 1 MB: a daemon that mostly
 * waits does not need more, and reads 10,000 VIPs sooner so than with the 16 MB that Node would take.
 */
const RUNTIME_OPTIONS = [
  '--disable-sigusr1',
  '--single-threaded-gc',
  '--v8-pool-size=0',
  // Not more: what is alive is small, and so is then what is kept for it. Less makes 10,000 VIPs half as fast again.
  '--max-semi-space-size=4',
  // No collection of everything because a reload asks for some megabytes: they are free again a moment later.
  '--initial-heap-size=64',
  // A step of compilation that takes 0.3 MB and, at 10,000 VIPs, saves no time.
  '--no-sparkplug',
  // For src/daemon/memory.ts.
  '--expose-gc',
];
/** A file written in one go is cached in pages of 2 MB, and each page that is touched counts as all of it. */
const WRITE_BYTES = 64 * 1024;

/** dist/tandemd.json. */
export interface Built {
  readonly version: string;
  /** As process.arch names it. */
  readonly arch: string;
  readonly node: string;
  /** The lowest glibc that it starts with. */
  readonly glibc: string;
  readonly size: number;
  readonly sha256: string;
  /** Of everything that went into it. */
  readonly inputs: string;
}

/**
 * Builds what is not there yet; nothing, where it was built from the same things.
 * @param directory where tandemd and tandemd.json go
 */
export async function buildExecutable(directory = join(ROOT, 'dist')): Promise<Built> {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  const runtime = join(dirname(require.resolve(`node-linux-${process.arch}/package.json`)), 'bin/node');
  const node = readFileSync(runtime);
  const parts: Parts = {
    'tandemd.cjs': await bundle('src/tandemd.ts', version),
    'bulk-worker.js': await bundle('src/linux/bulk-worker.ts', version),
    'nodemailer.js': await bundle('nodemailer', version, {}),
    'koffi.node': readFileSync(addonFile()),
  };
  const own = [import.meta.filename, join(import.meta.dirname, 'elf.ts')].map((file) => readFileSync(file));
  const inputs = hashOf(version, node, ...Object.values(parts), ...own);
  const before = builtBefore(directory);
  if (before?.inputs === inputs) return before;

  const glibc = checkRequirements({ node, 'koffi.node': parts['koffi.node']! });
  mkdirSync(directory, { recursive: true });
  const executable = carrying(node, makeBlob(runtime, parts, directory));
  const built: Built = {
    version,
    arch: process.arch,
    node: process.versions.node,
    glibc,
    size: executable.length,
    sha256: sha256(executable),
    inputs,
  };
  put(join(directory, 'tandemd'), executable, 0o755);
  put(join(directory, 'tandemd.json'), Buffer.from(`${JSON.stringify(built, undefined, 2)}\n`), 0o644);
  return built;
}

/** Files by the names that they have as assets; the first is the program. */
type Parts = Readonly<Record<string, Buffer>>;

/** Packages that the executable has as assets, and what loads them. */
const ALIAS: Readonly<Record<string, string>> = {
  koffi: './src/linux/embedded-koffi.ts',
  nodemailer: './src/daemon/embedded-mailer.ts',
};

/** CommonJS, which is what a single executable can begin with. Nothing may be left for the target to have. */
async function bundle(entry: string, version: string, alias = ALIAS): Promise<Buffer> {
  const { outputFiles, warnings } = await build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    target: `node${process.versions.node}`,
    alias,
    define: { TANDEMD_VERSION: JSON.stringify(version) },
    // The text stays in memory, so no blanks and no comments; names stay, for stacks that one can read.
    minifySyntax: true,
    minifyWhitespace: true,
    lineLimit: 120,
    legalComments: 'none',
    // Asked for the tree's own files, where there is a tree.
    logOverride: { 'empty-import-meta': 'silent' },
    logLevel: 'warning',
  });
  if (warnings.length > 0) throw new Error(`${entry} cannot go into the executable as it is`);
  const text = Buffer.from(outputFiles[0]!.contents);
  // One character beyond ASCII, and all of the text takes twice the memory.
  assert(
    text.every((byte) => byte < 0x80),
    'the bundle is ASCII',
  );
  return text;
}

/** The one for glibc, out of koffi's package for this machine. */
function addonFile(): string {
  const name = `@koromix/koffi-linux-${process.arch}`;
  const folder = dirname(createRequire(require.resolve('koffi')).resolve(name));
  return join(folder, `linux_${process.arch}`, 'koffi.node');
}

/** @returns the lowest glibc that all of them run on */
export function checkRequirements(files: Parts): string {
  const floors = Object.entries(files).map(([name, file]) => {
    const { needed, versions } = requirements(file);
    const other = needed.filter((library) => !LIBRARIES.test(library));
    if (other.length > 0) throw new Error(`${name} needs ${other.join(', ')}, which routers may not have`);
    const glibc = highest(versions, 'GLIBC') ?? '0';
    if (byVersion(glibc, GLIBC_MOST) > 0) throw new Error(`${name} needs glibc ${glibc}, more than ${GLIBC_MOST}`);
    return glibc;
  });
  return floors.toSorted(byVersion).at(-1)!;
}

/** Made in a folder of its own under relative names: the blob holds the program's path, and must not hold ours. */
function makeBlob(runtime: string, parts: Parts, directory: string): Buffer {
  const folder = mkdtempSync(join(directory, '.blob-'));
  try {
    for (const [name, bytes] of Object.entries(parts)) writeFileSync(join(folder, name), bytes);
    const [main, ...assets] = Object.keys(parts);
    const config = {
      main,
      output: 'blob',
      disableExperimentalSEAWarning: true,
      useSnapshot: false,
      useCodeCache: true,
      execArgv: RUNTIME_OPTIONS,
      execArgvExtension: 'none',
      assets: Object.fromEntries(assets.map((name) => [name, name])),
    };
    writeFileSync(join(folder, 'sea.json'), JSON.stringify(config));
    // Code is compiled for these very options, and by the same numbers each time: else the blob differs.
    const options = [...RUNTIME_OPTIONS, '--random-seed=1', '--experimental-sea-config', 'sea.json'];
    execFileSync(runtime, options, { cwd: folder, stdio: 'pipe', timeout: 60_000 });
    return readFileSync(join(folder, 'blob'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function builtBefore(directory: string): Built | undefined {
  try {
    const built = JSON.parse(readFileSync(join(directory, 'tandemd.json'), 'utf8')) as Built;
    return sha256(readFileSync(join(directory, 'tandemd'))) === built.sha256 ? built : undefined;
  } catch {
    return undefined;
  }
}

/** Under its name only when it is whole: somebody may be running the one before. */
function put(path: string, bytes: Buffer, mode: number): void {
  const temporary = `${path}-${process.pid}`;
  const file = openSync(temporary, 'w', mode);
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at, Math.min(WRITE_BYTES, bytes.length - at));
  // Pages that are not yet on the disk count as private ones of whoever runs the file.
  fsyncSync(file);
  closeSync(file);
  renameSync(temporary, path);
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

function hashOf(...parts: readonly (Buffer | string)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest('hex');
}
