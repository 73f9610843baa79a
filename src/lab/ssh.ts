/** SSH into the routers of a lab: keys, strict known_hosts, an ssh_config that works from outside, and ways to cut it. */
import { copyFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SshServer } from './machine.ts';
import { makeSshKey } from './ssh-key.ts';
import type { LabNode } from './topology.ts';
import { managementAddress } from './topology.ts';

/**
 * The files of a lab's SSH side, all made before the first router boots: `sshd` reads them at its first start.
 *
 * @param environment what OpenSSH gives to each command beside its own; the tree's server gives what it has itself
 */
export function writeSshFiles(
  directory: string,
  routers: readonly LabNode[],
  server: SshServer,
  environment: NodeJS.ProcessEnv,
): void {
  const setEnv = Object.entries(environment).map(([name, value]) => ` "${name}=${value}"`);
  const sshdConfig = setEnv.length === 0 ? SSHD_CONFIG : `${SSHD_CONFIG}SetEnv${setEnv.join('')}\n`;
  const client = makeSshKey('tandem-lab');
  writeFileSync(join(directory, 'id_ed25519'), client.privateKey, { mode: 0o600 });
  writeFileSync(join(directory, 'id_ed25519.pub'), `${client.publicKey}\n`);
  mkdirSync(join(directory, 'cut'));
  writeFileSync(join(directory, 'relay.mjs'), RELAY);
  let knownHosts = '';
  for (const router of routers) {
    const host = makeSshKey(router.name);
    const etc = join(directory, 'node.d', `${router.name}.ssh`);
    mkdirSync(etc);
    writeFileSync(join(etc, 'ssh_host_ed25519_key'), host.privateKey, { mode: 0o600 });
    writeFileSync(join(etc, 'ssh_host_ed25519_key.pub'), `${host.publicKey}\n`);
    copyFileSync(join(directory, 'id_ed25519.pub'), join(etc, 'authorized_keys'));
    if (server === 'openssh') writeFileSync(join(etc, 'sshd_config'), sshdConfig);
    knownHosts += `${router.name},${managementAddress(router)} ${host.publicKey}\n`;
  }
  writeFileSync(join(directory, 'known_hosts'), knownHosts);
}

/** Each Host works as `ssh -F FILE rtr-core01`: the relay enters the lab's network and connects to the router's port 22. */
export function sshConfig(
  directory: string,
  routers: readonly LabNode[],
  onSwitch: (argv: readonly string[]) => readonly string[],
): string {
  return routers
    .map((router) => {
      const relay = onSwitch([
        process.execPath,
        join(directory, 'relay.mjs'),
        directory,
        router.name,
        managementAddress(router),
      ]);
      return `Host ${router.name}
  User root
  IdentityFile "${join(directory, 'id_ed25519')}"
  IdentitiesOnly yes
  UserKnownHostsFile "${join(directory, 'known_hosts')}"
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  HostKeyAlgorithms ssh-ed25519
  PreferredAuthentications publickey
  LogLevel ERROR
  ProxyCommand ${relay.map(quoted).join(' ')}
`;
    })
    .join('\n');
}

/** ssh expands % in a ProxyCommand and hands it to a shell. */
function quoted(word: string): string {
  const escaped = word.replaceAll('%', '%%');
  return /^[\w@%+=:,./-]+$/.test(escaped) ? escaped : `'${escaped.replaceAll("'", `'\\''`)}'`;
}

export interface Cut {
  /** Bytes that the router still gets of a connection, counted from now (for a later connection: from its start). Default 0. */
  readonly afterBytes?: number;
  /**
   * `reset` (default): the router hears a reset, the client a closed connection. `close`: both hear a regular end.
   * `freeze`: silence in both directions, as a firewall that drops.
   */
  readonly how?: 'reset' | 'close' | 'freeze';
}

/** Takes effect on open connections and on new ones, until `mendSsh`. */
export function cutSsh(directory: string, router: string, cut: Cut): void {
  const file = join(directory, 'cut', router);
  // The dot keeps the half-written file out of the relays' sight.
  writeFileSync(`${directory}/cut/.${router}`, `${cut.how ?? 'reset'} ${cut.afterBytes ?? 0}`);
  renameSync(`${directory}/cut/.${router}`, file);
}

export function mendSsh(directory: string, router: string): void {
  rmSync(join(directory, 'cut', router), { force: true });
}

const SSHD_CONFIG = `Port 22
HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin prohibit-password
AuthorizedKeysFile /etc/ssh/authorized_keys
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
StrictModes no
PrintMotd no
MaxStartups 200:30:400
MaxSessions 100
Subsystem sftp internal-sftp
`;

/** Runs outside this tree's module graph, in the lab's network namespace: plain JavaScript for the Node that made the lab. */
const RELAY = `// ProxyCommand: standard input and output to port 22 of a router, with a tap that can cut.
import { existsSync, readFileSync, watch } from 'node:fs';
import { connect } from 'node:net';

const [directory, router, host] = process.argv.slice(2);
const socket = connect({ host, port: 22, noDelay: true, allowHalfOpen: true });
let sent = 0;
let order;
let frozen = false;

function look() {
  let text;
  try {
    text = readFileSync(directory + '/cut/' + router, 'utf8');
  } catch {
    order = undefined;
    // Nobody is left to answer, and nothing of the lab shall stay: we hold its network.
    if (!existsSync(directory)) process.exit(1);
    return;
  }
  if (order?.text !== text) {
    const [how, afterBytes] = text.split(' ');
    order = { text, how, limit: sent + Number(afterBytes) };
  }
  if (sent >= order.limit) cut();
}

function cut() {
  if (order.how === 'freeze') {
    frozen = true;
    process.stdin.pause();
    socket.pause();
  } else if (order.how === 'close') {
    socket.end(() => process.exit(0));
  } else {
    socket.resetAndDestroy();
    process.exit(0);
  }
}

process.stdin.on('data', (chunk) => {
  look();
  if (frozen) return;
  const part = order === undefined ? chunk : chunk.subarray(0, order.limit - sent);
  sent += part.length;
  if (part.length < chunk.length) socket.write(part, cut);
  else if (!socket.write(part)) process.stdin.pause();
});
socket.on('drain', () => frozen || process.stdin.resume());
process.stdin.on('end', () => socket.end());
socket.on('data', (chunk) => {
  if (!frozen && !process.stdout.write(chunk)) socket.pause();
});
process.stdout.on('drain', () => frozen || socket.resume());
process.stdout.on('error', () => process.exit(0));
socket.on('end', () => process.exit(0));
socket.on('error', (error) => {
  process.stderr.write('relay to ' + router + ': ' + error.message + '\\n');
  process.exit(1);
});
watch(directory + '/cut', look);
look();
`;
