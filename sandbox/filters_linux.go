package sandbox

import (
	"fmt"
	"sync"

	"github.com/sandkit/sandkit/sandbox/seccomp"
)

// filters remembers compiled profiles: compiling takes longer than a start.
var filters filterCache

// maxFilters bounds the cache; a program rarely has more than two profiles.
const maxFilters = 32

type filterCache struct {
	mu    sync.Mutex
	known map[string]seccomp.Filter
}

func (c *filterCache) get(p seccomp.Profile, t seccomp.Target) (seccomp.Filter, error) {
	profile, err := p.MarshalJSON()
	if err != nil {
		return seccomp.Filter{}, err
	}
	key := fmt.Sprint(string(profile), t.Caps, t.Kernel)
	c.mu.Lock()
	defer c.mu.Unlock()
	if f, ok := c.known[key]; ok {
		return f, nil
	}
	f, err := p.Compile(t)
	if err != nil {
		return seccomp.Filter{}, err
	}
	if c.known == nil || len(c.known) >= maxFilters {
		c.known = make(map[string]seccomp.Filter)
	}
	c.known[key] = f
	return f, nil
}
