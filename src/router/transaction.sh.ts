/**
 * The scripts of a change on a router: POSIX sh with coreutils or busybox. Every file lands beside its target under
 * a hidden name that no include pattern picks up, and only a rename ever touches a live path.
 */
import { quoteWord } from './quote.ts';

/** Hidden: `include *.conf` and run-parts pass over them. */
export const stagedPath = (path: string, generation: number): string => beside(path, `tandem-${generation}`);

/** Where the configuration that ran before the last change is kept, to go back to by hand. */
export const previousPath = (path: string): string => beside(path, 'tandem-previous');

function beside(path: string, ending: string): string {
  const slash = path.lastIndexOf('/') + 1;
  return `${path.slice(0, slash)}.${path.slice(slash)}.${ending}`;
}

const folderOf = (path: string): string => path.slice(0, Math.max(path.lastIndexOf('/'), 1));

export interface StagedFile {
  readonly path: string;
  readonly generation: number;
  readonly mode: number;
  readonly size: number;
  readonly sha256: string;
}

/** What a script answers, a line each, behind a mark: `MARK KEY VALUE`. */
export const SETUP = String.raw`
export LC_ALL=C TZ=UTC
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"
umask 077
# A cut connection does not stop a step half way.
trap '' PIPE HUP
answer() { printf '%s %s\n' "$M" "$*"; }
finish() { answer "$@"; exit 0; }
sum() { sha256sum < "$1" 2>/dev/null | cut -c 1-64; }
# sync(1) takes files from coreutils 8.24 on; busybox and older ones write everything back.
settle() { sync -- "$@" 2>/dev/null || sync; }
started() { sed -n 's/.*) \([^ZX] .*\)/\1/p' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; }
label() { [ ! -r /sys/fs/selinux/enforce ] || ! command -v restorecon >/dev/null || restorecon -F -- "$1"; }
`;

export interface StageScript {
  readonly mark: string;
  /** The bytes of all files one after another, as they come by standard input. */
  readonly size: number;
  readonly sha256: string;
  readonly files: readonly StagedFile[];
  /** The configuration's path; the upload lands in its folder before it is cut into its files. */
  readonly config: string;
}

/**
 * Takes the upload whole or not at all: what came is counted and hashed before anything is cut from it, and each
 * piece again. Then generation 0 is made from the live files.
 *
 * A connection that was cut may leave its script behind, started late and working beside the next attempt's: until
 * its upload is whole it touches nothing but a file of its own name.
 */
export function stageScript({ mark, size, sha256, files, config }: StageScript): string {
  const folder = folderOf(config);
  const upload = `${folder}/.tandem-upload-${mark}`;
  const folders = [...new Set(files.map((file) => folderOf(file.path)))];
  const targets = [...new Set(files.map((file) => file.path))];
  // A rename would put a file in the link's place, and going back would not bring the link again.
  const links = targets.map((path) => `[ ! -L ${quoteWord(path)} ] || finish link ${quoteWord(path)}`);
  let offset = 0;
  const pieces = files.map((file) => {
    const from = offset + 1;
    offset += file.size;
    const words = [stagedPath(file.path, file.generation), from, file.size, file.sha256, file.mode.toString(8)];
    return `piece ${words.map((word) => quoteWord(String(word))).join(' ')}`;
  });
  // Twice what comes (the upload and its pieces), the copies of what lives, and room to breathe.
  const needed = Math.ceil((size * 2) / 1024) + 256;
  return `M=${quoteWord(mark)}
${SETUP}
upload=${quoteWord(upload)}
clean() { rm -f "$upload"; }
${links.join('\n')}
for folder in ${folders.map(quoteWord).join(' ')}; do
  (umask 022; mkdir -p "$folder") && [ -w "$folder" ] || finish unwritable "$folder"
  find "$folder" -maxdepth 1 -name '.tandem-upload-*' -mmin +10 -exec rm -f {} ';' 2>/dev/null
  free=$(df -Pk "$folder" | sed -n '2s/^.* \\([0-9][0-9]*\\)  *[0-9]*% .*$/\\1/p')
  [ -z "$free" ] || [ "$free" -ge ${needed} ] || finish no-space "$free" ${needed} "$folder"
done
cat > "$upload" || { clean; finish full "$upload"; }
[ "$(wc -c < "$upload" | tr -d ' ')" = ${size} ] && [ "$(sum "$upload")" = ${sha256} ] || { clean; finish truncated; }
sweep() { for folder in ${folders.map(quoteWord).join(' ')}; do ${SWEEP}; done; }
full() { clean; sweep; finish full "$1"; }
${KEEP_PREVIOUS(config)}
sweep
piece() {
  tail -c "+$2" "$upload" | head -c "$3" > "$1" && chmod "$5" "$1" && [ "$(sum "$1")" = "$4" ] || full "$1"
}
${pieces.join('\n')}
clean
keep() {
  [ ! -e "$1" ] || cp -p "$1" "$2" || full "$2"
}
${targets.map((path) => `keep ${quoteWord(path)} ${quoteWord(stagedPath(path, 0))}`).join('\n')}
settle ${folders.map(quoteWord).join(' ')} ${files.map((file) => quoteWord(stagedPath(file.path, file.generation))).join(' ')}
answer staged
`;
}

/** keepalived's own test, in a session of its own: some versions end their whole process group (its issue 2617). */
export function testScript(mark: string, command: readonly string[]): string {
  const line = command.map(quoteWord).join(' ');
  return `M=${quoteWord(mark)}
${SETUP}
run() { if command -v timeout >/dev/null; then timeout 20 setsid "$@"; else setsid "$@"; fi; }
said=$(run ${line} </dev/null 2>&1)
answer tested $?
printf '%s\n' "$said" | head -c 65536
`;
}

export interface CommitScript {
  readonly mark: string;
  /** Absent: whatever boot this is. */
  readonly bootId?: string;
  /** The process to signal; with `guarded` nothing happens unless it is still there. */
  readonly daemon?: { readonly pid: number; readonly startTime: string; readonly guarded: boolean };
  /** Live files as they must be found, by any of these hashes; the empty one: the file does not exist. */
  readonly expected: readonly { readonly path: string; readonly sha256: readonly string[] }[];
  readonly files: readonly { readonly path: string; readonly generation: number; readonly sha256: string }[];
  /** Live files that the generation does not have. */
  readonly removed: readonly string[];
  readonly signal?: 'none' | 'hup' | { readonly unit: string };
  /** Seconds since 1970 on the router's clock: nothing is put in place before. */
  readonly at?: number;
  /** Seconds that may pass after `at` before the change counts as missed. */
  readonly late?: number;
}

/** Guards, prepares copies, waits for the moment, renames and signals: the shortest possible time between the last two. */
export function commitScript(script: CommitScript): string {
  const { mark, bootId, daemon, expected, files, removed, signal, at, late } = script;
  const fresh = (path: string) => beside(path, 'tandem-new');
  const guards = [
    ...(bootId === undefined
      ? []
      : [`[ "$(cat /proc/sys/kernel/random/boot_id)" = ${quoteWord(bootId)} ] || finish stale rebooted`]),
    ...(daemon?.guarded !== true
      ? []
      : [`[ "$(started ${daemon.pid})" = ${quoteWord(daemon.startTime)} ] || finish stale daemon`]),
    ...expected.map(({ path, sha256 }) => `found ${[path, ...sha256].map(quoteWord).join(' ')}`),
  ];
  const prepare = files.map((file) => {
    const words = [file.path, stagedPath(file.path, file.generation), fresh(file.path), file.sha256];
    return `prepare ${words.map(quoteWord).join(' ')}`;
  });
  const place = files.map(({ path }) => `place ${quoteWord(fresh(path))} ${quoteWord(path)}`);
  const remove = removed.map((path) => `rm -f ${quoteWord(path)}`);
  const folders = [...new Set([...files.map(({ path }) => path), ...removed].map(folderOf))].map(quoteWord);
  return `M=${quoteWord(mark)}
${SETUP}
found() {
  path=$1; shift
  now=$(sum "$path")
  for hash in "$@"; do [ "$now" != "$hash" ] || return 0; done
  finish stale file "$path"
}
${guards.join('\n')}
rights() { stat -c '%a %u' "$1" 2>/dev/null; }
prepare() {
  # What an attempt left that was killed before it came to its place must not come there now.
  rm -f "$3"
  [ "$(sum "$2")" = "$4" ] || finish stale staged "$2"
  [ "$(sum "$1")" != "$4" ] || [ "$(rights "$1")" != "$(rights "$2")" ] || return 0
  cp -p "$2" "$3" && settle "$3" && [ "$(sum "$3")" = "$4" ] || { rm -f "$3"; finish no-space "$3"; }
}
writes=0
place() {
  [ -e "$1" ] || return 0
  mv -f "$1" "$2" || { [ "$writes" = 0 ] || answer placed "$writes"; finish failed "$2 cannot be replaced"; }
  writes=$((writes + 1))
  # A file that the daemon may not read shows in its reload, which is proven.
  label "$2"
}
${prepare.join('\n')}
${
  at === undefined
    ? ''
    : WAIT(
        at,
        late ?? 0,
        files.map(({ path }) => fresh(path)),
      )
}
${place.join('\n')}
${remove.join('\n')}
answer placed "$writes" "$(date +%s.%N)"
${SIGNAL(signal ?? 'none', daemon)}
${folders.length === 0 ? '' : `settle ${folders.join(' ')}`}
answer done
`;
}

/**
 * Sleeps most of the way, then looks at the clock again, since sleep(1) may take fractions or not. A moment that
 * was missed changes nothing.
 */
const WAIT = (at: number, late: number, prepared: readonly string[]): string => `
left() { awk -v now="$(date +%s.%N)" 'BEGIN { printf "%.3f", ${at.toFixed(3)} - now }'; }
pause=$(left)
case $pause in -*) ;; *) sleep "$pause" 2>/dev/null || sleep "$(printf %.0f "$pause")" ;; esac
case $(awk -v left="$(left)" 'BEGIN { print (left < -${late.toFixed(3)}) ? "missed" : "well" }') in
missed) rm -f ${prepared.map(quoteWord).join(' ')}; finish missed "$(date +%s.%N)" ;;
esac`;

function SIGNAL(signal: 'none' | 'hup' | { readonly unit: string }, daemon: CommitScript['daemon']): string {
  if (signal === 'none' || daemon === undefined) return '';
  const send = signal === 'hup' ? `kill -HUP ${daemon.pid}` : `systemctl reload -- ${quoteWord(signal.unit)}`;
  return `[ "$(started ${daemon.pid})" = ${quoteWord(daemon.startTime)} ] || finish gone
before=$(date +%s.%N)
said=$(${send} 2>&1) || finish unsignalled "$(printf %s "$said" | tr '\\n' ' ' | cut -c 1-300)"
answer signalled "$before" "$(date +%s.%N)"`;
}

/** What this attempt or one that died before it staged. Uploads are each attempt's own. */
const SWEEP = 'rm -f "$folder"/.*.tandem-[0-9]* "$folder"/.*.tandem-new';

/** What was live before a change goes beside the configuration, for root alone, until the next change replaces it. */
const KEEP_PREVIOUS = (config: string): string => `old=${quoteWord(stagedPath(config, 0))}
[ ! -e "$old" ] || [ "$(sum "$old")" = "$(sum ${quoteWord(config)})" ] || { chmod go= "$old"; mv -f "$old" ${quoteWord(previousPath(config))}; }`;

/** Takes away what staging left; generation 0 of the configuration stays as the copy to go back to by hand. */
export function cleanScript(mark: string, paths: readonly string[], config: string): string {
  const folders = [...new Set(paths.map(folderOf))].map(quoteWord).join(' ');
  return `M=${quoteWord(mark)}
${SETUP}
${KEEP_PREVIOUS(config)}
for folder in ${folders}; do ${SWEEP}; done
answer cleaned
`;
}
