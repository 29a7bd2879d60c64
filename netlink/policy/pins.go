package policy

import (
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Bounds of what is pinned.
const (
	// DefaultMaxPins is how many pairs of a name and an address are kept.
	DefaultMaxPins = 4096
	// MinTTL and MaxTTL bound how long a pair is kept. Programs connect a moment
	// after they were answered, also when the answer was not to be kept at all.
	MinTTL = time.Minute
	MaxTTL = 24 * time.Hour
)

// pins are the addresses that were given for names, until they expire. When there
// are too many, those that expire first give way.
type pins struct {
	mu     sync.Mutex
	max    int
	count  int
	byAddr map[netip.Addr]map[string]time.Time
}

func newPins(most int) *pins {
	if most <= 0 {
		most = DefaultMaxPins
	}
	return &pins{max: most, byAddr: make(map[netip.Addr]map[string]time.Time)}
}

// add takes a normal name and address. A pair that is there is kept for the longer
// of both times.
func (p *pins) add(name string, addr netip.Addr, ttl time.Duration) {
	now := time.Now()
	end := now.Add(min(max(ttl, MinTTL), MaxTTL))
	p.mu.Lock()
	defer p.mu.Unlock()
	old, known := p.byAddr[addr][name]
	if known {
		if end.After(old) {
			p.byAddr[addr][name] = end
		}
		return
	}
	if p.count >= p.max {
		p.shrink(now)
	}
	if p.byAddr[addr] == nil {
		p.byAddr[addr] = make(map[string]time.Time)
	}
	p.byAddr[addr][name] = end
	p.count++
}

// shrink drops what has expired, and if that is nothing, what expires first.
func (p *pins) shrink(now time.Time) {
	var firstAddr netip.Addr
	var firstName string
	var first time.Time
	before := p.count
	for addr, names := range p.byAddr {
		for name, end := range names {
			if !now.Before(end) {
				p.drop(addr, name)
			} else if first.IsZero() || end.Before(first) {
				firstAddr, firstName, first = addr, name, end
			}
		}
	}
	if p.count == before {
		p.drop(firstAddr, firstName)
	}
}

func (p *pins) drop(addr netip.Addr, name string) {
	names := p.byAddr[addr]
	delete(names, name)
	if len(names) == 0 {
		delete(p.byAddr, addr)
	}
	p.count--
}

// names are those for which an address was given, sorted.
func (p *pins) names(addr netip.Addr) []string {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	var names []string
	for name, end := range p.byAddr[addr] {
		if now.Before(end) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
