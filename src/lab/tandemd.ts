/**
 * The tree's tandemd on a router of the lab, in keepalived's place: the same file, started at each boot as well (small
 * init). Out of the tree, so that no test meets an old build; the executable comes by `tandem apply`.
 */
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { packageRoot } from './boot.ts';
import type { Lab } from './lab.ts';
import { waitFor } from './process.ts';

const CONFIG = '/etc/keepalived/keepalived.conf';
const PID_FILE = '/run/keepalived.pid';
const LOG = '/var/log/tandemd.log';
/** In /proc/net/unix: the control socket, when somebody listens on it. It is made last at the start. */
const LISTENS = /^\S+ \S+ \S+ 00010000 .* \/run\/tandemd\.sock$/m;

/** The command line of the tree's tandemd inside a router. */
export function tandemdCommand(...argv: readonly string[]): readonly string[] {
  return ['/opt/lab/node', `${dirname(packageRoot().entry)}/tandemd.ts`, ...argv];
}

/** Writes the configuration and starts the daemon; it is ready when this returns. */
export async function startTandemd(lab: Lab, router: string, text: string): Promise<void> {
  const write = `umask 077; : >/etc/lab/tandemd; cat >${CONFIG}.new && mv ${CONFIG}.new ${CONFIG}`;
  await lab.must(router, ['sh', '-c', write], { stdin: text });
  const start = `setsid "$@" </dev/null >>${LOG} 2>&1 &`;
  const command = tandemdCommand('--dont-fork', '--log-console', '--log-detail');
  await lab.must(router, ['sh', '-c', start, 'sh', ...command]);
  await waitFor(() => LISTENS.test(readFileSync(`/proc/${lab.pid(router)}/net/unix`, 'utf8')), {
    what: `tandemd on ${router} to listen`,
    timeoutMs: 20_000,
  });
}

/** @param signal TERM: it gives everything up and ends; KILL: it ends, and nothing is given up */
export async function stopTandemd(lab: Lab, router: string, signal: 'TERM' | 'KILL' = 'TERM'): Promise<void> {
  const stop = `pid=$(cat ${PID_FILE}) && kill -${signal} "$pid" && while kill -0 "$pid"; do sleep 0.02; done 2>&1`;
  await lab.must(router, ['sh', '-c', stop], { timeoutMs: 20_000 });
}

/** What the daemon logged since the router was made. */
export async function tandemdLog(lab: Lab, router: string): Promise<string> {
  return (await lab.exec(router, ['cat', LOG])).stdout;
}
