package undo

import (
	"fmt"
	"slices"
)

// A Stack holds clean-up functions. The zero value is empty and ready. It is
// not safe for concurrent use.
type Stack struct{ funcs []entry }

type entry struct {
	what string
	undo func() error
}

// Push adds a function that undoes what was just done; what names it in errors,
// as a verb phrase.
func (s *Stack) Push(what string, undo func() error) {
	s.funcs = append(s.funcs, entry{what, undo})
}

// Unwind calls every function, last first, whatever the others return, and
// empties the stack. The error holds all of theirs.
func (s *Stack) Unwind() error {
	funcs := s.funcs
	s.funcs = nil
	var errs Errors
	for _, e := range slices.Backward(funcs) {
		if err := e.undo(); err != nil {
			errs.Add(fmt.Errorf("%s: %w", e.what, err))
		}
	}
	return errs.Err()
}

// Move empties s into another stack, which owes the clean-up from then on.
func (s *Stack) Move() *Stack {
	moved := &Stack{s.funcs}
	s.funcs = nil
	return moved
}

// Len is the number of functions.
func (s *Stack) Len() int { return len(s.funcs) }
