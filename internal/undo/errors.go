package undo

import (
	"strings"

	"github.com/hashicorp/go-multierror"
)

// Errors collects errors that belong together. The zero value is empty. It is
// not safe for concurrent use.
type Errors struct{ all *multierror.Error }

// Add adds an error; nil is left out. Collections are flattened.
func (e *Errors) Add(err error) {
	if err == nil {
		return // multierror would keep a nil that was wrapped in an interface
	}
	e.all = multierror.Append(e.all, err)
}

// Len is the number of errors.
func (e *Errors) Len() int {
	if e.all == nil {
		return 0
	}
	return e.all.Len()
}

// Err is nil when there is none, the error itself when there is one, and
// otherwise an error that prints all, separated by semicolons, and that
// errors.Is and errors.As look into.
func (e *Errors) Err() error {
	if e.Len() == 0 {
		return nil
	}
	if e.all.Len() == 1 {
		return e.all.Errors[0]
	}
	e.all.ErrorFormat = func(errs []error) string {
		text := make([]string, len(errs))
		for i, err := range errs {
			text[i] = err.Error()
		}
		return strings.Join(text, "; ")
	}
	return e.all
}
