/**
 * The scripts that put tandemd on a router and take it away again: POSIX sh with coreutils or busybox, gzip. The
 * executable lies as `tandemd-VERSION` in a folder of the PATH, and a link beside it says which one is started; both
 * only ever change by a rename. What has not been checked carries a hidden name.
 */
import { quoteWord } from './quote.ts';
import { SETUP } from './transaction.sh.ts';

/** Where things go on a router. */
export interface Place {
  /** Of the executables; on every PATH, and never a place that is mounted noexec, such as /run or /var. */
  readonly folder: string;
  /** systemd's own folder for what administrators put there. */
  readonly units: string;
}

const NAMES = (place: Place): string => `folder=${quoteWord(place.folder)}
units=${quoteWord(place.units)}
link=$folder/tandemd
unit=$units/tandemd.service
old_link=$folder/.tandemd.tandem-previous
old_unit=$units/.tandemd.service.tandem-previous
reload_units() { [ ! -d /run/systemd/system ] || systemctl daemon-reload; }
identity() { stat -L -c %d:%i -- "$1" 2>/dev/null; }
each() { find "$folder" -maxdepth 1 -type f -name 'tandemd-[0-9]*' 2>/dev/null; }
`;

const script = (mark: string, place: Place, body: string): string =>
  `main() {\nM=${quoteWord(mark)}\n${SETUP}\n${NAMES(place)}\n${body}\n}\nmain </dev/null\n`;

/** A hundred megabytes are not hashed twice: what runs is mostly one of the files. */
const RUNNING = (exe: string): string => `running=$(identity ${exe})
if each | while IFS= read -r file; do identity "$file"; done | grep -qxF "$running"; then answer process "$running"
else answer running "$(sum ${exe})"; fi`;

/** What of tandemd is there: versions, link, unit, and what a running process was started from. */
export function surveyScript(mark: string, place: Place, pid: number | undefined): string {
  return script(
    mark,
    place,
    `if [ -L "$link" ]; then answer link "$(readlink "$link")"; elif [ -e "$link" ]; then answer foreign "$link"; fi
each | sort | while IFS= read -r file; do answer file "$(sum "$file")" "$(identity "$file")" "\${file##*/}"; done
[ ! -f "$unit" ] || answer unit "$(sum "$unit")"
${pid === undefined ? '' : RUNNING(`/proc/${pid}/exe`)}
answer surveyed`,
  );
}

export interface UploadScript {
  readonly mark: string;
  readonly place: Place;
  readonly version: string;
  readonly sha256: string;
  /** In bytes, of the executable itself. */
  readonly size: number;
  /** Names in the folder that something runs from or may go back to: never removed. */
  readonly keep: readonly string[];
}

/**
 * Takes a gzip stream from standard input. Checked are length, hash and that the executable runs here and tells its
 * version; only then it gets its name. Older versions make room first, but for those that are kept.
 */
export function uploadScript({ mark, place, version, sha256, size, keep }: UploadScript): string {
  const name = `tandemd-${version}`;
  // Two builds of one version may meet on a router: the second carries its hash, so that the first can be gone back to.
  const second = `${name}-${sha256.slice(0, 8)}`;
  const kept = keep.map(quoteWord).join(' | ');
  return `M=${quoteWord(mark)}
${SETUP}
${NAMES(place)}
upload=$folder/.tandem-executable-${mark}
clean() { rm -f "$upload"; }
(umask 022; mkdir -p "$folder") && [ -w "$folder" ] || finish unwritable "$folder"
command -v gzip >/dev/null || finish no-gzip
find "$folder" -maxdepth 1 -name '.tandem-executable-*' -mmin +10 -exec rm -f {} ';' 2>/dev/null
each | while IFS= read -r file; do
  ${kept === '' ? '' : `case \${file##*/} in ${kept}) continue ;; esac`}
  [ "$(sum "$file")" = ${sha256} ] || rm -f "$file"
done
free=$(df -Pk "$folder" | sed -n '2s/^.* \\([0-9][0-9]*\\)  *[0-9]*% .*$/\\1/p')
[ -z "$free" ] || [ "$free" -ge ${Math.ceil(size / 1024)} ] || finish no-space "$free" ${Math.ceil(size / 1024)} "$folder"
gzip -dc > "$upload" 2>/dev/null; unpacked=$?
[ "$(wc -c < "$upload" | tr -d ' ')" = ${size} ] && [ "$(sum "$upload")" = ${sha256} ] && [ "$unpacked" = 0 ] || { clean; finish truncated; }
chmod 755 "$upload" || { clean; finish unwritable "$folder"; }
if command -v timeout >/dev/null; then said=$(timeout 20 "$upload" --version </dev/null 2>&1); else said=$("$upload" --version </dev/null 2>&1); fi
status=$?
case $said in *"v${version}"*) ;; *) clean; finish unrunnable "$status" "$(printf %s "$said" | head -n 3 | tr '\\n' ' ' | cut -c 1-300)" ;; esac
target=$folder/${name}
[ ! -e "$target" ] || [ "$(sum "$target")" = ${sha256} ] || target=$folder/${second}
settle "$upload"
mv -f "$upload" "$target" && label "$target" || { clean; finish unwritable "$folder"; }
settle "$folder"
answer placed "\${target##*/}"
`;
}

export interface ActivateScript {
  readonly mark: string;
  readonly place: Place;
  /** In the folder. */
  readonly name: string;
  /** Absent: no systemd. */
  readonly unit?: { readonly text: string; readonly sha256: string };
}

/** Which executable is started from now on, and the unit that does it. Nothing is started or stopped. */
export function activateScript({ mark, place, name, unit }: ActivateScript): string {
  const placeUnit = `if [ "$(sum "$unit")" != ${unit?.sha256} ]; then
  fresh=$units/.tandemd.service.tandem-new
  (umask 022; mkdir -p "$units"; printf %s ${quoteWord(unit?.text ?? '')} > "$fresh") && chmod 644 "$fresh" || finish failed "$units"
  [ "$(sum "$fresh")" = ${unit?.sha256} ] || { rm -f "$fresh"; finish failed "$units"; }
  if [ -e "$unit" ]; then cp -p "$unit" "$old_unit" || finish failed "$old_unit"; fi
  settle "$fresh"
  mv -f "$fresh" "$unit" && label "$unit" || finish failed "$unit"
  settle "$units"
  reload_units || finish failed daemon-reload
fi`;
  return script(
    mark,
    place,
    `[ ! -e "$link" ] || [ -L "$link" ] || finish foreign "$link"
[ -x "$folder/${name}" ] || finish failed "$folder/${name}"
if [ "$(readlink "$link")" != ${quoteWord(name)} ]; then
  if [ -L "$link" ]; then rm -f "$old_link"; ln -s "$(readlink "$link")" "$old_link"; fi
  fresh=$folder/.tandemd.tandem-new
  rm -f "$fresh"
  ln -s ${quoteWord(name)} "$fresh" && mv -f "$fresh" "$link" || finish failed "$link"
  settle "$folder"
fi
${unit === undefined ? '' : placeUnit}
answer active`,
  );
}

export interface DeactivateScript {
  readonly mark: string;
  readonly place: Place;
  /** Where the link pointed before; absent: there was none. */
  readonly name?: string;
  /** Of the unit file that was there before; absent: there was none. */
  readonly unit?: string;
  /** An executable that was not there before. */
  readonly uploaded?: string;
}

/** Link and unit as they were before `activateScript`, whatever came of that. */
export function deactivateScript({ mark, place, name, unit, uploaded }: DeactivateScript): string {
  const relink = `ln -s ${quoteWord(name ?? '')} "$folder/.tandemd.tandem-new" && mv -f "$folder/.tandemd.tandem-new" "$link"`;
  const putBack =
    unit === undefined
      ? 'if [ -e "$unit" ]; then rm -f "$unit"; reload_units; fi'
      : `if [ "$(sum "$unit")" != ${unit} ] && [ "$(sum "$old_unit")" = ${unit} ]; then mv -f "$old_unit" "$unit"; label "$unit"; reload_units; fi`;
  return script(
    mark,
    place,
    `rm -f "$folder/.tandemd.tandem-new" "$units/.tandemd.service.tandem-new"
${name === undefined ? '[ ! -L "$link" ] || rm -f "$link"' : `[ "$(readlink "$link")" = ${quoteWord(name)} ] || { ${relink}; } || finish failed "$link"`}
${putBack}
rm -f "$old_link"
${uploaded === undefined ? '' : `[ "$(readlink "$link")" = ${quoteWord(uploaded)} ] || rm -f "$folder/${uploaded}"`}
answer inactive`,
  );
}

/** Nothing of tandemd stays: executables, link, unit with its drop-ins, copies. It must not run any more. */
export function removeScript(mark: string, place: Place): string {
  return script(
    mark,
    place,
    `[ ! -e "$link" ] || [ -L "$link" ] || finish foreign "$link"
for process in /proc/[0-9]*; do
  case $(readlink "$process/exe" 2>/dev/null) in "$folder"/tandemd-*) finish failed "tandemd runs as process \${process##*/}" ;; esac
done
if [ -d /run/systemd/system ]; then
  systemctl disable tandemd.service >/dev/null 2>&1
  systemctl reset-failed tandemd.service >/dev/null 2>&1
fi
each | while IFS= read -r file; do rm -f "$file"; done
rm -f "$link" "$old_link" "$folder"/.tandem-executable-* "$folder/.tandemd.tandem-new"
rm -f "$unit" "$old_unit" "$units/.tandemd.service.tandem-new"
rm -f /run/tandemd.sock
reload_units || finish failed daemon-reload
[ ! -e "$link" ] && [ -z "$(each)" ] || finish failed "$folder"
answer removed`,
  );
}
