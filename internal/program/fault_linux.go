package program

import (
	"encoding/binary"
	"slices"
	"syscall"
	"time"

	"github.com/sandkit/sandkit/internal/sys"
)

// Tests of what happens when a set-up fails half-way use the functions of this
// file; the steps are numbered as in the printed Program.

// Break makes a step fail with ENOSYS, whatever it would have done.
func (p *Program) Break(n int) {
	st := p.at(n)
	st.Call = sys.Call{Name: st.Call.Name, Nr: 0xffff}
	st.ignore = [4]syscall.Errno{}
	st.flags = 0
}

// Stall has the process wait before a step.
func (p *Program) Stall(n int, d time.Duration) {
	b := binary.NativeEndian.AppendUint64(nil, uint64(d/time.Second))
	b = binary.NativeEndian.AppendUint64(b, uint64(d%time.Second))
	st := call(sys.CallNanosleep, object(&Object{Bytes: b, Text: d.String()}), null())
	st.Stage, st.Path = p.at(n).Stage, p.at(n).Path
	q := p.Init
	if n >= len(q.steps) {
		n -= len(q.steps)
		q = p.Main
	}
	q.steps = slices.Insert(q.steps, n, st)
	if p.cut != nil && q == p.Init && n < p.cut.init {
		p.cut.init++
	}
	if p.cut != nil && q == p.Main && n < p.cut.main {
		p.cut.main++
	}
}

func (p *Program) at(n int) *Step {
	if n < len(p.Init.steps) {
		return &p.Init.steps[n]
	}
	return &p.Main.steps[n-len(p.Init.steps)]
}

// Find gives the number of the first step with a call of this name.
func (p *Program) Find(name string) int {
	for n := range p.Steps() {
		if p.at(n).Call.Name == name {
			return n
		}
	}
	return -1
}
