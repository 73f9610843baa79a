/**
 * One apply at a time on a router. The lock is held by a process on the router that lives as long as the connection
 * which asked for it: nobody has to clear away the lock of a deployer that was killed.
 */
import { deferred } from '../base/deferred.ts';
import { ms } from '../base/units.ts';
import { quoteWord } from './quote.ts';
import { type Remote, RemoteError } from './remote.ts';
import { newMark } from './sections.ts';
import { SETUP } from './transaction.sh.ts';

export interface Lock {
  readonly kind: 'held';
  /** Over any connection; a lock that is gone already is fine. */
  release(remote: Remote): Promise<void>;
}

export interface Locked {
  readonly kind: 'locked';
  /** What its holder said of itself. */
  readonly by: string;
}

const FILE = '/run/tandem-apply.lock';
/** An apply that ended a moment ago is waited for, one that works is not. */
const WAIT_SECONDS = 5;
/** A connection that went silent may be taken for alive by the router for hours; no pair takes longer than this. */
const HELD_SECONDS_MAX = 1800;
const askTimeout = ms(15_000);

/** @param who for whoever finds the router locked; one line */
export async function takeLock(remote: Remote, who: string): Promise<Lock | Locked> {
  const mark = newMark();
  const answered = deferred<readonly string[]>();
  let said = '';
  const heard = (text: string) => {
    said += text;
    const line = said.split('\n').find((each, i, all) => i < all.length - 1 && each.startsWith(`${mark} `));
    if (line !== undefined) answered.resolve(line.split(' ').slice(1));
  };
  const what = 'locking the router';
  const unanswered = () =>
    answered.reject(new RemoteError('timeout', remote.router, `${what}: no answer within ${askTimeout} ms`));
  const timer = setTimeout(unanswered, askTimeout);
  const stdin = `main() {\n${holdScript(mark, who)}}\nmain </dev/null\n`;
  remote.exec(['sh', '-s'], { stdin, timeout: ms((HELD_SECONDS_MAX + 60) * 1000), what, heard }).then(
    ({ stderr }) => answered.reject(new Error(`${remote.router}: ${what} failed: ${stderr.trim().slice(-300)}`)),
    // The connection ended, and the lock with it.
    answered.reject,
  );
  const [word, ...rest] = await answered.promise.finally(() => clearTimeout(timer));
  if (word === 'locked') return { kind: 'locked', by: rest.join(' ') };
  return {
    kind: 'held',
    async release(over) {
      const argv = ['sh', '-c', RELEASE, 'sh', FILE, mark];
      await over.exec(argv, { timeout: askTimeout, what: 'unlocking the router' });
    },
  };
}

/** The kernel ends the lock with the process, however that ends. Without flock(1) there is no lock. */
const holdScript = (mark: string, who: string): string => `M=${quoteWord(mark)}
${SETUP}
command -v flock >/dev/null || finish held
exec 8>> ${FILE}
flock -w ${WAIT_SECONDS} 8 || finish locked "$(cut -d ' ' -f 4- ${FILE})"
printf '%s %s %s %s\\n' "$$" "$(started $$)" "$M" ${quoteWord(who)} > ${FILE}
answer held
beats=0
while [ "$beats" -lt ${HELD_SECONDS_MAX} ] && echo 2>/dev/null; do
  beats=$((beats + 1))
  sleep 1 8>&-
done
`;

const RELEASE = `
started() { sed -n 's/.*) \\([^ZX] .*\\)/\\1/p' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; }
read -r pid start mark who < "$1" || exit 0
[ "$mark" != "$2" ] || [ "$(started "$pid")" != "$start" ] || kill -9 "$pid"
`;
