package program

import (
	"fmt"
	"syscall"
)

// Stage names a part of the set-up, for errors and for the printed plan.
type Stage string

// A Program is what the launcher executes. Make one with [New].
type Program struct {
	// CloneFlags are the namespaces that the launcher itself is started in.
	CloneFlags uintptr
	// Init is executed by process 1, Main by the main process.
	Init, Main *Sequence

	passed []string
	slots  int
	words  int
	notes  int
}

// New gives an empty Program.
func New() *Program {
	p := &Program{}
	p.Init = &Sequence{prog: p, steps: make([]Step, 0, 176)}
	p.Main = &Sequence{prog: p, steps: make([]Step, 0, 40)}
	return p
}

// controlFD is the launcher's control socket; passed descriptors follow it.
const controlFD = 0

// Pass announces a descriptor of the host program and gives its number inside.
// The files handed to the launcher must be in the order of these calls. What
// becomes descriptor 0, 1, 2 ... of the main process has to be passed first
// and in that order (see [Sequence.Stdio]).
func (p *Program) Pass(name string) FD {
	p.passed = append(p.passed, name)
	return FD{num: int32(controlFD + len(p.passed))}
}

// Passed lists the announced descriptors by name.
func (p *Program) Passed() []string { return p.passed }

// A Word is a place in the memory that both processes share, with which one
// waits for the other.
type Word struct{ index int }

// NewWord gives a Word that is not yet posted.
func (p *Program) NewWord() Word {
	p.words++
	return Word{p.words - 1}
}

// A Sequence is the list of calls of one process.
type Sequence struct {
	prog  *Program
	steps []Step
	stage Stage
	path  string
}

// Program is the Program that s belongs to.
func (s *Sequence) Program() *Program { return s.prog }

// Stage says what the following calls are for, and what file or name they are
// about; both turn up in errors.
func (s *Sequence) Stage(stage Stage, path string) { s.stage, s.path = stage, path }

// Len is the number of steps so far.
func (s *Sequence) Len() int { return len(s.steps) }

func (s *Sequence) add(st Step) Ref {
	st.Stage, st.Path = s.stage, s.path
	s.steps = append(s.steps, st)
	return Ref{s, len(s.steps) - 1}
}

// fd adds a step that yields a descriptor.
func (s *Sequence) fd(st Step) FD {
	s.prog.slots++
	slot := s.prog.slots
	st.out = place{slot: slot}
	return FD{num: -1, slot: int32(slot), ref: s.add(st)}
}

// Forks tells whether the launcher forks process 1 instead of becoming it.
func (p *Program) Forks() bool {
	for i := range p.Init.steps {
		if p.Init.steps[i].flags&stepFork != 0 {
			return true
		}
	}
	return false
}

// Step gives the step with this number, counted through Init and then Main, as
// the launcher reports it.
func (p *Program) Step(n int) (*Step, error) {
	switch first := len(p.Init.steps); {
	case n >= 0 && n < first:
		return &p.Init.steps[n], nil
	case n >= first && n < first+len(p.Main.steps):
		return &p.Main.steps[n-first], nil
	}
	return nil, fmt.Errorf("no step %d in a program of %d", n, len(p.Init.steps)+len(p.Main.steps))
}

// A Ref is a step that was just added.
type Ref struct {
	seq *Sequence
	n   int
}

// Ignore lets the Program go on when the call fails with one of these, at most
// three. A descriptor that it should have given is -1 then.
func (r Ref) Ignore(errnos ...syscall.Errno) Ref {
	st := &r.seq.steps[r.n]
	for _, e := range errnos {
		for i := range st.ignore {
			if st.ignore[i] == 0 || st.ignore[i] == e {
				st.ignore[i] = e
				e = 0
				break
			}
		}
		if e != 0 {
			panic("BUG: a step ignores more than three errnos")
		}
	}
	return r
}
