/**
 * This machine as a fresh Debian has it: a mount namespace in which every file below /usr is gone that belongs to no
 * essential, required or important package, nor to one that those depend on. Nothing outside of it changes.
 */
import { execFileSync } from 'node:child_process';
import { lstatSync } from 'node:fs';

/** Why there can be no such thing here, or false: what `skip` of a test wants. */
export function bareMachineImpossible(): string | false {
  if (process.getuid?.() !== 0) return 'only root can hide programs';
  try {
    execFileSync('dpkg-query', ['--version'], { stdio: 'ignore' });
    execFileSync('unshare', ['--mount', 'sh', '-c', `${OVERLAY}`, 'sh'], { stdio: 'pipe' });
    return false;
  } catch (error) {
    return `no Debian, or no overlay of /usr: ${(error as Error).message.split('\n')[0]}`;
  }
}

/** An overlay keeps what is removed in a tmpfs of its own, which goes with the namespace. */
const OVERLAY = `set -e
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work
mount -t overlay overlay -o lowerdir=/usr,upperdir=/mnt/upper,workdir=/mnt/work /usr
mount -t tmpfs tmpfs /usr/local`;

/** The command line that runs `argv` there; what is to be hidden goes in on standard input, a path a line. */
export function onBareMachine(argv: readonly string[]): readonly string[] {
  // An alternative may lead to a program that is gone: a fresh machine has mawk.
  const awk = '[ -x /usr/bin/awk ] || ln -sf mawk /usr/bin/awk';
  const script = `${OVERLAY}\nxargs -d '\\n' rm -f --\n${awk}\nexec "$@" </dev/null`;
  return ['unshare', '--mount', 'sh', '-c', script, 'sh', ...argv];
}

interface Package {
  readonly name: string;
  readonly base: boolean;
  readonly needs: readonly (readonly string[])[];
  readonly provides: readonly string[];
}

/** The files below /usr of all that a fresh machine has not. */
export function filesNotBare(): readonly string[] {
  const packages = installedPackages();
  const kept = withDependencies(packages);
  const others = packages.filter(({ name }) => !kept.has(name)).map(({ name }) => name);
  if (others.length === 0) return [];
  const options = { encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 } as const;
  const paths = execFileSync('dpkg-query', ['-L', ...others], options).split('\n');
  const own = new Set(execFileSync('dpkg-query', ['-L', ...kept], options).split('\n'));
  // /bin, /sbin, /lib are links into /usr; a folder is left alone, as `rm -f` does.
  return paths
    .filter((path) => path.startsWith('/') && !own.has(path))
    .map((path) => path.replace(/^\/(bin|sbin|lib\w*)\//, (_, folder) => `/usr/${folder}/`))
    .filter((path) => path.startsWith('/usr/') && !isFolder(path));
}

function installedPackages(): readonly Package[] {
  const fields = 'db:Status-Status Package Essential Priority Depends Pre-Depends Provides'.split(' ');
  const format = `${fields.map((field) => `\${${field}}`).join('\t')}\n`;
  const rows = execFileSync('dpkg-query', ['-W', '-f', format], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  return rows
    .split('\n')
    .map((row) => row.split('\t'))
    .filter(([status]) => status === 'installed')
    .map(([, name = '', essential, priority = '', depends = '', preDepends = '', provides = '']) => ({
      name,
      base: essential === 'yes' || ['required', 'important'].includes(priority),
      needs: [...relations(depends), ...relations(preDepends)],
      provides: relations(provides).flat(),
    }));
}

/** `a (>= 1) | b, c:any` as `[[a, b], [c]]`. */
const relations = (text: string): readonly (readonly string[])[] =>
  text
    .split(',')
    .map((group) => group.split('|').map((one) => one.trim().replace(/[\s:(].*$/, '')))
    .filter(([first]) => first !== '');

function withDependencies(packages: readonly Package[]): ReadonlySet<string> {
  const named = new Map(packages.map((each) => [each.name, each]));
  const providers = new Map(packages.flatMap((each) => each.provides.map((virtual) => [virtual, each] as const)));
  const kept = new Set<string>();
  const left = packages.filter(({ base }) => base);
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    if (kept.has(next.name)) continue;
    kept.add(next.name);
    for (const group of next.needs) {
      const found = group.map((name) => named.get(name) ?? providers.get(name)).find((each) => each !== undefined);
      if (found !== undefined) left.push(found);
    }
  }
  return kept;
}

function isFolder(path: string): boolean {
  try {
    return lstatSync(path).isDirectory();
  } catch {
    // In the package and not on this disk.
    return true;
  }
}
