package sandbox

import "github.com/sandkit/sandkit/internal/program"

// Tamper has f change the Program that Start is about to execute.
func Tamper(s *Sandbox, f func(p *program.Program)) {
	s.tamper = func(p any) { f(p.(*program.Program)) }
}
