/**
 * The script that reads a router, in one go, with what Debian, RHEL and busybox have: POSIX sh, coreutils' or
 * busybox's own tools, and iproute2 for `ip -j`. It writes nothing, but for asking keepalived for its state,
 * which keepalived answers with a file.
 */
import { quoteWord } from './quote.ts';

export interface FactsScript {
  /** Stands before and after every section; unguessable, since what is between may be hostile. */
  readonly mark: string;
  /** Further files whose facts are wanted, by absolute path. */
  readonly paths: readonly string[];
  /** Ask the daemon for its live state too: one signal, one file that it writes and we remove. */
  readonly live: boolean;
}

/** For `sh -s`. All of it is a function that the last line calls: a script that was cut in transit does nothing. */
export function factsScript({ mark, paths, live }: FactsScript): string {
  const wanted = paths.map((path) => `  fact ${quoteWord(path)}`).join('\n');
  return `main() {
M=${quoteWord(mark)}
${SETUP}
${SYSTEM}
${PROCESSES}
${live ? LIVE : ''}
${FILES}
${wanted}
${NETWORK}
${INSTALL}
show done date +%s.%N
}
main </dev/null
`;
}

/** Only the daemon and its instances: what a proof looks at again and again. */
export function daemonScript(mark: string): string {
  return `main() {
M=${quoteWord(mark)}
${SETUP}
${PROCESSES}
${LIVE}
show done date +%s.%N
}
main </dev/null
`;
}

const SETUP = String.raw`
export LC_ALL=C TZ=UTC
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"
show() { printf '%s < %s\n' "$M" "$1"; shift; "$@" 2>/dev/null; printf '\n%s > %s\n' "$M" "$?"; }
version() { "$@" --version 2>&1 | head -n 60; }
show clock date +%s.%N
`;

const SYSTEM = `
show boot cat /proc/sys/kernel/random/boot_id
show hostname cat /proc/sys/kernel/hostname
show arch uname -m
show kernel uname -r
show os sh -c 'cat /etc/os-release || cat /usr/lib/os-release || echo ID=linux'
if [ -d /run/systemd/system ]; then show init echo systemd; else show init echo other; fi
if [ -r /sys/fs/selinux/enforce ]; then show selinux cat /sys/fs/selinux/enforce; else show selinux echo none; fi
`;

/**
 * Every process whose executable is keepalived or tandemd (`tandemd-VERSION` behind its link, or Node with the
 * tree's program). `ours` are those in our network and process namespaces under our root; only of these is the
 * executable run (for its version) and the loaded configuration read: a memfd that keepalived >= 2.2 fills on every
 * load and its children read from; tandemd is asked through its control socket, for all that it tells at once.
 */
const PROCESSES = String.raw`
net=$(readlink /proc/self/ns/net)
pidns=$(readlink /proc/self/ns/pid)
root=$(stat -c %d:%i /)
show self printf '%s %s %s' "$net" "$pidns" "$root"
exes=$(ls -l /proc/[0-9]*/exe 2>/dev/null)
named() { printf '%s\n' "$exes" | sed -n "s@.* /proc/\([0-9]*\)/exe -> .*/\($1\)\( (deleted)\)\{0,1\}\$@\1@p" | head -n 64; }
word() { tr '\000' '\n' < "/proc/$1/cmdline" 2>/dev/null | sed -n "$2p"; }
script() {
  case $(readlink "/proc/$1/exe") in */node | */nodejs) ;; *) return ;; esac
  path=$(word "$1" 2)
  case $path in /*) echo "$path" ;; *) echo "$(readlink "/proc/$1/cwd")/$path" ;; esac
}
pids=
for p in $(named 'keepalived\|tandemd\(-[0-9][^/]*\)\{0,1\}'); do
  [ "$(word "$p" 2)" = ctl ] || pids="$pids$p "
done
for p in $(named 'node\(js\)\{0,1\}'); do
  case $(word "$p" 2) in */tandemd.[tj]s | */tandemd.[cm]js) ;; *) continue ;; esac
  [ "$(word "$p" 3)" = ctl ] || pids="$pids$p "
done
parents=
own=
program() {
  p=$1
  shift
  path=$(script "$p")
  if [ -n "$path" ]; then "/proc/$p/exe" "$path" "$@"; else "/proc/$p/exe" "$@"; fi
}
said() (
  socket=$(tr '\000' '\n' < "/proc/$1/environ" | sed -n 's/^TANDEMD_SOCKET=//p' | head -n 1)
  [ -z "$socket" ] || export TANDEMD_SOCKET="$socket"
  program "$1" ctl status counters config --json 2>/dev/null | head -c 16777216
)
args() { tr '\000' '\001' < "/proc/$1/cmdline"; }
space() { printf '%s %s %s' "$(readlink "/proc/$1/ns/net")" "$(readlink "/proc/$1/ns/pid")" "$(stat -L -c %d:%i "/proc/$1/root")"; }
loaded() {
  fd=$(ls -l "/proc/$1/fd" 2>/dev/null | sed -n 's@.* \([0-9]*\) -> /memfd:/keepalived/consolidated_configuration.*@\1@p' | head -n 1)
  [ -n "$fd" ] || return
  show memfd stat -L -c '%y %s' "/proc/$1/fd/$fd"
  show memfd-read sed -n 's/^pos:[[:blank:]]*//p' "/proc/$1/fdinfo/$fd"
  show memfd-text head -c 16777216 "/proc/$1/fd/$fd"
}
for p in $pids; do
  show process echo "$p"
  show exe readlink "/proc/$p/exe"
  show stat cat "/proc/$p/stat"
  show args args "$p"
  show space space "$p"
  path=$(script "$p")
  [ -z "$path" ] || show script printf %s "$path"
  parent=$(sed -n 's/.*) [A-Za-z] \([0-9]*\) .*/\1/p' "/proc/$p/stat" 2>/dev/null)
  [ "$(space "$p" 2>/dev/null)" = "$net $pidns $root" ] || continue
  case " $pids" in
  *" $parent "*) loaded "$p" ;;
  *)
    parents="$parents $p"
    case $path$(readlink "/proc/$p/exe") in
    */keepalived | */keepalived' (deleted)') show version version "/proc/$p/exe" ;;
    *)
      own="$own $p"
      text=$(said "$p")
      if [ -n "$text" ]; then show said printf %s "$text"; else show version version program "$p"; fi
      ;;
    esac
    show cgroup cat "/proc/$p/cgroup"
    unit=$(sed -n 's@^.*/\([^/]*\.service\)$@\1@p' "/proc/$p/cgroup" | head -n 1)
    [ -z "$unit" ] || show unit systemctl show -p Id,MainPID,CanReload -- "$unit"
    ;;
  esac
done
show pidfiles grep -s '' /run/keepalived.pid /run/keepalived/keepalived.pid /run/keepalived/keepalived.*.pid
for name in keepalived tandemd; do
  binary=$(command -v "$name") || continue
  show installed echo "$binary"
  show installed-version version "$binary"
  show installed-file readlink -f "$binary"
done
`;

/**
 * keepalived's own view of its instances: SIGJSON where it is compiled in. An unhandled real-time signal would
 * end the daemon, so the kernel is asked first whether it waits for that one (blocked for its signalfd, or caught).
 */
const LIVE = String.raw`
waits() {
  for mask in $(sed -n 's/^Sig\(Blk\|Cgt\):[[:blank:]]*0*//p' "/proc/$1/status"); do
    mask=$(printf %s "$mask" | tail -c 15)
    [ $(( 0x$mask >> ($2 - 1) & 1 )) = 0 ] || return 0
  done
  return 1
}
answered() {
  rm -f "$file"
  kill -"$number" "$1" || return
  tries=0
  size=0
  while [ "$tries" -lt 60 ]; do
    tries=$((tries + 1))
    sleep 0.03 || sleep 1
    last=$size
    size=$(stat -c %s "$file" 2>/dev/null || echo 0)
    [ "$size" != 0 ] && [ "$size" = "$last" ] || continue
    case $(tail -c 3 "$file" | tr -d '\n') in *[]}]) return 0 ;; esac
  done
  return 1
}
live() (
  number=$("/proc/$1/exe" --signum=JSON 2>/dev/null) || return
  case $number in [1-9] | [1-5][0-9]) ;; *) return ;; esac
  waits "$1" "$number" || return
  # Who asks beside this (a plan while an apply works) would take the answer away: one after the other.
  exec 9< "/proc/$1/exe" && flock -w 5 9 2>/dev/null
  its=/proc/$1/root
  file=$its/tmp/keepalived.json
  # Others (an exporter of metrics) ask without a lock, and may have taken it: once more.
  answered "$1" || answered "$1"
  show live cat "$file"
  rm -f "$file"
)
case $parents in
' '*' '* | "$own") ;;
' '*) live $parents ;;
esac
`;

/** For sed -n: what a file's includes name, behind a condition, too; what a variable stands for may be anything. */
export const INCLUDE_PATTERNS = String.raw`s/[$]{\{0,1\}[A-Za-z_][A-Za-z0-9_]*}\{0,1\}/*/g;s/^[[:blank:]]*\(@[^[:blank:]]*[[:blank:]]\{1,\}\)\{0,1\}include[rmwba]*[[:blank:]]\{1,\}"\{0,1\}\([^[:blank:]"]*\).*$/\2/p`;

/**
 * The configuration that the daemon was started with, or would be: its -f wherever it stands. What it includes
 * comes with its text; what lies beside it as facts only.
 */
const FILES = String.raw`
chosen() {
  before=
  while IFS= read -r word; do
    case $before in --use-file | -f | -[A-Za-z]*f) echo "$word" ;; esac
    case $word in --use-file=*) echo "$word" | sed 's/^--use-file=//' ;; -f?*) echo "$word" | sed 's/^-f//' ;; esac
    before=$word
  done | tail -n 1
}
fact() {
  [ -f "$1" ] || return
  show path printf %s "$1"
  show file-stat stat -L -c '%s %a %U:%G %y' "$1"
  show sha256 sha256sum "$1"
  [ -z "$2" ] || show text head -c 16777216 "$1"
}
includes() {
  [ "$2" -le 8 ] || return
  sed -n '${INCLUDE_PATTERNS}' "$1" | head -n 64 | while IFS= read -r pattern; do
    (
      cd "$(dirname "$1")" || exit
      for file in $pattern; do
        case $file in /*) ;; *) file=$(pwd)/$file ;; esac
        [ -f "$file" ] || continue
        fact "$file" text
        includes "$file" $(($2 + 1))
      done
    )
  done
}
conf=
case $parents in
' '*' '*) ;;
' '*) conf=$(for p in $parents; do tr '\000' '\n' < "/proc/$p/cmdline"; done | chosen) ;;
*) conf=$(sed -n 's/^[A-Z_]*\(ARGS\|OPTIONS\)=//p' /etc/default/keepalived /etc/sysconfig/keepalived 2>/dev/null | tr -d "\"'" | tr ' ' '\n' | chosen) ;;
esac
[ -n "$conf" ] || conf=/etc/keepalived/keepalived.conf
show config printf %s "$conf"
fact "$conf" text
[ ! -f "$conf" ] || includes "$conf" 1
find "$(dirname "$conf")" -maxdepth 2 -type f -size -65536k ! -name '.*' ! -name '*.tandem-previous' 2>/dev/null | head -n 512 | while IFS= read -r file; do
  [ "$file" = "$conf" ] || fact "$file"
done
`;

/** Network managers by what runs and what they noted at run time; their files without the lines that hold secrets. */
const NETWORK = `
show addresses ip -j address show
show routes4 ip -j -4 route show table all
show rules4 ip -j -4 rule show
if [ -e /proc/net/if_inet6 ]; then
  show routes6 ip -j -6 route show table all
  show rules6 ip -j -6 rule show
else
  show routes6 echo '[]'
  show rules6 echo '[]'
fi
settings() {
  cd /proc/sys/net || return
  grep -s '' /dev/null ipv4/ip_forward ipv6/conf/*/forwarding ipv4/conf/*/forwarding ipv4/conf/*/arp_ignore ipv4/conf/*/arp_announce ipv4/conf/*/arp_filter ipv4/conf/*/rp_filter ipv4/conf/*/promote_secondaries ipv4/conf/*/accept_local
}
show sysctls settings
managers() { grep -hxE 'NetworkManager|systemd-network' /proc/[0-9]*/comm | sort -u; }
show managers managers
show networkmanager grep -s '' /dev/null /run/NetworkManager/devices/*
show networkd grep -s '' /dev/null /run/systemd/netif/links/*
show ifstate cat /run/network/ifstate /run/ifstate
for file in /etc/network/interfaces /etc/network/interfaces.d/* \\
  /etc/systemd/network/*.network /etc/systemd/network/*.network.d/*.conf \\
  /run/systemd/network/*.network /run/systemd/network/*.network.d/*.conf \\
  /usr/local/lib/systemd/network/*.network /usr/lib/systemd/network/*.network \\
  /etc/NetworkManager/system-connections/* /run/NetworkManager/system-connections/* /usr/lib/NetworkManager/system-connections/* \\
  /etc/sysconfig/network-scripts/ifcfg-* /etc/netplan/*.yaml /run/netplan/*.yaml; do
  [ -f "$file" ] || continue
  show network-path printf %s "$file"
  show network-text sh -c 'head -c 65536 "$1" | grep -viE "password|passwd|secret|psk|private|wep" ' sh "$file"
done
`;

/** What an executable of ours would need, and what systemd thinks of both engines. */
const INSTALL = `
show glibc sh -c 'getconf GNU_LIBC_VERSION || ldd --version 2>&1'
place=/usr/local/sbin
while [ ! -d "$place" ]; do place=$(dirname "$place"); done
show place printf %s "$place"
show place-free df -Pk "$place"
show mounts head -c 1048576 /proc/self/mounts
[ ! -d /run/systemd/system ] || show units systemctl show -p Id,LoadState,ActiveState,UnitFileState,MainPID -- keepalived.service tandemd.service
`;
