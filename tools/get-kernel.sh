#!/bin/bash
# Prepares Debian cloud kernels for internal/vmrun, the virtual machine lane.
#
#   tools/get-kernel.sh                      6.1 and 6.12, from the packages that apt knows
#   tools/get-kernel.sh 6.12                 one of them
#   tools/get-kernel.sh 6.1=linux-image-6.1.0-56-cloud-amd64
#   tools/get-kernel.sh mine=./linux-image.deb
#   tools/get-kernel.sh -d DIR 6.1           elsewhere than $SANDKIT_KERNELS
#
# It installs nothing. DIR/NAME (DIR: $SANDKIT_KERNELS, else $XDG_CACHE_HOME/sandkit/kernels,
# else ~/.cache/sandkit/kernels) gets
#   vmlinux       uncompressed: to unpack it under emulation takes a second a boot
#   modules/*.ko  uncompressed and without signatures: RSA is slow under emulation
#   config, package
# A kernel whose package version and recipe are unchanged is left as it is. As root it runs
# `apt-get update` when apt does not know the package.
set -euo pipefail
export LC_ALL=C

# Change it when the prepared files change: every kernel is then prepared anew.
recipe=1

die() {
  echo "get-kernel.sh: $*" >&2
  exit 1
}

dir=${SANDKIT_KERNELS:-${XDG_CACHE_HOME:-${HOME:-}/.cache}/sandkit/kernels}
work=
trap '[ -z "$work" ] || rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# need_tools names every missing tool with its Debian package.
need_tools() {
  local pair missing=
  for pair in objcopy:binutils readelf:binutils xz:xz-utils zstd:zstd lz4:lz4 gzip:gzip \
    apt-get:apt apt-cache:apt dpkg-deb:dpkg flock:util-linux; do
    command -v "${pair%%:*}" >/dev/null || missing+=" ${pair%%:*} (package ${pair##*:})"
  done
  [ -z "$missing" ] || die "missing tools:$missing"
}

# find_package NAME [PACKAGE]: "PACKAGE VERSION" of the package that holds the kernel itself; fails when
# apt has none. A meta package names it in its dependencies: "linux-image-6.1.0-56-cloud-amd64 (= 6.1.192-2)".
# One call of apt-cache, for where apt keeps no cache (containers) each takes half a second.
find_package() {
  local name=$1 given=${2:-} package version
  local names=("linux-image-$name-cloud-amd64" linux-image-cloud-amd64)
  [ -z "$given" ] || names=("$given")
  while read -r package version; do
    case $package in
      "linux-image-$name"[.-]*) ;;
      *) [ -n "$given" ] || continue ;; # the unversioned meta package is of another series here
    esac
    echo "$package $version"
    return
  done < <(apt-cache show --no-all-versions "${names[@]}" 2>/dev/null |
    awk '
      /^Package: / { package = $2; real = "" }
      /^Version: / { version = $2 }
      /^Depends: / && match($0, /linux-image-[^ ,]+ \(= [^)]+\)/) {
        split(substr($0, RSTART, RLENGTH - 1), part, / \(= /)
        real = part[1] " " part[2]
      }
      /^$/ && package { print real ? real : package " " version; package = "" }
    ')
  return 1
}

# unpack_kernel IMAGE FILE: the ELF kernel inside a bzImage. The payload has no fixed place, so
# each occurrence of a compressor's magic is tried; readelf finds a file that ends too early.
unpack_kernel() {
  local image=$1 out=$2 magic tool pos
  while read -r magic tool; do
    while read -r pos; do
      tail -c +$((pos + 1)) "$image" | $tool >"$out" 2>/dev/null || true
      [ "$(head -c 4 "$out" | od -An -tx1 | tr -d ' ')" = 7f454c46 ] || continue
      if readelf -SW "$out" >/dev/null 2>&1; then return; fi
    done < <(grep -abo -P "$magic" "$image" | cut -d: -f1)
  done <<'MAGIC'
\x28\xb5\x2f\xfd zstd -dcq
\x02\x21\x4c\x18 lz4 -dcq
\xfd7zXZ\x00 xz -dcq
\x1f\x8b\x08 gzip -dcq
MAGIC
  return 1
}

# unpack_modules TREE DIR: what a sandbox can need; no hardware drivers.
unpack_modules() {
  local tree=$1 out=$2 file
  find "$tree" -path '*/kernel/*' -name '*.ko*' |
    grep -E '/(net|fs|drivers/(net|block|virtio|char)|lib|crypto|arch/x86/crypto|drivers/dax)/' |
    grep -vE '/drivers/net/(ethernet|wireless)/' |
    while read -r file; do
      case $file in
        *.xz) xz -dcq "$file" >"$out/$(basename "${file%.xz}")" ;;
        *.zst) zstd -dcq "$file" >"$out/$(basename "${file%.zst}")" ;;
        *.gz) gzip -dcq "$file" >"$out/$(basename "${file%.gz}")" ;;
        *) cp "$file" "$out/" ;;
      esac
    done
  for file in "$out"/*.ko; do
    [ -e "$file" ] || die "the package has no modules"
    objcopy "$file" # drops what follows the ELF file: the signature
  done
}

# download PACKAGE VERSION DIR: prints the .deb file's path. Without its own user apt warns less, and
# checks the signed hash all the same.
download() {
  (cd "$3" && apt-get download -q -o APT::Sandbox::User=root "$1=$2" >&2) || return 1
  find "$3" -name '*.deb' | head -n 1
}

# prepare NAME [PACKAGE|FILE]
prepare() {
  local name=$1 source=${2:-} package version deb='' stamp image have found
  have=$(cat "$dir/$name/package" 2>/dev/null || true)
  if [ -f "$source" ]; then
    deb=$source
    package=$(dpkg-deb -f "$deb" Package)
    version=$(dpkg-deb -f "$deb" Version)
  else
    if ! found=$(find_package "$name" "$source") && [ "$(id -u)" = 0 ]; then
      apt-get update -q >&2 || true
      found=$(find_package "$name" "$source") || true
    fi
    if [ -z "$found" ]; then
      [ -z "$have" ] || { echo "$dir/$name: kept ($have); apt knows no package to compare it with" && return; }
      die "apt knows no cloud kernel $name: run apt-get update, or give $name=PACKAGE or $name=FILE.deb"
    fi
    package=${found% *} version=${found#* }
  fi
  stamp="$package $version recipe $recipe"
  if [ "$have" = "$stamp" ]; then
    echo "$dir/$name: up to date ($stamp)"
    return
  fi

  work=$(mktemp -d "$dir/.$name.XXXXXX")
  mkdir -p "$work/deb" "$work/tree" "$work/new/modules"
  if [ -z "$deb" ]; then
    deb=$(download "$package" "$version" "$work/deb") || die "cannot download $package $version: run apt-get update"
  fi
  dpkg-deb -x "$deb" "$work/tree"
  image=$(find "$work/tree/boot" -name 'vmlinuz-*' 2>/dev/null | head -n 1)
  [ -n "$image" ] || die "$package $version holds no kernel"
  unpack_kernel "$image" "$work/new/vmlinux" || die "cannot unpack the kernel of $package $version"
  # Note 18 of Xen's: the entry point through which QEMU starts an uncompressed kernel.
  readelf -nW "$work/new/vmlinux" 2>/dev/null | grep -q 0x00000012 ||
    die "the kernel of $package $version has no PVH entry point"
  unpack_modules "$work/tree" "$work/new/modules"
  cp "$work/tree"/boot/config-* "$work/new/config"
  echo "$stamp" >"$work/new/package"

  # A whole folder or none: a run that is starting finds the old one or the new one.
  if [ -e "$dir/$name" ]; then mv "$dir/$name" "$work/old"; fi
  mv "$work/new" "$dir/$name"
  rm -rf "$work"
  work=
  echo "$dir/$name: $stamp, $(find "$dir/$name/modules" -type f | wc -l) modules, $(du -sh "$dir/$name" | cut -f1)"
}

if [ "${1:-}" = -d ]; then
  [ $# -ge 2 ] || die "-d needs a folder"
  dir=$2
  shift 2
fi
case ${1:-} in
  -*)
    sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"
    exit 2
    ;;
esac
[ $# -gt 0 ] || set -- 6.1 6.12
need_tools
mkdir -p "$dir"
# One at a time: two test runs may both find that a kernel is missing.
exec 9<"$dir"
flock 9
for arg in "$@"; do
  name=${arg%%=*} source=
  case $arg in *=*) source=${arg#*=} ;; esac
  case $name in '' | .* | */*) die "bad kernel name '$name'" ;; esac
  prepare "$name" "$source"
done
