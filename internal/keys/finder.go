package keys

import "slices"

// A Finder passes bytes on until it finds a sequence among them. What may be its
// beginning is held back, until it is clear that it is not. The zero value, and
// one with no keys, finds nothing.
type Finder struct {
	keys  []byte
	found int // how many of them were typed last
	out   []byte
}

// NewFinder makes a Finder of what [Parse] gave.
func NewFinder(keys []byte) *Finder { return &Finder{keys: keys} }

// Next takes what was typed, and gives what is to be passed on, valid until the
// next call. Once the keys are found, what comes after them is left out, and so
// are they.
func (f *Finder) Next(typed []byte) (pass []byte, found bool) {
	if len(f.keys) == 0 {
		return typed, false
	}
	f.out = f.out[:0]
	found = slices.ContainsFunc(typed, f.step)
	return f.out, found
}

// step takes one byte, and tells whether it is the last one of the keys.
func (f *Finder) step(b byte) bool {
	for f.found > 0 && f.keys[f.found] != b {
		// What was held back is no beginning, but its end may be one.
		shorter := f.border()
		f.out = append(f.out, f.keys[:f.found-shorter]...)
		f.found = shorter
	}
	if f.keys[f.found] != b {
		f.out = append(f.out, b)
		return false
	}
	f.found++
	if f.found < len(f.keys) {
		return false
	}
	f.found = 0
	return true
}

// border is the length of the longest end of what was held back that is also a
// beginning of the keys.
func (f *Finder) border() int {
	for n := f.found - 1; n > 0; n-- {
		if string(f.keys[:n]) == string(f.keys[f.found-n:f.found]) {
			return n
		}
	}
	return 0
}

// Rest gives what is still held back, when nothing more is typed.
func (f *Finder) Rest() []byte {
	rest := f.keys[:f.found]
	f.found = 0
	return rest
}
