/**
 * One daemon in another's place, in one command on the router: it goes on to its end when the connection is cut. Only
 * one such command works at a time, and the next one waits for it: whoever goes back looks at what came of it.
 */
import { type Millis, ms } from '../base/units.ts';
import { quoteCommand, quoteWord } from './quote.ts';
import { type Remote, RemoteError } from './remote.ts';
import { newMark } from './sections.ts';
import { SETUP } from './transaction.sh.ts';
import { ask, type Process } from './transaction.ts';

export interface Exchange {
  /** Nothing is done unless it is still this process that runs; with `unit` systemd stops it. */
  readonly stop?: Process & { readonly unit?: string };
  /** Under systemd the unit; else a command line that is left running in a session of its own. */
  readonly start?: { readonly unit: string } | { readonly argv: readonly string[] };
  /** Units that shall start at boot from now on, or not any more; `masked` ones can be started by nobody. */
  readonly enable?: string;
  readonly disable?: string;
  readonly mask?: string;
  readonly unmask?: string;
  /** Seconds since 1970 on the router's clock: nothing is done later. */
  readonly before?: number;
}

export type Exchanged =
  | { readonly kind: 'done'; readonly remarks: readonly string[] }
  /** Nothing was done. */
  | { readonly kind: 'refused'; readonly reason: string; readonly stale?: true }
  /** The old one was stopped, or was about to be. */
  | { readonly kind: 'failed'; readonly reason: string };

/** systemd gives a daemon 90 s to be ready and 15 to 90 s to end; the wait for a command before this one is as long. */
const exchangeTimeout: Millis = ms(240_000);

export async function exchange(remote: Remote, order: Exchange): Promise<Exchanged> {
  const mark = newMark();
  const what = whatIsDone(order);
  const answers = await ask(remote, mark, {
    ...{ argv: ['sh', '-s'], timeout: exchangeTimeout, what },
    stdin: `main() {\nM=${quoteWord(mark)}\n${SETUP}${LOCK}${steps(order)}\nanswer done\n}\nmain </dev/null\n`,
  });
  const [word, ...rest] = answers.at(-1) ?? [];
  const remarks = answers.filter(([key]) => key === 'remark').map(([, ...words]) => words.join(' '));
  switch (word) {
    case 'done':
      return { kind: 'done', remarks };
    case 'stale':
      return { kind: 'refused', reason: 'the daemon that was seen does not run any more', stale: true };
    case 'missed':
      return { kind: 'refused', reason: 'the moment had passed' };
    case 'busy':
      return { kind: 'refused', reason: 'another exchange of its daemon is under way' };
    case 'failed':
      return { kind: 'failed', reason: rest.join(' ').trim() };
    default:
      throw new RemoteError('cut', remote.router, `${what} ended half way`);
  }
}

function whatIsDone({ stop, start }: Exchange): string {
  if (start === undefined) return stop === undefined ? 'asking for the units' : 'stopping the daemon';
  return stop === undefined ? 'starting the daemon' : 'exchanging the daemon';
}

/** Waits until no exchange works any more: one whose connection was cut comes to its end by itself. */
export async function settled(remote: Remote): Promise<void> {
  const { kind } = await exchange(remote, {});
  if (kind !== 'done') throw new Error(`${remote.router}: an exchange of its daemon does not come to its end`);
}

/** A link can be made only once, and is there with what it says: which process made it, and whether that still lives. */
const LOCK = `
lock=/run/tandem-exchange.lock
tries=0
until ln -sn "$$.$(started $$)" "$lock" 2>/dev/null; do
  tries=$((tries + 1))
  [ "$tries" -lt 600 ] || finish busy
  holder=$(readlink "$lock")
  if [ -n "$holder" ] && [ "$(started "\${holder%.*}")" != "\${holder#*.}" ]; then rm -f "$lock"
  else sleep 0.2 2>/dev/null || sleep 1; fi
done
trap 'rm -f "$lock"' EXIT
why() { printf %s "$1" | tr '\\n' ' ' | cut -c 1-500; }
`;

function steps({ stop, start, enable, disable, mask, unmask, before }: Exchange): string {
  const units = (verb: string, unit: string | undefined, or: string): string[] =>
    unit === undefined ? [] : [`said=$(systemctl ${verb} -- ${quoteWord(unit)} 2>&1) || ${or}`];
  return [
    ...(before === undefined ? [] : [`[ "$(date +%s)" -le ${Math.floor(before)} ] || finish missed`]),
    ...(stop === undefined ? [] : [STOP(stop)]),
    ...units('unmask', unmask, 'finish failed "$(why "$said")"'),
    ...(start === undefined ? [] : [START(start)]),
    ...units('enable', enable, 'finish failed "$(why "$said")"'),
    ...units('disable', disable, 'answer remark "$(why "$said")"'),
    ...units('mask', mask, 'answer remark "$(why "$said")"'),
  ].join('\n');
}

/** SIGTERM lets a daemon give its VIPs away: to the peer, which waits for a moment only. */
const STOP = ({ pid, startTime, unit }: NonNullable<Exchange['stop']>): string => `
[ "$(started ${pid})" = ${quoteWord(startTime)} ] || finish stale
${
  unit === undefined
    ? `kill -TERM ${pid} || finish failed "${pid} cannot be stopped"`
    : `said=$(systemctl stop -- ${quoteWord(unit)} 2>&1) || finish failed "$(why "$said")"`
}
tries=0
while [ "$(started ${pid})" = ${quoteWord(startTime)} ]; do
  tries=$((tries + 1))
  [ "$tries" -lt 200 ] || finish failed "${pid} does not end"
  sleep 0.1 2>/dev/null || sleep 1
done`;

/** What a daemon says when it does not start stands in its journal. */
const START = (start: NonNullable<Exchange['start']>): string =>
  'unit' in start
    ? `systemctl reset-failed -- ${quoteWord(start.unit)} 2>/dev/null
if ! said=$(systemctl start -- ${quoteWord(start.unit)} 2>&1); then
  log=$(journalctl --no-pager -q -o cat -n 20 -u ${quoteWord(start.unit)} 2>/dev/null | grep -v -e '^ *at ' -e systemd | tail -n 6)
  systemctl stop -- ${quoteWord(start.unit)} 2>/dev/null
  finish failed "$(why "$log $said")"
fi`
    : `setsid ${quoteCommand(start.argv)} </dev/null >/dev/null 2>&1 &`;
