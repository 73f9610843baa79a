/**
 * The shell scripts of a lab. They run where Node is not: as the first process of the lab's and of each node's pid
 * namespace. All of them source `env`, which names the lab's directory and what this machine has to offer.
 *
 * Order of a boot: lab (its directory, bridges, one tmpfs for all routers' files) -> boot NODE (new namespaces) -> node
 * (wires, addresses) -> root (a router's own file system and init).
 */

/**
 * Given to the shell as text, for its directory is not there yet: the one that takes it away is the one that makes it, so
 * that there is none without the other, whenever the maker dies.
 */
export const FIRST_PROCESS = `# First process of the lab: everything in the lab dies with it. It ends on a signal or with its standard input,
# the pipe that its maker holds, unless the maker said "stay"; and takes away the directory and the cgroups first.
LAB=$1
down() {
  trap '' TERM INT HUP
  kill -9 -1 2>/dev/null
  tries=0
  # A killed process leaves its cgroup a moment later; five seconds are far more than that takes.
  while [ -n "$CGROUP" ] && ls -d "$CGROUP".* >/dev/null 2>&1 && [ $tries -lt 100 ]; do
    find "$CGROUP".* -depth -type d -exec rmdir {} + 2>/dev/null
    ls -d "$CGROUP".* >/dev/null 2>&1 && sleep 0.05
    tries=$((tries + 1))
  done
  umount -l "$LAB/nodes" 2>/dev/null
  rm -rf "$LAB"
  exit 0
}
failed() {
  echo failed >&3
  # The maker reads the log, and cuts the pipe.
  read -r word
  down
}
trap down TERM INT HUP
mkdir -m 700 "$LAB" || exit 1
echo made
# The maker writes the files, and says so.
read -r word && . "$LAB/env" || down
exec >>"$LAB/log/lab" 2>&1
read -r pid rest </proc/self/stat
# The directories of all routers live in this mount namespace only, so they cannot outlive it. The size is a bound, not a use.
mount -t tmpfs -o size=1g,mode=755 lab "$LAB/nodes" || failed
echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
ip -batch "$LAB/switch.batch" || failed
sh "$LAB/cables" "$LAB" watch </dev/null >>"$LAB/log/cables" 2>&1 3>&- &
for node in $NODES; do
  sh "$LAB/boot" "$LAB" "$node" </dev/null >>"$LAB/log/$node" 2>&1 &
done
echo "lab $pid" >&3
exec 3>&- 4<&0
# 'wait' reaps every process that ends up here, not only this one.
( read -r word <&4 && [ "$word" = stay ] && exec sleep infinity ) &
wait $!
down
`;

export const SCRIPTS: Readonly<Record<string, string>> = {
  boot: `# Starts a node in namespaces of its own, and again when it reboots itself: in a pid namespace reboot() ends the first
# process by SIGHUP, which unshare passes on as 129. Descriptor 3 hears "NODE PID", 9 is the switch's network namespace.
. "$1/env"
exec 9</proc/self/ns/net
while :; do
  unshare --net --mount --pid --uts --ipc --fork --kill-child sh "$LAB/node" "$LAB" "$2"
  ended=$?
  rm -f "$LAB/pid/$2"
  [ $ended = 129 ] || break
  exec 3>&-
done
# Heard where it ended before it reported.
{ echo failed >&3; } 2>/dev/null
`,

  node: `# First process of a node: /proc is still the machine's, so the pid read here is the one that nsenter wants.
. "$1/env"
name=$2
read -r pid rest </proc/self/stat
on_switch() { nsenter --net=/proc/self/fd/9 "$@"; }
hostname "$name" 2>/dev/null || echo "$name" >/proc/sys/kernel/hostname
# The switch's ends of a life before may outlive it by some milliseconds.
sed 's/^/link del /' "$LAB/node.d/$name.ends" | on_switch ip -force -batch - 2>/dev/null
on_switch ip -batch "$LAB/node.d/$name.plug" || exit 1
[ ! -e "$LAB/node.d/$name.forwarding" ] || echo 1 >/proc/sys/net/ipv4/ip_forward
batch=$LAB/node.d/$name.net
[ ! -e "$LAB/nodes/$name/etc/lab/network" ] || batch=$LAB/nodes/$name/etc/lab/network
held=$(ls "$LAB/nodes/$name/etc/lab/managed" 2>/dev/null)
if [ -n "$held" ]; then
  # A managed interface gets its address from its manager, when it has carrier.
  for iface in $held; do set -- "$@" -e "/^address .* dev $iface\\$/d"; done
  shift 2
  sed "$@" "$batch" | ip -force -batch -
else
  ip -force -batch "$batch"
fi
[ ! -e "$LAB/node.d/$name.nft" ] || nft -f "$LAB/node.d/$name.nft" || echo "$name: no masquerading here"
on_switch ip -batch "$LAB/node.d/$name.attach" || exit 1
while read -r end; do
  [ -e "$LAB/unplugged/$end" ] || echo "link set $end up"
done <"$LAB/node.d/$name.ports" | on_switch ip -batch -
on_switch sh "$LAB/cables" "$LAB" once
echo "$pid" >"$LAB/pid/.$name" && mv "$LAB/pid/.$name" "$LAB/pid/$name"
if [ "$(cat "$LAB/node.d/$name.kind")" = host ]; then
  mount -t proc proc /proc && mount -t sysfs -o ro sysfs /sys
  echo "$name $pid" >&3
  exec 3>&- 9<&-
  sleep infinity &
  wait $!
  exit
fi
if [ "$INIT" = systemd ]; then
  # Its own cgroup first: the cgroup namespace made from there shows it as the root.
  mkdir -p "$CGROUP.$name" && echo 0 >"$CGROUP.$name/cgroup.procs" || exit 1
  exec unshare --cgroup sh "$LAB/root" "$LAB" "$name" "$pid"
fi
exec sh "$LAB/root" "$LAB" "$name" "$pid"
`,

  cables: `# Keeps a cable's two ends alike. Each end of a cable is a veth pair whose outer half is a port of the cable's bridge;
# an inner half has carrier while its outer half is up. A cable carries when both inner halves exist and are up, as one
# of copper does. Arguments: once | watch.
. "$1/env"
# absent, down (we hold it dark), dark (up, but the router's side is down or gone), lit
state() {
  case "$links" in
    *": $1@"*) ;;
    *) echo absent; return ;;
  esac
  flags=\${links#*": $1@"}
  flags=\${flags#*<}
  flags=,\${flags%%>*},
  case "$flags" in
    *,LOWER_UP,*) echo lit ;;
    *,UP,*) echo dark ;;
    *) echo down ;;
  esac
}
port() { ip link set "$1" "$2" 2>/dev/null; }
check() {
  while read -r bridge a b; do
    links=$(ip -o link show master "$bridge")
    sa=$(state "$a") sb=$(state "$b")
    [ ! -e "$LAB/unplugged/$bridge" ] || { sa=pulled sb=pulled; }
    case $sa-$sb in
      pulled-* | *-pulled) port "$a" down; port "$b" down ;;
      absent-lit | absent-dark | dark-lit) port "$b" down ;;
      lit-absent | dark-absent | lit-dark) port "$a" down ;;
      lit-down) port "$b" up ;;
      down-lit) port "$a" up ;;
      down-down) port "$a" up; port "$b" up ;;
    esac
  done <"$LAB/cables.table"
}
check
[ "$2" = watch ] || exit 0
# Every event of a link is worth a look; a look that changes nothing causes none.
ip -o monitor link | while read -r event; do
  case "$event" in *cable-*) check ;; esac
done
`,

  manager: `# What a network manager does to an interface it manages: five seconds after the carrier went, the address goes; with
# the carrier it comes back. Runs in the router with the interface's name, and looks four times a second.
dark=0 has=
while sleep 0.25; do
  carrier=0
  read -r carrier 2>/dev/null <"/sys/class/net/$1/carrier"
  if [ "$carrier" = 1 ]; then
    dark=0
    [ "$has" = yes ] || sed -n "/^address .* dev $1$/p" /etc/lab/network | ip -force -batch - 2>/dev/null
    has=yes
  elif [ $dark -lt 20 ]; then
    dark=$((dark + 1))
  elif [ "$has" != no ]; then
    ip address flush dev "$1" scope global
    has=no
  fi
done
`,
};
