#!/bin/bash
# Runs a test binary as an ordinary user, for `go test -exec`:
#
#   go test -exec "$PWD/tools/as-user.sh 65534" ./...
#
# It runs in a copy of the source tree that belongs to that user, because a
# checkout is often in a place that only its owner can reach.
set -euo pipefail

uid=$1 binary=$2
shift 2
tree=$(cd "$(dirname "$0")/.." && pwd)
package=$(realpath --relative-to="$tree" .)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/tree" "$dir/tmp"
tar -C "$tree" --exclude=./.git --exclude=./bin -c . | tar -C "$dir/tree" -x
cp "$binary" "$dir/test"
if [ -n "${SANDKIT_PROBE:-}" ]; then
  cp "$SANDKIT_PROBE" "$dir/probe"
  export SANDKIT_PROBE=$dir/probe
fi
chown -R "$uid:$uid" "$dir"
cd "$dir/tree/$package"
TMPDIR=$dir/tmp HOME=$dir GOFLAGS=-buildvcs=false setpriv --reuid "$uid" --regid "$uid" --clear-groups "$dir/test" "$@"
