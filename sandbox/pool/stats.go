package pool

import "fmt"

// Stats is what a pool has, and has done since it was made.
type Stats struct {
	Ready    int   // sandboxes that wait for a run
	Running  int   // runs under way, or waiting for a sandbox
	Alive    int   // sandboxes: starting, ready, running or ending
	Started  int64 // sandboxes
	Hits     int64 // runs that found a ready sandbox; one that was dead counts, too
	Misses   int64 // runs that had to start one
	Failures int64 // sandboxes that could not be started
	// Err is why the last one could not be started in the background, until
	// somebody asks for a sandbox again.
	Err error
}

// String is one line.
func (s Stats) String() string {
	text := fmt.Sprintf("%d ready, %d running, %d alive; %d started, %d hits, %d misses, %d failures",
		s.Ready, s.Running, s.Alive, s.Started, s.Hits, s.Misses, s.Failures)
	if s.Err != nil {
		text += ": " + s.Err.Error()
	}
	return text
}

// Stats tells how the pool is doing.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.stats
	s.Ready, s.Running, s.Alive, s.Err = len(p.ready), len(p.runs), p.alive, p.failed
	return s
}

// String is the pool's Stats, for logs.
func (p *Pool) String() string { return "pool: " + p.Stats().String() }
