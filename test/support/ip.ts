/** iproute2, the witness of what the kernel holds. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';

/** Runs `ip` and returns what it prints; fails where it fails. */
export function ip(...argv: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('ip', argv, { encoding: 'utf8', timeout: 10_000 });
  assert.equal(status, 0, `ip ${argv.join(' ')}: ${stderr}`);
  return stdout;
}

/** `ip -d -j`. */
export const ipJson = (...argv: readonly string[]): readonly Readonly<Record<string, unknown>>[] =>
  (JSON.parse(ip('-d', '-j', ...argv) || '[]') as Record<string, unknown>[]).filter(
    (entry) => Object.keys(entry).length > 0,
  );

/** A cable between two devices, both up, without addresses that come by themselves. */
export function addVeth(one: string, other: string): void {
  ip('link', 'add', one, 'type', 'veth', 'peer', 'name', other);
  for (const dev of [one, other]) ip('link', 'set', dev, 'addrgenmode', 'none', 'up');
}
