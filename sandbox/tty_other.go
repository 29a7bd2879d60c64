//go:build !linux

package sandbox

import (
	"context"
	"os"
)

// Resize needs Linux.
func (s *Sandbox) Resize(_, _ uint16) error { return s.wrap("resize", "", "", notLinux()) }

// Resize needs Linux.
func (p *Process) Resize(_, _ uint16) error { return p.s.wrap("resize", "", "", notLinux()) }

// Attach needs Linux.
func (s *Sandbox) Attach(context.Context, AttachOptions) error {
	return s.wrap("attach to", "", "", notLinux())
}

// CloseStdin needs Linux.
func (s *Sandbox) CloseStdin() error { return s.wrap("close stdin of", "", "", notLinux()) }

// forwarded are no signals.
func forwarded() []os.Signal { return nil }

func interactive(context.Context, *Sandbox, *console) (*Result, error) { return nil, notLinux() }
