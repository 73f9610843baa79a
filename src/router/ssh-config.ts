/**
 * Where a connection goes and how, as the user's own ssh_config says it: `ssh -G` resolves Host, Match, Include
 * and the rest exactly as ssh(1) would, and its answer is read here. Where there is no ssh(1), a file of plain Host
 * blocks is read by ssh-config-file.ts.
 */
import { execFile } from 'node:child_process';
import { homedir, hostname as localHostname, userInfo } from 'node:os';
import { promisify } from 'node:util';
import { type Millis, ms } from '../base/units.ts';
import type { SshSettings } from '../inventory/model.ts';
import { RemoteError } from './remote.ts';
import { readSshConfig, type Settings, type SshQuestion } from './ssh-config-file.ts';

/** One SSH server to log in to: the router itself or a jump host on the way. */
export interface Endpoint {
  /** What ssh was asked for. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly family?: 4 | 6;
  /** Stands for the host in known_hosts: HostKeyAlias. */
  readonly hostKeyAlias?: string;
  readonly knownHosts: readonly string[];
  /** HostKeyAlgorithms: what may be asked of the server. */
  readonly hostKeyAlgorithms: readonly string[];
  /** Private keys in the order to try them; those that do not exist are passed over. */
  readonly identities: readonly string[];
  /** Only these keys may be offered, though the agent holds more. */
  readonly identitiesOnly: boolean;
  /** The agent's socket. */
  readonly agent?: string;
  readonly connectTimeout: Millis;
  /** How a connection that went silent is noticed. */
  readonly alive: { readonly interval: Millis; readonly count: number };
  readonly keyboardInteractive: boolean;
}

export interface Route {
  readonly target: Endpoint;
  /** The first is connected to directly, each next one through the one before. */
  readonly jumps: readonly Endpoint[];
  /** Run by the shell; its standard input and output are the connection. */
  readonly proxyCommand?: string;
  /** Settings that ssh(1) would follow and Tandem does not, one sentence each. */
  readonly warnings: readonly string[];
}

interface Asked {
  readonly host: string;
  readonly user?: string;
  readonly port?: number;
}

/** A jump host of a jump host of ...: nobody builds more, and a circle must end. */
const jumpDepthMax = 4;
/** `Match exec` runs commands of the user's; what takes longer than this hangs. */
const resolveTimeout = ms(10_000);

/** Resolves a router's route. Throws a RemoteError where the configuration is refused. */
export async function resolveRoute(router: string, host: string, ssh: SshSettings): Promise<Route> {
  return resolve({ router, ssh, depth: 0 }, { host, ...pick(ssh) });
}

const pick = (ssh: SshSettings) => ({
  ...(ssh.user === undefined ? {} : { user: ssh.user }),
  ...(ssh.port === undefined ? {} : { port: ssh.port }),
});

interface Context {
  readonly router: string;
  readonly ssh: SshSettings;
  readonly depth: number;
}

async function resolve(context: Context, asked: Asked): Promise<Route> {
  const identities = context.depth === 0 ? (context.ssh.identity ?? []) : [];
  const settings = await askSsh(context, asked, identities);
  const { endpoint, expand } = readEndpoint(context, asked.host, settings);
  const warnings = await unsupported(context, asked.host, settings);
  const one = (key: string) => settings.get(key)?.[0];
  const proxyJump = one('proxyjump');
  const proxyCommand = one('proxycommand');
  const base = { target: endpoint, jumps: [], warnings };
  if (proxyJump !== undefined && proxyJump !== 'none') return throughJumps(context, base, proxyJump);
  if (proxyCommand === undefined || proxyCommand === 'none') return base;
  return { ...base, proxyCommand: expand(proxyCommand, 'ProxyCommand') };
}

/** `ProxyJump a,b`: a is reached as ssh_config says, b through a, the target through b. */
async function throughJumps(context: Context, base: Route, proxyJump: string): Promise<Route> {
  if (context.depth >= jumpDepthMax) {
    throw new RemoteError('unreachable', context.router, `ProxyJump nests more than ${jumpDepthMax} deep`);
  }
  const jumps: Endpoint[] = [];
  const warnings = [...base.warnings];
  let proxyCommand: string | undefined;
  for (const [index, hop] of proxyJump.split(',').entries()) {
    const route = await resolve({ ...context, depth: context.depth + 1 }, parseHop(context, hop.trim()));
    warnings.push(...route.warnings);
    if (index === 0) {
      jumps.push(...route.jumps);
      proxyCommand = route.proxyCommand;
    }
    jumps.push(route.target);
  }
  return { ...base, jumps, warnings, ...(proxyCommand === undefined ? {} : { proxyCommand }) };
}

/** `[user@]host[:port]` or `ssh://[user@]host[:port]`: ssh_config(5) ProxyJump. */
function parseHop(context: Context, hop: string): Asked {
  const match = /^(?:ssh:\/\/)?(?:(.+)@)?(?:\[([^\]]+)\]|([^:@/[\]]+))(?::(\d{1,5}))?\/?$/.exec(hop);
  const host = match?.[2] ?? match?.[3];
  if (match === null || host === undefined) {
    throw new RemoteError('unreachable', context.router, `ProxyJump ${hop} is no [user@]host[:port]`);
  }
  return {
    host,
    ...(match[1] === undefined ? {} : { user: match[1] }),
    ...(match[4] === undefined ? {} : { port: Number(match[4]) }),
  };
}

async function askSsh(context: Context, asked: Asked, identities: readonly string[]): Promise<Settings> {
  const { config } = context.ssh;
  return runSshG(context.router, { ...asked, identities, ...(config === undefined ? {} : { config }) });
}

async function runSshG(router: string, question: SshQuestion): Promise<Settings> {
  const { host, config, user, port, identities } = question;
  const args = [
    ...(config === undefined ? [] : ['-F', config]),
    ...(user === undefined ? [] : ['-l', user]),
    ...(port === undefined ? [] : ['-p', String(port)]),
    // Not -i: that drops a file that is not there, though its key may be in the agent.
    ...identities.flatMap((file) => ['-o', `IdentityFile="${file}"`]),
  ];
  try {
    const options = { timeout: resolveTimeout, maxBuffer: 1 << 20 };
    const { stdout } = await promisify(execFile)('ssh', ['-G', ...args, '--', host], options);
    return parseSshG(stdout);
  } catch (cause) {
    const { code, stderr } = cause as { code?: unknown; stderr?: string };
    if (code === 'ENOENT') return withoutSsh(router, question);
    const reason = `ssh -G ${host} failed: ${stderr?.trim().split('\n').at(-1) ?? ''}`;
    throw new RemoteError('unreachable', router, reason, { cause });
  }
}

async function withoutSsh(router: string, question: SshQuestion): Promise<Settings> {
  try {
    return await readSshConfig(question);
  } catch (cause) {
    throw new RemoteError('unreachable', router, (cause as Error).message, { cause });
  }
}

/** `key value` a line; a key may stand several times. */
export function parseSshG(stdout: string): Settings {
  const settings = new Map<string, string[]>();
  for (const line of stdout.split('\n')) {
    const space = line.indexOf(' ');
    if (space < 0) continue;
    const key = line.slice(0, space).toLowerCase();
    const values = settings.get(key) ?? [];
    values.push(line.slice(space + 1));
    settings.set(key, values);
  }
  return settings;
}

function readEndpoint(context: Context, name: string, settings: Settings) {
  const one = (key: string) => settings.get(key)?.[0];
  const host = one('hostname') ?? name;
  const port = Number(one('port') ?? 22);
  const user = one('user') ?? userInfo().username;
  const expand = expander(context.router, {
    h: host,
    n: name,
    p: String(port),
    r: user,
    k: one('hostkeyalias') ?? name,
  });
  const files = (key: string) => (one(key) ?? '').split(' ').filter((file) => file !== '' && file !== 'none');
  const timeout = Number(one('connecttimeout'));
  const family = one('addressfamily');
  const interval = Number(one('serveraliveinterval') ?? 0);
  const agent = agentSocket(one('identityagent'));
  const alias = one('hostkeyalias');
  const endpoint: Endpoint = {
    name,
    host,
    port,
    user,
    ...(family === 'inet' ? { family: 4 } : family === 'inet6' ? { family: 6 } : {}),
    ...(alias === undefined ? {} : { hostKeyAlias: alias }),
    knownHosts: [
      ...(context.ssh.known_hosts ?? [...files('userknownhostsfile'), ...files('globalknownhostsfile')]),
    ].map((file) => expand(file, 'UserKnownHostsFile')),
    hostKeyAlgorithms: (one('hostkeyalgorithms') ?? '').split(','),
    identities: (settings.get('identityfile') ?? []).map((file) => expand(file, 'IdentityFile')),
    identitiesOnly: one('identitiesonly') === 'yes',
    ...(agent === undefined ? {} : { agent: expand(agent, 'IdentityAgent') }),
    connectTimeout: ms(Math.min(context.ssh.connect_timeout, timeout > 0 ? timeout * 1000 : Number.POSITIVE_INFINITY)),
    // Without the user's own wish: a dead peer is noticed within 40 s, a slow link's 2 MB of queued data is not taken for one.
    alive:
      interval > 0
        ? { interval: ms(interval * 1000), count: Number(one('serveralivecountmax') ?? 3) }
        : { interval: ms(10_000), count: 3 },
    keyboardInteractive: one('kbdinteractiveauthentication') !== 'no',
  };
  return { endpoint, expand };
}

/** IdentityAgent: a socket, `none`, `SSH_AUTH_SOCK` or `$VARIABLE`; without it the environment's. */
function agentSocket(setting: string | undefined): string | undefined {
  if (setting === 'none') return undefined;
  if (setting === undefined || setting === 'SSH_AUTH_SOCK') return process.env.SSH_AUTH_SOCK || undefined;
  return setting.startsWith('$') ? process.env[setting.slice(1)] || undefined : setting;
}

/** The tokens of ssh_config(5) TOKENS and a leading `~`; one that Tandem cannot fill is an error, not a guess. */
function expander(router: string, own: Readonly<Record<string, string>>) {
  const values: Readonly<Record<string, string>> = {
    ...own,
    '%': '%',
    d: homedir(),
    i: String(userInfo().uid),
    l: localHostname(),
    L: localHostname().split('.')[0]!,
    u: userInfo().username,
  };
  return (text: string, what: string): string =>
    text.replace(/^~(?=\/|$)/, homedir()).replace(/%(.)/g, (token, letter: string) => {
      const value = values[letter];
      if (value !== undefined) return value;
      throw new RemoteError('unreachable', router, `${what} uses ${token}, which Tandem does not know`);
    });
}

const FOLLOWED =
  'host user hostname port addressfamily connecttimeout identityfile identitiesonly identityagent hostkeyalias userknownhostsfile globalknownhostsfile hostkeyalgorithms proxycommand proxyjump serveraliveinterval serveralivecountmax batchmode kbdinteractiveauthentication';
/** Of no consequence for a connection that runs a few commands, or stricter here anyway. */
const INDIFFERENT =
  'sendenv hashknownhosts gssapiauthentication gssapikeyexchange gssapidelegatecredentials gssapitrustdns gssapirenewalforcesrekey gssapikexalgorithms controlmaster controlpath controlpersist loglevel forwardagent forwardx11 forwardx11trusted forwardx11timeout escapechar visualhostkey permitlocalcommand localcommand requesttty remotecommand sessiontype tunnel tunneldevice compression checkhostip updatehostkeys addkeystoagent ipqos exitonforwardfailure xauthlocation fingerprinthash numberofpasswordprompts stdinnull forkafterauthentication localforward remoteforward dynamicforward clearallforwardings gatewayports logverbose syslogfacility streamlocalbindmask streamlocalbindunlink canonicaldomains canonicalizehostname canonicalizemaxdots canonicalizefallbacklocal canonicalizepermittedcnames nohostauthenticationforlocalhost connectionattempts enableescapecommandline rekeylimit tcpkeepalive passwordauthentication preferredauthentications';
const SILENT: ReadonlySet<string> = new Set(`${FOLLOWED} ${INDIFFERENT}`.split(' '));

let defaults: Promise<Settings> | undefined;

/** What differs from ssh's own defaults and is not followed here. */
async function unsupported(context: Context, host: string, settings: Settings): Promise<string[]> {
  defaults ??= runSshG(context.router, { host: 'localhost', config: 'none', identities: [] }).catch((error: Error) => {
    defaults = undefined;
    throw error;
  });
  const usual = await defaults;
  const set = [...settings].filter(
    ([key, values]) =>
      !SILENT.has(key) && values.join('\n') !== (usual.get(key) ?? []).join('\n') && !isStrict(key, values),
  );
  return set.map(([key, values]) =>
    key === 'stricthostkeychecking'
      ? `ssh_config sets StrictHostKeyChecking ${values[0]} for ${host}: Tandem checks host keys all the same`
      : `ssh_config sets ${key} ${values[0]} for ${host}: Tandem does not follow it`,
  );
}

/** `ssh -G` prints `yes` as `true`: what is as strict as Tandem is no surprise. */
const isStrict = (key: string, [value]: readonly string[]): boolean =>
  key === 'stricthostkeychecking' && (value === 'true' || value === 'yes');
