/**
 * `npm run lock`: brings package-lock.json up to date with package.json, whole. A mirror may lack the packages of
 * other platforms (Biome for Windows); npm then leaves them out of the lock file in silence, and `npm ci` refuses it
 * everywhere. They are never fetched where `os` and `cpu` do not fit, so an entry without a checksum does.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

interface LockedPackage {
  readonly version?: string;
  readonly license?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

interface Lock {
  packages: Record<string, LockedPackage>;
}

const FILE = 'package-lock.json';

execFileSync('npm', ['install', '--package-lock-only'], { stdio: 'inherit' });
const lock = JSON.parse(readFileSync(FILE, 'utf8')) as Lock;
const absent = Object.values(lock.packages).flatMap((owner) =>
  Object.entries(owner.optionalDependencies ?? {})
    .filter(([name]) => lock.packages[`node_modules/${name}`] === undefined)
    .map(([name, version]): [string, LockedPackage] => [`node_modules/${name}`, platformEntry(owner, name, version)]),
);
const packages = [...Object.entries(lock.packages), ...absent].sort(([a], [b]) => (a < b ? -1 : 1));
writeFileSync(FILE, `${JSON.stringify({ ...lock, packages: Object.fromEntries(packages) }, null, 2)}\n`);
for (const [path] of absent) console.log(`added ${path}`);

/** Such packages are called NAME-OS-CPU or NAME-OS-CPU-ABI: `@biomejs/cli-linux-x64-musl`. */
function platformEntry(owner: LockedPackage, name: string, version: string): LockedPackage {
  const platform = /-(android|darwin|freebsd|linux|openharmony|win32)-([a-z0-9]+)(?:-([a-z]+))?$/.exec(name);
  if (!platform) throw new Error(`${name} is not in the lock file, and its name tells no platform`);
  const [, os, cpu, abi] = platform;
  const libc = abi === 'musl' ? ['musl'] : abi === 'gnu' ? ['glibc'] : undefined;
  const entry = { version, cpu: [cpu], dev: true, ...(libc && { libc }), license: owner.license, optional: true };
  return { ...entry, os: [os] } as LockedPackage;
}
