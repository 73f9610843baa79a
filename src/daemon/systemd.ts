/** sd_notify(3): what systemd is told, where it asked for it (NOTIFY_SOCKET). */
import type { Datagrams } from './log.ts';

export interface Supervisor {
  /** READY=1: VRRP runs. */
  ready(status: string): void;
  reloading(nowUs: bigint): void;
  status(text: string): void;
  stopping(): void;
  alive(): void;
  /** How often `alive` is expected, halved as sd_watchdog_enabled(3) advises; undefined: not at all. */
  readonly watchdogMs: number | undefined;
}

export function supervisor(socket: Datagrams | undefined, environment: NodeJS.ProcessEnv): Supervisor {
  const tell = (...lines: readonly string[]): void => {
    socket?.send(Buffer.from(lines.join('\n')));
  };
  const line = (status: string): string => `STATUS=${status.replaceAll('\n', ' ')}`;
  return {
    ready: (status) => tell('READY=1', line(status)),
    reloading: (nowUs) => tell('RELOADING=1', `MONOTONIC_USEC=${nowUs}`),
    status: (text) => tell(line(text)),
    stopping: () => tell('STOPPING=1'),
    alive: () => tell('WATCHDOG=1'),
    watchdogMs: socket === undefined ? undefined : watchdogMs(environment),
  };
}

function watchdogMs({ WATCHDOG_USEC, WATCHDOG_PID }: NodeJS.ProcessEnv): number | undefined {
  const forUs = WATCHDOG_PID === undefined || WATCHDOG_PID === String(process.pid);
  const usec = Number(WATCHDOG_USEC);
  return forUs && usec > 0 ? usec / 2_000 : undefined;
}
