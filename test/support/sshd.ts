/** A real sshd on loopback for one test file, with its own keys and configuration; dies with the file's namespace. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ms } from '../../src/base/units.ts';
import type { SshSettings } from '../../src/inventory/model.ts';

export interface Sshd {
  readonly port: number;
  /** Holds the keys: `user` (and `user.pub`), `host_ed25519`, `known_hosts`. */
  readonly folder: string;
  readonly process: ChildProcess;
  readonly ssh: SshSettings;
  stop(): void;
}

let nextPort = 2200;

/** Starts sshd with extra lines of sshd_config; resolves when it takes connections. */
export async function startSshd(extra: readonly string[] = []): Promise<Sshd> {
  const folder = mkdtempSync(join(tmpdir(), 'tandem-sshd-'));
  const port = nextPort++;
  keygen(join(folder, 'host_ed25519'));
  keygen(join(folder, 'user'));
  execFileSync('cp', [join(folder, 'user.pub'), join(folder, 'authorized_keys')]);
  const publicKey = execFileSync('cut', ['-d', ' ', '-f', '1,2', join(folder, 'host_ed25519.pub')], {
    encoding: 'utf8',
  });
  writeFileSync(join(folder, 'known_hosts'), `[127.0.0.1]:${port} ${publicKey}`);
  writeFileSync(join(folder, 'ssh_config'), 'Host *\n  IdentityAgent none\n');
  const lines = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${join(folder, 'host_ed25519')}`,
    `AuthorizedKeysFile ${join(folder, 'authorized_keys')}`,
    `PidFile ${join(folder, 'pid')}`,
    'UseDNS no',
    'StrictModes no',
    'MaxStartups 100',
    ...(extra.some((line) => line.startsWith('UsePAM')) ? [] : ['UsePAM no']),
    ...extra,
  ];
  writeFileSync(join(folder, 'sshd_config'), `${lines.join('\n')}\n`);
  // Privilege separation's folder; Debian makes it when the service starts.
  mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const process_ = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', join(folder, 'sshd_config')], {
    stdio: ['ignore', 'ignore', openSync(join(folder, 'log'), 'w')],
  });
  // The namespace ends it; the test file need not wait for it.
  process_.unref();
  await untilListening(port);
  const ssh: SshSettings = {
    user: 'root',
    port,
    config: join(folder, 'ssh_config'),
    known_hosts: [join(folder, 'known_hosts')],
    identity: [join(folder, 'user')],
    become: 'none',
    connect_timeout: ms(10_000),
  };
  return { port, folder, process: process_, ssh, stop: () => void process_.kill() };
}

export function keygen(file: string, passphrase = '', type = 'ed25519'): void {
  execFileSync('ssh-keygen', ['-q', '-t', type, '-N', passphrase, '-C', 'test', '-f', file]);
}

async function untilListening(port: number): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = createConnection({ port, host: '127.0.0.1' });
      socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
      socket.on('connect', () => socket.destroy());
    });
    if (open) return;
    if (Date.now() > deadline) throw new Error(`nothing listens on port ${port}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
