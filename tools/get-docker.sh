#!/bin/bash
# Unpacks Debian's docker into the user's cache, where the tests of whole flows
# find it: nothing is installed, and no daemon is started.
set -euo pipefail

dir=${XDG_CACHE_HOME:-$HOME/.cache}/sandkit/docker
[ -x "$dir/usr/sbin/dockerd" ] && exit
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
cd "$work"
apt-get -q download docker.io containerd iptables libip4tc2 libip6tc2 libnetfilter-conntrack3 libnfnetlink0
for package in *.deb; do
  dpkg-deb -x "$package" root
done
mkdir -p "$(dirname "$dir")"
rm -rf "$dir"
mv root "$dir"
