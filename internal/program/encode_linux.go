package program

import (
	"encoding/binary"
	"fmt"
)

// The wire format; internal/launch/src/wire.h has the same.
const (
	Base      = 0x40000000 // where the launcher maps the Program
	stepSize  = 80
	maxMemory = 64 << 20 // far above what the kernel takes as arguments
)

// memory is the launcher's memory under construction: the steps, the slots,
// the words, and then the data that steps point to.
type memory struct {
	prog    *Program
	buf     []byte
	slots   uint64 // addresses
	words   uint64
	notes   uint64
	strings map[string]uint64
	objects map[*Object]uint64
	err     error
}

// Encode gives the bytes that the launcher maps and executes.
func (p *Program) Encode() ([]byte, error) {
	n := len(p.Init.steps) + len(p.Main.steps)
	m := &memory{prog: p, strings: make(map[string]uint64, n), objects: make(map[*Object]uint64, 64)}
	m.slots = Base + uint64(n)*stepSize
	m.notes = m.slots + 8*uint64(p.slots+1)
	m.words = m.notes + 8*uint64(p.notes)
	head := int(m.words - Base + 4*uint64(p.words))
	m.buf = make([]byte, head, head+16<<10)
	at := 0
	for _, q := range []*Sequence{p.Init, p.Main} {
		for i := range q.steps {
			m.step(at, &q.steps[i])
			at += stepSize
		}
	}
	if m.err == nil && len(m.buf) > maxMemory {
		m.err = fmt.Errorf("program of %d bytes is over the limit of %d", len(m.buf), maxMemory)
	}
	if m.err != nil {
		return nil, fmt.Errorf("encode program: %w", m.err)
	}
	return m.buf, nil
}

func (m *memory) step(at int, st *Step) {
	le := binary.NativeEndian
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
		out = m.slots + 8*uint64(st.out.slot)
	}
	if st.noted {
		note = m.word(st.note)
	}
	b := m.buf[at:]
	le.PutUint32(b, st.Call.Nr)
	b[4], b[5] = slots, st.flags
	for i, e := range st.ignore {
		le.PutUint16(b[6+2*i:], uint16(e))
	}
	le.PutUint64(b[16:], out)
	le.PutUint64(b[24:], note)
	for i, v := range args {
		le.PutUint64(b[32+8*i:], v)
	}
}

// arg gives an argument's value, or the address of the slot that holds it.
func (m *memory) arg(a Arg) (v uint64, slot bool) {
	switch a.kind {
	case argSlot:
		return m.slots + 8*a.val, true
	case argString:
		return m.string(a.ref.(string)), false
	case argStrings:
		return m.vector(a.ref.([]string)), false
	case argObject:
		return m.object(a.ref.(*Object)), false
	case argWord:
		return m.word(Word{int(int64(a.val))}), false
	case argStep:
		return uint64(len(m.prog.Init.steps)), false
	default:
		return a.val, false
	}
}

func (m *memory) word(w Word) uint64 {
	if w.index < 0 {
		return m.notes + 8*uint64(-1-w.index)
	}
	return m.words + 4*uint64(w.index)
}

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
	a := Base + uint64(len(m.buf))
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
	a := Base + uint64(len(m.buf))
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
	m.buf = append(m.buf, o.Bytes...)
	m.objects[o] = Base + uint64(at)
	for _, p := range o.pointers {
		to, _ := m.arg(p.to)
		binary.NativeEndian.PutUint64(m.buf[at+p.offset:], to)
	}
	return Base + uint64(at)
}
