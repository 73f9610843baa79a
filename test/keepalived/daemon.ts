/**
 * The installed keepalived's own config test over many files: one network namespace of its own with the interfaces
 * that the files name, one private /run, one process a file.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Interfaces that exist in the namespace: pairs of veth ends. */
const CABLES = [
  ['eth0', 'eth1'],
  ['eth2', 'eth3'],
  ['p4p1', 'p3p1'],
  ['p3p2', 'p1p1'],
  ['p1p2', 'bond0.91'],
] as const;

export const INTERFACES: ReadonlySet<string> = new Set(['lo', ...CABLES.flat()]);

export interface Verdict {
  /** keepalived -t: 0 accepted, 5 refused, 6 accepted but for the security of scripts. */
  readonly exit: number;
  readonly log: string;
}

/** The installed version (`2.2.7`), or why the daemon cannot be asked. */
export function installedKeepalived(): { readonly version: string } | { readonly missing: string } {
  const found = spawnSync('keepalived', ['--version'], { encoding: 'utf8' });
  const version = /v(\d+\.\d+\.\d+)/.exec(found.stderr ?? '')?.[1];
  if (!version) return { missing: 'keepalived is not installed (npm run setup)' };
  const tried = spawnSync('unshare', [...unshare(), 'true'], { encoding: 'utf8' });
  if (tried.status !== 0) return { missing: `no network namespace can be made: ${tried.stderr.trim()}` };
  return { version };
}

/** Twenty milliseconds a file; a daemon that hangs must not hang the tests. */
const TIMEOUT_MS = 300_000;

/** Runs `keepalived -t` over every text; the answers are in the same order. */
export function configTest(texts: readonly string[], configId?: string): readonly Verdict[] {
  const folder = mkdtempSync(join(tmpdir(), 'tandem-agreement-'));
  try {
    texts.forEach((text, i) => {
      writeFileSync(join(folder, `${i}.conf`), text);
    });
    writeFileSync(join(folder, 'run.sh'), script(texts.length, configId));
    const out = execFileSync('unshare', [...unshare(), 'sh', join(folder, 'run.sh'), folder], {
      encoding: 'utf8',
      timeout: TIMEOUT_MS,
      maxBuffer: 64 * 1024 * 1024,
    });
    const [namespace, ...answers] = out.split('\0');
    if (namespace?.trim() === readlinkSync('/proc/self/ns/net')) throw new Error('keepalived ran in our own namespace');
    return answers.slice(0, texts.length).map((answer) => {
      const [exit, ...log] = answer.trim().split('\n');
      return { exit: Number(exit), log: log.join('\n') };
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const unshare = (): readonly string[] => (process.getuid?.() === 0 ? ['-n', '-m'] : ['-U', '-r', '-n', '-m']);

const script = (count: number, configId = 'test'): string => `
set -e
mount --make-rprivate / && mount -t tmpfs run /run
readlink /proc/self/ns/net
ip link set lo up
${CABLES.map(([a, b]) => `ip link add ${a} type veth peer name ${b}; ip link set ${a} up; ip link set ${b} up`).join('\n')}
ip addr add 192.0.2.1/24 dev eth0
ip -6 addr add fe80::1/64 dev eth0 nodad
i=0
while [ $i -lt ${count} ]; do
  code=0
  log=$(keepalived -t -i ${configId} -f "$1/$i.conf" 2>&1) || code=$?
  printf '\\0%s\\n%s\\n' "$code" "$log"
  i=$((i + 1))
done
printf '\\0'
`;
