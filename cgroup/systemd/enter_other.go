//go:build !linux

package systemd

import (
	"context"
	"fmt"
)

// Enter returns a NotSupportedError: cgroups are Linux's.
func (s Scope) Enter(context.Context) (parent string, err error) {
	return "", fmt.Errorf("enter systemd scope: %w", &NotSupportedError{Feature: "systemd scope on this system", Hint: "run on Linux"})
}
