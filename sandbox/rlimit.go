package sandbox

import (
	"fmt"
	"slices"
	"strings"
)

// rlimits are the names of resources in the order of their numbers on amd64
// and arm64 (asm-generic/resource.h).
var rlimits = []string{
	"cpu", "fsize", "data", "stack", "core", "rss", "nproc", "nofile", "memlock", "as", "locks", "sigpending",
	"msgqueue", "nice", "rtprio", "rttime",
}

// number gives the resource's number: the name counts with or without
// "RLIMIT_", in any case.
func (r Rlimit) number() (int, error) {
	name := strings.TrimPrefix(strings.ToLower(r.Resource), "rlimit_")
	n := slices.Index(rlimits, name)
	if n < 0 {
		return 0, fmt.Errorf("unknown resource %q, want one of %s", r.Resource, strings.Join(rlimits, ", "))
	}
	return n, nil
}
