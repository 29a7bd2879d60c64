package sandbox

// A Process is a further process in a running sandbox, which [Sandbox.Exec] has
// started. Its methods are safe for concurrent use. Nothing has to be closed: it
// ends with the sandbox at the latest.
type Process struct {
	s *Sandbox
	started
}

// String is the sandbox's name, for logs.
func (p *Process) String() string { return "process in " + p.s.Name() }
