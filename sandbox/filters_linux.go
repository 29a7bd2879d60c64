package sandbox

import (
	"fmt"
	"sync"

	"github.com/sandkit/sandkit/internal/capability"
	"github.com/sandkit/sandkit/internal/kernel"
	"github.com/sandkit/sandkit/sandbox/seccomp"
)

// A filter is a compiled seccomp profile.
type filter struct {
	code  []byte // nil: none
	flags uint64
	text  string
}

// filters remembers compiled profiles: to compile and to describe one takes
// longer than what a start does otherwise in this program.
var filters filterCache

// maxFilters bounds the cache; a program rarely has more than two profiles.
const maxFilters = 32

type filterKey struct {
	profile string // as JSON
	caps    capability.Set
	version kernel.Version
}

type filterCache struct {
	mu    sync.Mutex
	known map[filterKey]*filter
}

func (c *filterCache) get(p seccomp.Profile, caps capability.Set, v kernel.Version) (*filter, error) {
	profile, err := p.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("seccomp profile: %w", err)
	}
	key := filterKey{string(profile), caps, v}
	c.mu.Lock()
	defer c.mu.Unlock()
	if f, ok := c.known[key]; ok {
		return f, nil
	}
	f, err := compile(p, caps, v)
	if err != nil {
		return nil, err
	}
	if c.known == nil || len(c.known) >= maxFilters {
		c.known = make(map[filterKey]*filter)
	}
	c.known[key] = f
	return f, nil
}

func compile(p seccomp.Profile, caps capability.Set, v kernel.Version) (*filter, error) {
	f, err := p.Compile(seccomp.Target{Caps: caps.Names(), Kernel: seccomp.Version{Major: v.Major, Minor: v.Minor}})
	if err != nil {
		return nil, fmt.Errorf("compile seccomp profile: %w", err)
	}
	return &filter{code: f.Bytes(), flags: uint64(f.Flags), text: p.String()}, nil
}
