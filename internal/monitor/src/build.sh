#!/bin/sh
# Builds the embedded monitors, monitor_amd64.elf and monitor_arm64.elf, in the
# folder given (default: the one above). The same compilers give the same bytes;
# a test compares them with what is embedded.
set -eu
src=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
out=${1:-$src/..}

# build ARCH GNU-TRIPLET EXTRA-FLAGS LARGEST-PAGE
build() {
	"$2-gcc-12" -Os -std=gnu11 -Wall -Wextra -Werror -ffreestanding -nostdlib -static -fno-pie -no-pie \
		-fno-stack-protector -fno-asynchronous-unwind-tables -fno-unwind-tables -fomit-frame-pointer \
		-fno-tree-loop-distribute-patterns $3 -s \
		-Wl,--build-id=none,-z,noseparate-code,-z,max-page-size=$4,-z,noexecstack,-z,norelro \
		-o "$out/monitor_$1.elf" "$src/monitor.c"
	"$2-objcopy" -R .comment "$out/monitor_$1.elf"
	chmod 644 "$out/monitor_$1.elf"
}

build amd64 x86_64-linux-gnu -fcf-protection=none 4096
build arm64 aarch64-linux-gnu "-mbranch-protection=none -mno-outline-atomics" 65536
