/**
 * What a test file needs from the machine, declared in a comment near its top: `// needs: kernel keepalived sshd`.
 * A need is a word of this table; a file whose needs are not all met is not run, and that is said.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

interface Need {
  /** How the user gets it: a sentence after the word "missing". */
  readonly remedy: string;
  met(): boolean;
}

const program = (name: string, debianPackage: string): [string, Need] => [
  name,
  { remedy: `${debianPackage}; npm run setup installs it`, met: () => findProgram(name) !== undefined },
];

const NEEDS: ReadonlyMap<string, Need> = new Map<string, Need>([
  program('arping', 'iputils-arping'),
  program('faketime', 'faketime'),
  program('git', 'git'),
  program('ip', 'iproute2'),
  program('keepalived', 'keepalived'),
  program('nft', 'nftables'),
  program('ping', 'iputils-ping'),
  program('ssh', 'openssh-client'),
  program('ssh-keygen', 'openssh-client'),
  program('sshd', 'openssh-server'),
  program('sudo', 'sudo'),
  program('tcpdump', 'tcpdump'),
  ['systemd', { remedy: 'systemd', met: () => isExecutable('/lib/systemd/systemd') }],
  ['root', { remedy: 'run the tests as root', met: () => process.getuid?.() === 0 }],
  [
    'kernel',
    { remedy: 'root, or a kernel that lets users make namespaces (docs/lab.md); util-linux', met: canUnshare },
  ],
]);

/** The needs in the first lines of a test file. Throws at a word that the table does not have. */
export function needsOf(text: string, file: string): readonly string[] {
  const words = /^\/\/ needs: (.+)$/m.exec(text.slice(0, 2_000))?.[1]?.trim().split(/\s+/) ?? [];
  const unknown = words.find((word) => !NEEDS.has(word));
  if (unknown !== undefined) throw new Error(`${file}: "needs: ${unknown}" is not in scripts/needs.ts`);
  return words;
}

const known = new Map<string, boolean>();

/** The needs that this machine does not meet, each with what helps. */
export function missing(needs: readonly string[]): readonly { readonly need: string; readonly remedy: string }[] {
  return needs
    .filter((need) => {
      if (!known.has(need)) known.set(need, NEEDS.get(need)!.met());
      return !known.get(need);
    })
    .map((need) => ({ need, remedy: NEEDS.get(need)!.remedy }));
}

/** Daemons lie in sbin, which an ordinary user's PATH leaves out. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Made, not guessed: some systems let the namespace be created and then refuse to work in it. */
function canUnshare(): boolean {
  const ip = findProgram('ip');
  if (ip === undefined) return false;
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  const probe = [...user, '--net', '--mount', '--pid', '--fork', '--', ip, 'link', 'set', 'lo', 'up'];
  return spawnSync('unshare', probe, { timeout: 10_000 }).status === 0;
}
