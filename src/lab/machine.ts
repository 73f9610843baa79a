/** What this machine lets a lab do: root or not, which init, which SSH server. Each answer is tried, not guessed. */
import { randomBytes } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, rmdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { run } from './process.ts';

export type Init = 'systemd' | 'small';
export type SshServer = 'openssh' | 'tandem';

export interface Machine {
  /** Without root the lab makes a user namespace of its own. */
  readonly rootless: boolean;
  readonly init: Init;
  readonly ssh: SshServer;
  /** Where cgroups of systemd routers go; undefined for the small init. */
  readonly cgroupRoot: string | undefined;
}

export interface Wishes {
  readonly init?: Init;
  readonly ssh?: SshServer;
}

const REQUIRED = ['ip', 'unshare', 'nsenter', 'setpriv', 'mount', 'awk'];
const SSHD = '/usr/sbin/sshd';
const SYSTEMD = '/lib/systemd/systemd';

/** Throws one line that says what to do where a lab cannot be had. */
export async function inspectMachine(wishes: Wishes = {}): Promise<Machine> {
  const missing = REQUIRED.filter((program) => !onPath(program));
  if (missing.length > 0) throw new Error(`the lab needs ${missing.join(', ')}: run "npm run setup" as root first`);
  const rootless = process.getuid?.() !== 0;
  await probeNamespaces(rootless);

  const cgroupRoot = rootless || !existsSync(SYSTEMD) ? undefined : writableCgroup();
  if (wishes.init === 'systemd' && cgroupRoot === undefined) {
    throw new Error(
      rootless
        ? 'systemd in a router needs root; leave --init out or say --init small'
        : 'systemd in a router needs the package systemd and a writable cgroup2; run "npm run setup", or say --init small',
    );
  }
  const init = wishes.init ?? (cgroupRoot === undefined ? 'small' : 'systemd');
  // OpenSSH's privilege separation calls setgroups(), which a user namespace with one mapped user refuses.
  const opensshRuns = existsSync(SSHD) && !rootless;
  if (wishes.ssh === 'openssh' && !opensshRuns) {
    throw new Error(
      'OpenSSH in a router needs root and openssh-server ("npm run setup"); leave --ssh out or say --ssh tandem',
    );
  }
  const ssh = wishes.ssh ?? (opensshRuns ? 'openssh' : 'tandem');
  return { rootless, init, ssh, cgroupRoot: init === 'systemd' ? cgroupRoot : undefined };
}

/** Makes a veth pair in namespaces of its own and throws them away: some kernels allow the namespace but not its use. */
async function probeNamespaces(rootless: boolean): Promise<void> {
  const user = rootless ? ['--user', '--map-root-user'] : [];
  const probe = ['unshare', ...user, '--net', '--mount', '--pid', '--fork', 'ip', 'link', 'add', 'type', 'veth'];
  const result = await run(probe, { timeoutMs: 20_000 });
  if (result.code === 0) return;
  const reason = result.stderr.trim().split('\n')[0] ?? '';
  throw new Error(
    `this machine does not let ${rootless ? 'you' : 'root'} make network namespaces (${reason}): ${remedy(rootless)}`,
  );
}

function remedy(rootless: boolean): string {
  if (!rootless) return 'run outside the container, or start it privileged';
  if (sysctl('kernel/apparmor_restrict_unprivileged_userns') === '1') {
    return 'sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0, or run the lab with sudo';
  }
  if (sysctl('kernel/unprivileged_userns_clone') === '0') {
    return 'sudo sysctl kernel.unprivileged_userns_clone=1, or run the lab with sudo';
  }
  if (sysctl('user/max_user_namespaces') === '0') {
    return 'sudo sysctl user.max_user_namespaces=10000, or run the lab with sudo';
  }
  return 'run the lab with sudo';
}

function sysctl(path: string): string | undefined {
  try {
    return readFileSync(join('/proc/sys', path), 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** The cgroup2 mount, if a group can be made in it. */
function writableCgroup(): string | undefined {
  const mount = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .find((line) => line.includes(' - cgroup2 '));
  const path = mount?.split(' ')[4];
  if (path === undefined) return undefined;
  try {
    const trial = join(path, `tandem-lab-probe.${process.pid}`);
    mkdirSync(trial);
    rmdirSync(trial);
    return path;
  } catch {
    return undefined;
  }
}

export function onPath(program: string): boolean {
  const directories = (process.env.PATH ?? '').split(':').concat('/usr/sbin', '/sbin');
  return directories.some((directory) => directory !== '' && isAllowed(join(directory, program), constants.X_OK));
}

function isAllowed(path: string, how: number): boolean {
  try {
    accessSync(path, how);
    return true;
  } catch {
    return false;
  }
}

/** Where labs of this user are kept: one directory a lab. */
export function labsDirectory(): string {
  const chosen = process.env.TANDEM_LAB_DIR;
  if (chosen !== undefined && chosen !== '') return resolve(chosen);
  if (process.getuid?.() === 0) return '/run/tandem-lab';
  // After `su` it may be the other user's.
  const runtime = process.env.XDG_RUNTIME_DIR ?? '';
  if (runtime !== '' && isAllowed(runtime, constants.W_OK)) return join(runtime, 'tandem-lab');
  return join('/tmp', `tandem-lab-${process.getuid?.()}`);
}

/** The place of a new lab; its first process makes it. */
export function newLabDirectory(name = `lab-${randomBytes(3).toString('hex')}`): string {
  const parent = labsDirectory();
  if (!/^[A-Za-z0-9][\w-]{0,31}$/.test(name)) {
    const rule = 'letters, digits, - and _, 32 at most, the first one a letter or a digit';
    throw new Error(`${JSON.stringify(name)} cannot name a lab: ${rule}`);
  }
  // The lab's ssh_config names files in it, and what `ssh -G` says of other paths can be read in two ways.
  if (!/^[\w@+=:,./-]+$/.test(parent)) {
    const rule = 'ssh_config does not carry every path; letters, digits and @+=:,._/- are safe';
    throw new Error(`labs cannot be kept in ${JSON.stringify(parent)} (TANDEM_LAB_DIR names another place): ${rule}`);
  }
  try {
    mkdirSync(parent, { recursive: true, mode: 0o700 });
    accessSync(parent, constants.W_OK);
  } catch (cause) {
    throw new Error(`labs cannot be kept in ${parent} (TANDEM_LAB_DIR names another place)`, { cause });
  }
  // The fallback lies in /tmp, where anybody could have made it first.
  if (statSync(parent).uid !== process.getuid?.()) throw new Error(`${parent} belongs to another user`);
  return join(parent, name);
}
