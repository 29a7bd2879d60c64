#!/bin/bash
# Installs what the tests need: Debian packages (as root), the linters into
# bin/, and the kernels of the virtual machine. What is there stays as it is.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(
  gcc libc6-dev python3                                        # run in sandboxes by tests
  bubblewrap runc crun                                         # peers in the comparison
  busybox-static dbus-daemon iproute2 procps uidmap            # used by tests
  erofs-utils                                                  # check file system images
  skopeo umoci                                                 # read and write images, too
  docker-registry                                              # somebody else's registry
  gcc-12 gcc-12-aarch64-linux-gnu binutils-aarch64-linux-gnu   # the launcher's and the monitor's bytes
  qemu-user-static qemu-system-x86 cpio zstd xz-utils lz4      # other machines
)
missing=()
for p in "${packages[@]}"; do
  dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q '^install ok' || missing+=("$p")
done
if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" != 0 ]; then
    echo "install.sh: run as root, or: sudo apt-get install ${missing[*]}" >&2
    exit 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q
  apt-get install -q -y --no-install-recommends "${missing[@]}"
fi
for tool in golangci-lint gofumpt; do
  [ -x bin/$tool ] || (cd tools && go build -o ../bin/ tool)
done
tools/get-kernel.sh
tools/get-docker.sh || echo "install.sh: without docker the scripts of internal/flows run only against sandkit" >&2
