#!/bin/sh
# Installs the Debian packages that the lab and the network tests use, in such a way that no service of theirs
# starts now or at the next boot. What is installed already is left exactly as it is, running services included.
set -eu

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

# package:what it is for. dbus and systemd let a router of the lab run a real systemd as its first process;
# the package systemd alone does not become this machine's init (systemd-sysv would).
packages='keepalived openssh-server openssh-client iproute2 iputils-ping iputils-arping tcpdump nftables procps
util-linux mount dbus systemd faketime busybox'
# Units that those packages would enable.
units='keepalived.service ssh.service ssh.socket nftables.service'

command -v dpkg-query >/dev/null || fail 'this is not a Debian system: install keepalived, sshd, ip, ping, arping, tcpdump, nft and systemd by hand'

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# policy-rc.d is Debian's own switch: exit 101 forbids the package scripts to start anything. One that was there comes
# back afterwards. Ours says what it is for, so that the next run can end one that was killed.
policy=/usr/sbin/policy-rc.d
kept="$policy.before-tandem-setup"
unfinished=$(sed -n 's/^# tandem setup://p' "$policy" 2>/dev/null || :)
restore() {
  if grep -qs '^# tandem setup:' "$policy"; then rm -f "$policy"; fi
  if [ -e "$kept" ]; then mv "$kept" "$policy"; fi
}

missing=''
for package in $packages; do installed "$package" || missing="$missing $package"; done
if [ -z "$missing$unfinished" ]; then
  say 'everything is installed'
  exit 0
fi
[ "$(id -u)" = 0 ] || fail "missing:$missing$unfinished; run again as root (sudo npm run setup)"

restore
trap restore EXIT
trap 'exit 130' INT TERM
if [ -e "$policy" ]; then mv "$policy" "$kept"; fi
printf '#!/bin/sh\n# tandem setup:%s\nexit 101\n' "$missing$unfinished" >"$policy"
chmod 755 "$policy"
say 'no service starts during the installation (policy-rc.d)'

# The index is fetched only when it does not know a package.
# shellcheck disable=SC2086 # a list of names on purpose
if ! apt-get install -qq --simulate --no-install-recommends $missing >/dev/null 2>&1; then
  say 'apt-get update'
  apt-get -qq -o DPkg::Lock::Timeout=120 update
fi
say "installing$missing"
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=120 install --no-install-recommends $missing >/dev/null ||
  { say 'apt-get update, the index is out of date'
    apt-get -qq -o DPkg::Lock::Timeout=120 update
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=120 install --no-install-recommends $missing >/dev/null; }

# Only units of packages that were not here before: what its owner enabled stays enabled.
for unit in $units; do
  case "$unit" in
    ssh.*) package=openssh-server ;;
    *) package=${unit%.service} ;;
  esac
  case "$missing$unfinished " in
    *" $package "*)
      systemctl disable --quiet "$unit" 2>/dev/null || :
      [ "$(systemctl is-enabled "$unit" 2>/dev/null)" != enabled ] || fail "$unit could not be disabled"
      say "$unit stays off" ;;
  esac
done
say 'done'
