package cgroup

import (
	"errors"

	"github.com/sandkit/sandkit/internal/kernel"
)

// NotSupportedError says which limit or operation this host cannot give, and
// the remedy. It matches [ErrNotSupported] and errors.ErrUnsupported.
type NotSupportedError = kernel.NotSupportedError

var (
	// ErrNotSupported is matched by every NotSupportedError.
	ErrNotSupported = kernel.ErrNotSupported
	// ErrRemoved is what methods of a group return once it was removed.
	ErrRemoved = errors.New("cgroup was removed")
	// ErrBusy is what Remove returns while the group has processes.
	ErrBusy = errors.New("cgroup has processes")
)
