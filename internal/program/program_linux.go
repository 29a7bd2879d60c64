package program

import (
	"fmt"
	"syscall"
)

// Stage names a part of the set-up, for errors and for the printed plan.
type Stage string

// A Program is what the launcher executes. Make one with [New].
//
// [Program.Cut] divides it into a prelude, which a launcher can execute ahead
// of time, and the rest.
type Program struct {
	// CloneFlags are the namespaces that the launcher itself is started in.
	CloneFlags uintptr
	// Init is executed by process 1, Main by the main process.
	Init, Main *Sequence

	kept      int      // files for the host program
	passed    []string // files of process 1
	mainFiles []string
	made      counts
	cut       *counts // what was made before the cut
}

// counts are how many there are of each thing.
type counts struct{ init, main, passed, slots, notes, words int }

// New gives an empty Program.
func New() *Program {
	p := &Program{}
	p.Init = &Sequence{prog: p, steps: make([]Step, 0, 176)}
	p.Main = &Sequence{prog: p, steps: make([]Step, 0, 40)}
	return p
}

// Cut ends the prelude. It may be called once, when nothing in either sequence
// depends on the program to run; what follows goes into the second part.
func (p *Program) Cut() {
	p.Init.add(call(opCut))
	p.Main.add(call(opCut))
	c := p.counts()
	p.cut = &c
}

func (p *Program) counts() counts {
	c := p.made
	c.init, c.main, c.passed = len(p.Init.steps), len(p.Main.steps), len(p.passed)
	return c
}

// controlFD is the launcher's control socket; passed descriptors follow it.
const controlFD = 0

// Pass announces a descriptor of the host program for process 1 and gives its
// number inside. The files handed to the launcher must be in the order of
// these calls.
func (p *Program) Pass(name string) FD {
	p.passed = append(p.passed, name)
	if p.cut != nil {
		return FD{num: -1, file: int32(len(p.passed) - p.cut.passed)}
	}
	return FD{num: int32(controlFD + len(p.passed))}
}

// PassMain announces what becomes descriptor 0, 1, 2 ... of the main process.
func (p *Program) PassMain(name string) { p.mainFiles = append(p.mainFiles, name) }

// Passed lists the descriptors for process 1 by name, those of the prelude and
// those of the rest, and those for the main process.
func (p *Program) Passed() (prelude, rest, main []string) {
	n := len(p.passed)
	if p.cut != nil {
		n = p.cut.passed
	}
	return p.passed[:n], p.passed[n:], p.mainFiles
}

// Kept is how many descriptors the host program gets, see [Sequence.Keep].
func (p *Program) Kept() int { return p.kept }

// A Word is a place in the memory that both processes share, with which one
// waits for the other.
type Word struct{ index int } // counted from 1; notes are negative

// NewWord gives a Word that is not yet posted.
func (p *Program) NewWord() Word {
	p.made.words++
	return Word{p.made.words}
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
	s.prog.made.slots++
	slot := s.prog.made.slots
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

// Locate finds the step that the launcher reports by this number, and gives
// its number in the printed Program.
func (p *Program) Locate(reported uint32) (*Step, int, error) {
	c := p.counts()
	var before counts // of the part that the step is in
	end := c
	if p.cut != nil {
		end = *p.cut
	}
	if reported>>partBits == 1 {
		before, end = end, c
	}
	n := int(reported & (1<<partBits - 1))
	if inits := end.init - before.init; n < inits {
		return &p.Init.steps[before.init+n], before.init + n, nil
	} else if m := before.main + n - inits; m < end.main {
		return &p.Main.steps[m], c.init + m, nil
	}
	return nil, 0, fmt.Errorf("no step %#x in a program of %d and %d", reported, c.init, c.main)
}

// IsPrelude tells whether a step that the launcher reports was cut off.
func (p *Program) IsPrelude(reported uint32) bool { return p.cut != nil && reported>>partBits == 0 }

// Steps is the number of steps in both sequences.
func (p *Program) Steps() int { return len(p.Init.steps) + len(p.Main.steps) }

// A Ref is a step that was just added.
type Ref struct {
	seq *Sequence
	n   int
}

// Ignore lets the Program go on when the call fails with one of these, at most
// four. A descriptor that it should have given is -1 then.
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
			panic("BUG: a step ignores more than four errnos")
		}
	}
	return r
}
