package program

import (
	"encoding/binary"
	"fmt"
)

// The wire format; internal/launch/src/wire.h has the same.
const (
	base     = 0x40000000 // where the launcher maps the first part
	partSize = 0x08000000 // how far away the second is
	partBits = 24         // of a step's number within its part
	stepSize = 80
)

// A Part is what the launcher maps and executes at once.
type Part struct {
	Code  []byte
	Main  uint32 // number of the main process's first step
	Files uint64 // where the launcher notes the numbers of passed files
}

// Encode gives the Program's parts: one, or two when it was cut.
func (p *Program) Encode() ([]Part, error) {
	ends := []counts{p.counts()}
	if p.cut != nil {
		ends = []counts{*p.cut, p.counts()}
	}
	var areas []area
	var start counts
	for i, end := range ends {
		areas = append(areas, newArea(base+uint64(i)*partSize, start, end))
		start = end
	}
	parts := make([]Part, len(areas))
	for i := range areas {
		m := newMemory(p, areas, i)
		m.steps()
		if len(m.buf) > partSize {
			return nil, fmt.Errorf("encode program: %d bytes are over the limit of %d", len(m.buf), partSize)
		}
		a := areas[i]
		parts[i] = Part{Code: m.buf, Main: uint32(a.end.init - a.start.init), Files: a.files}
	}
	return parts, nil
}

// area says where in the launcher's memory things of one part are.
type area struct {
	start, end                 counts
	base                       uint64
	files, slots, notes, words uint64 // addresses
	data                       uint64 // address after them
}

func newArea(at uint64, start, end counts) area {
	a := area{start: start, end: end, base: at}
	steps := end.init - start.init + end.main - start.main
	a.files = at + uint64(steps)*stepSize
	a.slots = a.files + 8*uint64(end.passed-start.passed)
	a.notes = a.slots + 8*uint64(end.slots-start.slots)
	a.words = a.notes + 8*uint64(end.notes-start.notes)
	a.data = a.words + 4*uint64(end.words-start.words)
	return a
}

// memory is one part under construction: the steps, the places for results,
// and then the data that steps point to.
type memory struct {
	prog    *Program
	areas   []area
	area    area
	buf     []byte
	strings map[string]uint64
	objects map[*Object]uint64
}

func newMemory(p *Program, areas []area, n int) *memory {
	a := areas[n]
	head := int(a.data - a.base)
	return &memory{
		prog: p, areas: areas, area: a, buf: make([]byte, head, head+8<<10),
		strings: make(map[string]uint64, 64), objects: make(map[*Object]uint64, 32),
	}
}

func (m *memory) steps() {
	at := 0
	for _, steps := range [][]Step{
		m.prog.Init.steps[m.area.start.init:m.area.end.init],
		m.prog.Main.steps[m.area.start.main:m.area.end.main],
	} {
		for i := range steps {
			m.step(at, &steps[i])
			at += stepSize
		}
	}
}

func (m *memory) step(at int, st *Step) {
	e := binary.NativeEndian
	var args [6]uint64
	var slots uint8
	for i := range st.nargs {
		v, isSlot := m.arg(st.args[i])
		args[i] = v
		if isSlot {
			slots |= 1 << i
		}
	}
	var out, note uint64
	switch {
	case st.out.object != nil:
		out = m.object(st.out.object) + uint64(st.out.offset)
	case st.out.slot != 0:
		out = m.slot(st.out.slot)
	}
	if st.noted {
		note = m.word(st.note)
	}
	b := m.buf[at:]
	e.PutUint32(b, st.Call.Nr)
	b[4], b[5] = slots, st.flags
	for i, errno := range st.ignore {
		e.PutUint16(b[6+2*i:], uint16(errno))
	}
	e.PutUint64(b[16:], out)
	e.PutUint64(b[24:], note)
	for i, v := range args {
		e.PutUint64(b[32+8*i:], v)
	}
}

// arg gives an argument's value, or the address of the slot that holds it.
func (m *memory) arg(a Arg) (v uint64, slot bool) {
	switch a.kind {
	case argSlot:
		return m.slot(int(a.val)), true
	case argFile:
		return m.areas[1].files + 8*(a.val-1), true
	case argString:
		return m.string(ref[string](a)), false
	case argStrings:
		return m.vector(ref[[]string](a)), false
	case argObject:
		return m.object(ref[*Object](a)), false
	case argWord:
		return m.word(Word{int(int64(a.val))}), false
	default:
		return a.val, false
	}
}

// slot gives the address of a slot, in whichever part it was made.
func (m *memory) slot(n int) uint64 {
	for _, a := range m.areas {
		if n <= a.end.slots {
			return a.slots + 8*uint64(n-1-a.start.slots)
		}
	}
	panic("BUG: a slot that was never made")
}

func (m *memory) word(w Word) uint64 {
	for _, a := range m.areas {
		switch {
		case w.index < 0 && -w.index <= a.end.notes:
			return a.notes + 8*uint64(-w.index-1-a.start.notes)
		case w.index > 0 && w.index <= a.end.words:
			return a.words + 4*uint64(w.index-1-a.start.words)
		}
	}
	panic("BUG: a word that was never made")
}

func (m *memory) here() uint64 { return m.area.base + uint64(len(m.buf)) }

func (m *memory) align() {
	for len(m.buf)%8 != 0 {
		m.buf = append(m.buf, 0)
	}
}

// string places a NUL-terminated string, once.
func (m *memory) string(s string) uint64 {
	if a, ok := m.strings[s]; ok {
		return a
	}
	a := m.here()
	m.buf = append(m.buf, s...)
	m.buf = append(m.buf, 0)
	m.strings[s] = a
	return a
}

// vector places a NULL-terminated array of strings.
func (m *memory) vector(ss []string) uint64 {
	pointers := make([]uint64, len(ss)+1)
	for i, s := range ss {
		pointers[i] = m.string(s)
	}
	m.align()
	a := m.here()
	for _, p := range pointers {
		m.buf = binary.NativeEndian.AppendUint64(m.buf, p)
	}
	return a
}

// object places a structure, once, with the addresses of what it points to.
func (m *memory) object(o *Object) uint64 {
	if a, ok := m.objects[o]; ok {
		return a
	}
	m.align()
	at := len(m.buf)
	address := m.here()
	m.buf = append(m.buf, o.Bytes...)
	m.objects[o] = address
	for _, p := range o.pointers {
		to, _ := m.arg(p.to)
		binary.NativeEndian.PutUint64(m.buf[at+p.offset:], to)
	}
	return address
}
