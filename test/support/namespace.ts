/**
 * Tests that touch the kernel's network run in a network namespace of their own, with their own mounts and
 * process numbers, so that neither an address nor a process can outlive them or meet anybody else's.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';

/** `net:[4026531840]` of the process that asked for the namespace. */
const PARENT = 'TANDEM_TEST_PARENT_NETWORK';

/**
 * Loopback, and folders that daemons write to under fixed names (pid files, /tmp/keepalived.json): two test files
 * at once must not read each other's. A working tree that itself lies under /tmp stays where it is.
 */
const OWN_PLACES = `
ip link set lo up
mount -t tmpfs tmpfs /run
case $1/ in
/tmp/*)
  mkdir /run/tree
  mount --rbind "$1" /run/tree
  mount -t tmpfs -o mode=1777 tmpfs /tmp
  mkdir -p "$1"
  mount --move /run/tree "$1" ;;
*) mount -t tmpfs -o mode=1777 tmpfs /tmp ;;
esac
`;

/**
 * To be called first in a test file. Outside, it runs the whole file again under unshare(1), hands its results
 * to the runner and ends this process; inside, it asserts that the namespace is another one, brings `lo` up and
 * returns. Everything started inside dies with the file. Throws where the kernel lets us make no namespace.
 */
export function inOwnNetwork(): void {
  const here = readlinkSync('/proc/self/ns/net');
  const parent = process.env[PARENT];
  if (parent !== undefined) {
    assert.notEqual(here, parent, 'this test is still in the network namespace that it was started in');
    delete process.env[PARENT];
    const made = spawnSync('sh', ['-ec', OWN_PLACES, 'sh', process.cwd()], { encoding: 'utf8' });
    assert.equal(made.status, 0, `a namespace of its own: ${made.stderr}`);
    return;
  }
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  const namespaces = [...user, '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const command = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const run = spawnSync('unshare', [...namespaces, '--', ...command], {
    stdio: 'inherit',
    env: { ...process.env, [PARENT]: here },
  });
  if (run.error) throw new Error('unshare(1) cannot be started; it is part of util-linux', { cause: run.error });
  process.exit(run.status ?? 1);
}
