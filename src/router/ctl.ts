/** A word to the tandemd that runs on a router, through its control socket: wherever that is, by the program that runs. */
import { ms } from '../base/units.ts';
import type { RunningDaemon } from '../change/observed.ts';
import type { Remote } from './remote.ts';

/** The daemon answers within one turn of its loop; its own client gives up after 10 s. */
const ctlTimeout = ms(15_000);

const ASK = `
socket=$(tr '\\000' '\\n' < "/proc/$1/environ" 2>/dev/null | sed -n 's/^TANDEMD_SOCKET=//p' | head -n 1)
[ -z "$socket" ] || export TANDEMD_SOCKET="$socket"
shift
exec "$@" >/dev/null 2>&1
`;

/**
 * Both routers of the pair run the same now: nobody needs to be spoken to as before. A daemon that does not take it
 * goes on for its tandem_grace, which harms nobody.
 */
export async function forget(remote: Remote, { pid, script }: RunningDaemon): Promise<void> {
  const program = [`/proc/${pid}/exe`, ...(script === undefined ? [] : [script])];
  const argv = ['sh', '-c', ASK, 'sh', String(pid), ...program, 'ctl', 'forget'];
  await remote.exec(argv, { timeout: ctlTimeout, what: 'ending the former speech' });
}
