//go:build !linux

package sandbox

import (
	"context"

	"github.com/sandkit/sandkit/sandbox/state"
)

// Detach needs Linux.
func (s *Sandbox) Detach(context.Context) error { return s.wrap("detach", "", "", notLinux()) }

// Remove needs Linux.
func (s *Sandbox) Remove(context.Context) error { return s.wrap("remove", "", "", notLinux()) }

// Open needs Linux.
func Open(context.Context, *state.Store, string, ...Option) (*Sandbox, error) { return nil, notLinux() }

// Adopt needs Linux.
func Adopt(context.Context, *state.Store, string, ...Option) (*Sandbox, error) {
	return nil, notLinux()
}
