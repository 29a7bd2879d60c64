#!/bin/bash
# Installs what the tests need and runs them all. As root every lane runs; as an
# ordinary user, those that need no root.
#
#   ./test.sh                 everything, about half an hour on two cores
#   ./test.sh lint unit vm    some of it
set -euo pipefail
cd "$(dirname "$0")"

lanes=(install lint unit race vm fuzz bench examples plugin)
plugins=sandbox/plugin/internal/e2e # a module of its own
top=$PWD
user=65534 # runs the tests of ordinary users when this runs as root
work=$(mktemp -d)
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT
export TMPDIR=$work/tmp SANDKIT_PROBE=$work/probe
mkdir -m 1777 "$TMPDIR"

is_root() { [ "$(id -u)" = 0 ]; }
say() { printf '\n== %s\n' "$*"; }

# packages lists the packages but those whose names match the pattern.
packages() { go list ./... | grep -Ev "${1:-^\$}"; }

# Some tests look at the source tree or run machines: once is enough for them.
once='sandkit$|/internal/vmrun$'

install() { tools/install.sh; }

lint() {
  local unformatted os
  unformatted=$(bin/gofumpt -l .)
  [ -z "$unformatted" ] || { echo "not formatted: $unformatted" >&2; return 1; }
  bin/golangci-lint run ./...
  (cd "$plugins" && "$top/bin/golangci-lint" run ./...)
  go mod tidy -diff
  for os in linux/arm64 linux/386 darwin/arm64 windows/amd64 freebsd/amd64; do
    GOOS=${os%/*} GOARCH=${os#*/} CGO_ENABLED=0 go vet ./...
  done
}

as_user() { go test -exec "$PWD/tools/as-user.sh $user" "$@"; }

unit() {
  say "as $(id -un)"
  go test -p 1 -count=1 ./...
  if is_root; then
    say "as user $user"
    CGO_ENABLED=0 as_user -p 1 -count=1 $(packages "$once")
  fi
}

race() {
  say "race detector, as $(id -un)"
  go test -p 1 -race -count=1 -short $(packages "$once")
  if is_root; then
    say "race detector, as user $user"
    as_user -p 1 -race -count=1 -short $(packages "$once")
  fi
}

# vm runs what depends on the kernel in virtual machines, two at a time: the
# processor is emulated, and the tests mostly wait for one another.
vm() {
  local kernel failed=0
  CGO_ENABLED=0 go build -o "$work/vmrun" ./internal/vmrun
  build_talker
  for kernel in 6.1 6.12; do
    vm_kernel "$kernel" > "$work/vm-$kernel.log" 2>&1 &
  done
  for kernel in 6.1 6.12; do
    wait -n || failed=1
  done
  cat "$work"/vm-*.log
  return $failed
}

vm_kernel() {
  local uid failed=0
  for uid in 0 1000; do
    say "kernel $1, as user $uid"
    vm_test "$1" "$uid" 20m ./cgroup/... ./fs ./ns ./sandbox/... ./internal/kernel ./internal/safepath ./internal/sys || failed=1
    (cd "$plugins" && vm_test "$1" "$uid" 5m .) || failed=1
  done
  # What depends on the kernel in handling images: how EROFS and overlays are mounted.
  say "kernel $1, images"
  vm_test "$1" 0 20m -run 'EROFS|Kernel|Loop|ManyLayers|Mount|Source|Stacks|View' ./image/erofs ./image/rootfs || failed=1
  return $failed
}

# vm_test KERNEL UID TIMEOUT ... runs tests in a virtual machine.
vm_test() {
  CGO_ENABLED=0 go test -count=1 -p 1 -short -timeout "$3" \
    -exec "$work/vmrun -k $1 -uid $2 -timeout 15m -disk 600 -env TMPDIR=/disk -bin busybox,dbus-daemon,losetup -add-modules erofs,loop -file $SANDKIT_PROBE -env SANDKIT_PROBE=$SANDKIT_PROBE -file $work/talker -env SANDKIT_TALKER=$work/talker" \
    "${@:4}"
}

# fuzz tries every fuzz target with some thousand inputs. A number of seconds
# would be no good on a busy machine: an input that is at work when they are over
# counts as a failure.
fuzz() {
  local package target
  for package in $(go list ./...); do
    for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
      go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-4000x}" "$package"
    done
  done
}

bench() {
  go test -run '^$' -bench . -benchtime 1x ./...
  if is_root; then
    go run ./internal/compare -runs 20 -slow 5 -alive 50 -heap 256
    go run ./internal/compare/life -runs 5 -lines 100000
  fi
}

examples() {
  local dir
  for dir in examples/*/; do
    say "$dir"
    go run "./$dir"
  done
}

# build_talker makes a plugin for those who have no modules to build it from.
build_talker() { (cd "$top/$plugins" && CGO_ENABLED=0 go build -buildvcs=false -o "$work/talker" ./talker); }

# plugin runs plugins of go-plugin's in sandboxes. What that needs is in a module
# of its own.
plugin() {
  (
    cd "$plugins"
    go mod tidy -diff
    go vet ./...
    say "as $(id -un)"
    go test -count=1 ./...
    if is_root; then
      say "as user $user"
      build_talker
      export SANDKIT_TALKER=$work/talker CGO_ENABLED=0
      go test -exec "$top/tools/as-user.sh $user" -count=1 ./...
    fi
  )
}

# inventory lists what a sandbox could leave behind on this machine.
inventory() {
  cut -d' ' -f5- /proc/self/mountinfo | sort
  find /sys/fs/cgroup -type d -path '*sandkit*' 2>/dev/null || true
  ls /sys/class/net /run/sandkit 2>/dev/null || true
  # A launcher's argv[0] is sandkit; later it is called sandkit-init.
  ps -eo comm=,args= | grep -E '^(sandkit-init|probe|docker-registry|qemu-system-x86) |^[^ ]+ +sandkit( |$)' || true
  cat /sys/block/loop*/loop/backing_file 2>/dev/null || true
  find "$TMPDIR" /dev/shm -mindepth 1 -maxdepth 1 || true
  find /tmp -mindepth 1 -maxdepth 1 -name 'sandkit*' || true
}

[ $# -gt 0 ] || set -- "${lanes[@]}"
for lane; do
  [[ " ${lanes[*]} " == *" $lane "* ]] || { echo "test.sh: no lane $lane; there are: ${lanes[*]}" >&2; exit 2; }
done
CGO_ENABLED=0 go build -buildvcs=false -o "$SANDKIT_PROBE" ./internal/probe
mkdir -p /run/sandkit 2>/dev/null && touch /run/sandkit/ids || true # one file of locks stays
inventory | sort > "$work/before"
failed=
for lane; do
  say "$lane ($(date +%T))"
  set +e
  (set -e && $lane)
  [ $? -eq 0 ] || failed+=" $lane"
  set -e
done
say "leak check"
# What a host program leaves that was killed, as some tests do, the next one removes.
go run ./examples/pipeline > /dev/null
left=$(comm -13 "$work/before" <(inventory | sort))
[ -z "$left" ] || { printf 'test.sh: left behind:\n%s\n' "$left" >&2; failed+=" leaks"; }
[ -z "$failed" ] || { echo "test.sh: failed:$failed" >&2; exit 1; }
echo "all lanes passed: $*"
