package sandbox

import (
	"context"
	"os"

	"github.com/sandkit/sandkit/internal/program"
)

// Tamper has f change the Program that Start is about to execute.
func Tamper(s *Sandbox, f func(p *program.Program)) {
	s.tamper = func(p any) { f(p.(*program.Program)) }
}

// TamperStart has Start call f when everything is prepared and nothing made.
func TamperStart(s *Sandbox, f func()) { s.tamper = func(any) { f() } }

// Process1 is process 1's number on the host.
func Process1(s *Sandbox) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lastPid
}

// Attached is how many are attached.
func Attached(s *Sandbox) int {
	s.fan.mu.Lock()
	defer s.fan.mu.Unlock()
	return len(s.fan.clients)
}

// InteractiveFiles is Interactive with these files.
func InteractiveFiles(ctx context.Context, s *Sandbox, in, out, err *os.File, opts ...InteractiveOption) (*Result, error) {
	c := &console{in: in, out: out, err: err}
	for _, o := range opts {
		o(c)
	}
	return interactive(ctx, s, c)
}
