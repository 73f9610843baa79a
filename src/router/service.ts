/** Starting, stopping and enabling the daemon: for bring-up and for taking it back, never for a change. */
import { type Millis, ms } from '../base/units.ts';
import type { RunningDaemon, System } from '../change/observed.ts';
import { exchange } from './exchange.ts';
import { proveStarted } from './prove.ts';
import type { Remote } from './remote.ts';
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

/** From the command's end until the daemon is seen: it forks twice on the way. */
const startLimit: Millis = ms(5000);

/** Starts the daemon, by its unit under systemd, and looks until it runs. One that runs already is left alone. */
export async function start(remote: Remote, service: Service): Promise<Started> {
  const running = await proveStarted(remote, ms(0));
  if (running !== undefined) return { kind: 'started', daemon: running };
  const how = service.init === 'systemd' ? { unit: service.unit } : { argv: plainCommand(service) };
  const exchanged = await exchange(remote, { start: how });
  if (exchanged.kind !== 'done') return { kind: 'failed', reason: exchanged.reason };
  const daemon = await proveStarted(remote, startLimit);
  return daemon === undefined ? { kind: 'failed', reason: 'it does not run' } : { kind: 'started', daemon };
}

function plainCommand({ binary, config, argv }: Service): readonly string[] {
  return argv === undefined ? [binary, '-f', config] : [binary, ...argv.slice(1)];
}

/** Exactly this process; one that is gone already is fine. Throws where it does not end. */
export async function stop(remote: Remote, daemon: Process & { readonly unit?: string }): Promise<void> {
  const exchanged = await exchange(remote, { stop: daemon });
  if (exchanged.kind === 'done' || (exchanged.kind === 'refused' && exchanged.stale)) return;
  throw new Error(`${remote.router}: stopping the daemon: ${exchanged.reason}`);
}

/** Whether the daemon will start at boot from now on; without systemd that is the router's own business. */
export async function enable(remote: Remote, service: Service): Promise<boolean> {
  if (service.init !== 'systemd') return false;
  return (await exchange(remote, { enable: service.unit })).kind === 'done';
}
