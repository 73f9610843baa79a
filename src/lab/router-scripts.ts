/**
 * A router's own root: its directory on the lab's tmpfs (/etc, /var, /root, /usr/local survive a reboot), /usr of this
 * machine read-only, fresh /run, /tmp, /dev, /proc, /sys; then its init, systemd or a small one.
 */

/** What a router copies from this machine's /etc: enough for programs to run, nothing that says who uses the machine. */
const COPIED_FROM_ETC =
  'alternatives debian_version default host.conf iproute2 ld.so.cache ld.so.conf ld.so.conf.d localtime login.defs ' +
  'nsswitch.conf os-release pam.conf pam.d protocols rpc security services shells ssl terminfo dbus-1';

/** Units that a router needs of those that Debian would start; every other one is masked. */
const WANTED_UNITS =
  'dbus.service dbus.socket systemd-journald.service systemd-journald.socket systemd-journald-dev-log.socket ' +
  'systemd-tmpfiles-setup.service';

export const ROUTER_SCRIPTS: Readonly<Record<string, string>> = {
  root: `# Arguments: LAB NAME PID. In the router's namespaces, /proc still the machine's.
. "$1/env"
name=$2 pid=$3 root=$LAB/nodes/$2 given=$LAB/node.d/$2
cd / || exit 1
if [ ! -e "$root/etc/lab/network" ]; then
  umask 022
  mkdir -p "$root/etc/lab/managed" "$root/etc/keepalived" "$root/etc/ssh" "$root/var/lib" "$root/var/log" \\
    "$root/var/tmp" "$root/var/cache" "$root/var/spool" "$root/root" "$LAB/nodes/$name.local/bin" "$LAB/nodes/$name.local/sbin" \\
    "$root/usr" "$root/run" "$root/tmp" "$root/dev" "$root/proc" "$root/sys" "$root/opt/lab" "$root/mnt" "$root/home"
  for file in ${COPIED_FROM_ETC}; do
    [ ! -e "/etc/$file" ] || cp -a "/etc/$file" "$root/etc/" 2>/dev/null
  done
  # System accounts only; root with a plain shell and no start-up files of anybody.
  awk -F: -v OFS=: '$1 == "root" { $6 = "/root"; $7 = "/bin/sh" } $3 < 1000 || $3 == 65534' /etc/passwd >"$root/etc/passwd"
  awk -F: '$3 < 1000 || $3 == 65534' /etc/group >"$root/etc/group"
  awk -F: '{ print $1 ":*:19000:0:99999:7:::" }' "$root/etc/passwd" >"$root/etc/shadow"
  chmod 600 "$root/etc/shadow"
  echo "$name" >"$root/etc/hostname"
  printf '127.0.0.1\\tlocalhost\\n127.0.1.1\\t%s\\n' "$name" >"$root/etc/hosts"
  cp "$given.machine-id" "$root/etc/machine-id"
  cp "$given.net" "$root/etc/lab/network"
  cp "$LAB/manager" "$root/etc/lab/manager"
  cp "$given.ssh/"* "$root/etc/ssh/"
  chmod 600 "$root/etc/ssh/"*_key
  ln -s ../run "$root/var/run"
  ln -s ../run/lock "$root/var/lock"
  ln -s ../proc/self/mounts "$root/etc/mtab"
  for dir in bin sbin lib lib32 lib64 libx32; do
    if [ -L "/$dir" ]; then cp -a "/$dir" "$root/$dir"; elif [ -d "/$dir" ]; then mkdir "$root/$dir"; fi
  done
  [ "$INIT" != systemd ] || . "$LAB/units"
fi

mount --bind "$root" "$root" && cd "$root" || exit 1
for dir in usr bin sbin lib lib32 lib64 libx32; do
  if [ ! -d $dir ] || [ -L $dir ]; then continue; fi
  mount --rbind /$dir $dir && mount -o remount,bind,ro $dir || exit 1
done
mount --bind "$LAB/nodes/$name.local" usr/local
# The tree's own programs (its SSH server, tandemd) need the Node that runs us and the tree.
mkdir -p opt/lab/tree
: >opt/lab/node
mount --bind "$NODE" opt/lab/node && mount --rbind "$TREE" opt/lab/tree || exit 1
# Without root a mount with flags of its own cannot be changed; then it stays as the user may write it.
for bound in opt/lab/node opt/lab/tree; do mount -o remount,bind,ro $bound 2>/dev/null || :; done
mount -t tmpfs -o mode=755,size=64m run run
mount -t tmpfs -o mode=1777,size=64m tmp tmp
mount -t tmpfs -o mode=755,size=1m dev dev
mkdir -p run/lock run/sshd dev/pts dev/shm
chmod 1777 run/lock dev/shm
for device in null zero full random urandom tty; do
  : >dev/$device
  mount --bind /dev/$device dev/$device
done
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s fd/0 dev/stdin
ln -s fd/1 dev/stdout
ln -s fd/2 dev/stderr
: >dev/console
mount -t proc proc proc && mount -t sysfs -o ro sys sys || exit 1
[ "$INIT" != systemd ] || mount -t cgroup2 cgroup2 sys/fs/cgroup || exit 1
mkdir -p mnt/old
pivot_root . mnt/old || exit 1
# The report names the pid that others use to come in, so it waits until there is something to come into.
echo "$name $pid" >&3
exec 3>&- 9<&- <dev/null
cd / && umount -l /mnt/old || exit 1
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin HOME=/root LANG=C.UTF-8
if [ "$INIT" = systemd ]; then
  container=tandem-lab exec /lib/systemd/systemd --system --log-target=journal --show-status=0
fi

# The small init: SSH, managers, and the VRRP daemon where there is a configuration: the tandemd that was installed, a
# test's own out of the tree, or keepalived. Then it only reaps.
case $SSHD in
  openssh) /usr/sbin/sshd -D >>/var/log/sshd.log 2>&1 & ;;
  tandem) /opt/lab/node "$ENTRY" lab ssh-server /etc/ssh >>/var/log/sshd.log 2>&1 & ;;
esac
for file in /etc/lab/managed/*; do
  [ ! -e "$file" ] || sh /etc/lab/manager "\${file##*/}" &
done
if [ -s /etc/keepalived/keepalived.conf ]; then
  if [ -x /usr/local/sbin/tandemd ]; then set -- tandemd
  elif [ -e /etc/lab/tandemd ]; then set -- /opt/lab/node "\${ENTRY%/*}/tandemd.ts"
  else set -- keepalived; fi
  log=/var/log/tandemd.log
  [ "$1" != keepalived ] || log=/var/log/keepalived.log
  "$@" --dont-fork --log-console --log-detail >$log 2>&1 &
fi
sleep infinity &
wait $!
`,

  units: `# Sourced at a router's first boot: what its systemd starts, and nothing else.
units=$root/etc/systemd/system
mkdir -p "$units/multi-user.target.wants"
for unit in /lib/systemd/system/*.target.wants/*; do
  unit=\${unit##*/}
  case " ${WANTED_UNITS} " in
    *" $unit "*) ;;
    *) ln -sf /dev/null "$units/$unit" ;;
  esac
done
ln -sf /dev/null "$units/systemd-networkd.service"
ln -s /lib/systemd/system/multi-user.target "$units/default.target"
cat >"$units/lab-manager@.service" <<'UNIT'
[Unit]
Description=Takes the address of a dark interface away after five seconds, as network managers do

[Service]
ExecStart=/bin/sh /etc/lab/manager %i
UNIT
case $SSHD in
  openssh) ln -s /lib/systemd/system/ssh.service "$units/multi-user.target.wants/ssh.service" ;;
  tandem)
    printf '[Unit]\\nDescription=SSH server\\n\\n[Service]\\nExecStart=/opt/lab/node "%s" lab ssh-server /etc/ssh\\nKillMode=process\\n' \\
      "$ENTRY" >"$units/ssh.service"
    ln -s ../ssh.service "$units/multi-user.target.wants/ssh.service" ;;
esac
[ ! -e /lib/systemd/system/keepalived.service ] ||
  ln -s /lib/systemd/system/keepalived.service "$units/multi-user.target.wants/keepalived.service"
`,
};
