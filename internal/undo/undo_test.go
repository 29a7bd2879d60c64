package undo_test

import (
	"errors"
	"io"
	"io/fs"
	"slices"
	"testing"

	"github.com/sandkit/sandkit/internal/undo"
)

func TestUnwindRunsAllLastFirst(t *testing.T) {
	var s undo.Stack
	var order []string
	push := func(name string, err error) {
		s.Push("undo "+name, func() error {
			order = append(order, name)
			return err
		})
	}
	push("a", nil)
	push("b", fs.ErrNotExist)
	push("c", io.EOF)
	err := s.Unwind()
	if want := []string{"c", "b", "a"}; !slices.Equal(order, want) {
		t.Errorf("order %v, want %v", order, want)
	}
	for _, want := range []error{fs.ErrNotExist, io.EOF} {
		if !errors.Is(err, want) {
			t.Errorf("error %v does not match %v", err, want)
		}
	}
	if got, want := err.Error(), "undo c: EOF; undo b: file does not exist"; got != want {
		t.Errorf("error %q, want %q", got, want)
	}
	if err := s.Unwind(); err != nil || len(order) != 3 {
		t.Errorf("second Unwind did something: %v, %v", err, order)
	}
}

func TestMoveTransfersTheClaim(t *testing.T) {
	var s undo.Stack
	n := 0
	s.Push("count", func() error { n++; return nil })
	moved := s.Move()
	if err := s.Unwind(); err != nil || n != 0 {
		t.Fatalf("the emptied stack still ran %d functions, error %v", n, err)
	}
	if err := moved.Unwind(); err != nil || n != 1 {
		t.Fatalf("the new owner ran %d functions, error %v", n, err)
	}
}

func TestErrors(t *testing.T) {
	var e undo.Errors
	e.Add(nil)
	if err := e.Err(); err != nil || e.Len() != 0 {
		t.Errorf("empty: %v, %d", err, e.Len())
	}
	e.Add(io.EOF)
	if err := e.Err(); !errors.Is(err, io.EOF) || err.Error() != "EOF" {
		t.Errorf("a single error is wrapped: %v", e.Err())
	}
	var more undo.Errors
	more.Add(fs.ErrExist)
	more.Add(fs.ErrInvalid)
	e.Add(more.Err())
	if e.Len() != 3 {
		t.Errorf("%d errors after adding a collection of two, want 3: %v", e.Len(), e.Err())
	}
}
