package sandbox

import (
	"fmt"

	"github.com/sandkit/sandkit/internal/safepath"
	"github.com/sandkit/sandkit/internal/undo"
)

// Landlock is a second layer of access control (Linux 5.13): whatever the
// mounts and permissions say, the program may only reach what is listed here,
// and, from ABI 6 on, neither signal nor meet by abstract sockets any process
// outside. Paths are inside the sandbox; one that does not exist is an error.
type Landlock struct {
	// ReadOnly paths may be read and executed, with all below.
	ReadOnly []string `json:"readOnly,omitempty"`
	// ReadWrite paths may also be changed.
	ReadWrite []string `json:"readWrite,omitempty"`
	// MinABI is what the kernel must at least have; 0: 1.
	MinABI int `json:"minABI,omitempty"`
}

// Validate reports every problem at once.
func (l *Landlock) Validate() error {
	var errs undo.Errors
	for _, list := range [][]string{l.ReadOnly, l.ReadWrite} {
		for _, p := range list {
			if _, err := safepath.Clean(p); err != nil {
				errs.Add(fmt.Errorf("WithLandlock: %w", err))
			}
		}
	}
	if l.MinABI < 0 {
		errs.Add(fmt.Errorf("WithLandlock: ABI %d is negative", l.MinABI))
	}
	return errs.Err()
}
