//go:build !linux

package cgroup

import (
	"context"
	"iter"
	"os"
)

// Host is how cgroups are set up on this machine. Only Linux has them: here,
// every call returns an error that matches ErrNotSupported.
type Host struct{}

// Tree holds the groups of one host program, on Linux.
type Tree struct{}

// Group holds processes that are limited together, on Linux.
type Group struct{}

var errNotLinux error = &NotSupportedError{Feature: "cgroups", Hint: "only Linux has them"}

// Detect needs Linux.
func Detect() (*Host, error) { return nil, errNotLinux }

// Claim needs Linux.
func (*Host) Claim(context.Context, string) (*Tree, error) { return nil, errNotLinux }

// Collect needs Linux.
func (*Host) Collect(context.Context, string) ([]string, error) { return nil, errNotLinux }

// Version needs Linux.
func (*Host) Version(Controller) int { return 0 }

// Unified needs Linux.
func (*Host) Unified() bool { return false }

// String needs Linux.
func (*Host) String() string { return errNotLinux.Error() }

// Name needs Linux.
func (*Tree) Name() string { return "" }

// Create needs Linux.
func (*Tree) Create(context.Context, Config) (*Group, error) { return nil, errNotLinux }

// Close does nothing.
func (*Tree) Close() error { return nil }

// Name needs Linux.
func (*Group) Name() string { return "" }

// Path needs Linux.
func (*Group) Path(Controller) string { return "" }

// FD needs Linux.
func (*Group) FD() (*os.File, error) { return nil, errNotLinux }

// Limits needs Linux.
func (*Group) Limits() Limits { return Limits{} }

// Dropped needs Linux.
func (*Group) Dropped() []Dropped { return nil }

// Apply needs Linux.
func (*Group) Apply(context.Context, Limits) error { return errNotLinux }

// AddProcess needs Linux.
func (*Group) AddProcess(int) error { return errNotLinux }

// Processes needs Linux.
func (*Group) Processes() ([]int, error) { return nil, errNotLinux }

// Freeze needs Linux.
func (*Group) Freeze(context.Context) error { return errNotLinux }

// Thaw needs Linux.
func (*Group) Thaw() error { return errNotLinux }

// Kill needs Linux.
func (*Group) Kill(context.Context) error { return errNotLinux }

// Remove does nothing.
func (*Group) Remove(context.Context) error { return nil }

// Stats needs Linux.
func (*Group) Stats() (Stats, error) { return Stats{}, errNotLinux }

// Events needs Linux.
func (*Group) Events(context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) { yield(Event{}, errNotLinux) }
}

// Share needs Linux.
func (*Group) Share() ([]*os.File, error) { return nil, errNotLinux }

// Leave does nothing.
func (*Tree) Leave() error { return nil }

// Dirs needs Linux.
func (*Group) Dirs() []string { return nil }

// Abandon does nothing.
func (*Group) Abandon() error { return nil }

// Reopen needs Linux.
func (*Host) Reopen(_, _, _ string) (*Group, error) { return nil, errNotLinux }

// Place needs Linux.
func (*Group) Place() (tree, name string) { return "", "" }
