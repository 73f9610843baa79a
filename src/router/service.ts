/** Starting, stopping and enabling the daemon: for bring-up and for taking it back, never for a change. */
import { type Millis, ms } from '../base/units.ts';
import type { RunningDaemon, System } from '../change/observed.ts';
import { proveStarted } from './prove.ts';
import { type Remote, RemoteError } from './remote.ts';
import type { Process } from './transaction.ts';

export interface Service {
  readonly init: System['init'];
  /** `keepalived.service` */
  readonly unit: string;
  readonly binary: string;
  readonly config: string;
  /** How it was started before, where it ran: its arguments count when there is no unit to say them. */
  readonly argv?: readonly string[];
}

export type Started =
  | { readonly kind: 'started'; readonly daemon: RunningDaemon }
  | { readonly kind: 'failed'; readonly reason: string };

/** systemd waits for a daemon to be ready up to 90 s by default; keepalived is within one. */
const commandTimeout = ms(95_000);
/** From the command's end until the daemon is seen: it forks twice on the way. */
const startLimit: Millis = ms(5000);

/** Starts the daemon, by its unit under systemd, and looks until it runs. One that runs already is left alone. */
export async function start(remote: Remote, service: Service): Promise<Started> {
  const running = await proveStarted(remote, ms(0));
  if (running !== undefined) return { kind: 'started', daemon: running };
  // In the background: the arguments may tell it to stay in the foreground.
  const argv =
    service.init === 'systemd'
      ? ['systemctl', 'start', '--', service.unit]
      : ['sh', '-c', 'setsid "$@" </dev/null >/dev/null 2>&1 &', 'sh', ...plainCommand(service)];
  const result = await remote.exec(argv, { timeout: commandTimeout, what: 'starting the daemon' });
  if (result.code !== 0) return { kind: 'failed', reason: result.stderr.trim() || `status ${result.code}` };
  const daemon = await proveStarted(remote, startLimit);
  return daemon === undefined ? { kind: 'failed', reason: 'it does not run' } : { kind: 'started', daemon };
}

function plainCommand({ binary, config, argv }: Service): readonly string[] {
  return argv === undefined ? [binary, '-f', config] : [binary, ...argv.slice(1)];
}

/** For exactly this process, by its unit where it has one; SIGTERM lets keepalived give its VIPs away. */
const STOP = `
started() { sed -n 's/.*) \\([^ZX] .*\\)/\\1/p' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; }
[ "$(started "$1")" = "$2" ] || exit 0
if [ -n "$3" ]; then systemctl stop -- "$3" || exit 1; else kill -TERM "$1" || exit 1; fi
tries=0
while [ "$(started "$1")" = "$2" ]; do
  tries=$((tries + 1))
  [ "$tries" -lt 100 ] || exit 2
  sleep 0.1 2>/dev/null || sleep 1
done
`;

/** Throws a RemoteError where the daemon does not end within 10 s; one that is gone already is fine. */
export async function stop(remote: Remote, daemon: Process & { readonly unit?: string }): Promise<void> {
  const argv = ['sh', '-c', STOP, 'sh', String(daemon.pid), daemon.startTime, daemon.unit ?? ''];
  const result = await remote.exec(argv, { timeout: commandTimeout, what: 'stopping the daemon' });
  if (result.code === 0) return;
  const reason = result.code === 2 ? 'it does not end' : result.stderr.trim();
  throw new RemoteError('timeout', remote.router, `stopping the daemon: ${reason}`);
}

/** Whether the daemon will start at boot from now on; without systemd that is the router's own business. */
export async function enable(remote: Remote, service: Service): Promise<boolean> {
  if (service.init !== 'systemd') return false;
  const argv = ['systemctl', 'enable', '--', service.unit];
  const result = await remote.exec(argv, { timeout: commandTimeout, what: 'enabling the daemon' });
  return result.code === 0;
}
