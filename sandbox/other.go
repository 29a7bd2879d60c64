//go:build !linux

package sandbox

import (
	"context"
	"os"
	"runtime"
)

// running is never made here.
type running struct{}

func notLinux() error {
	return &NotSupportedError{Feature: "sandboxes on " + runtime.GOOS, Hint: "sandkit needs Linux"}
}

// Start needs Linux.
func (s *Sandbox) Start(context.Context) error { return s.wrap("start", "", "", notLinux()) }

// Wait needs Linux.
func (s *Sandbox) Wait(context.Context) (*Result, error) {
	return nil, s.wrap("wait", "", "", notLinux())
}

// Signal needs Linux.
func (s *Sandbox) Signal(os.Signal) error { return s.wrap("signal", "", "", notLinux()) }

// Stop needs Linux.
func (s *Sandbox) Stop(context.Context) error { return s.wrap("stop", "", "", notLinux()) }

// Kill needs Linux.
func (s *Sandbox) Kill() error { return s.wrap("kill", "", "", notLinux()) }

// Close does nothing: nothing was started.
func (s *Sandbox) Close() error { return nil }

func (s *Sandbox) end(Reason) error { return nil }

// Probe needs Linux.
func Probe(context.Context) (Features, error) { return Features{}, notLinux() }

// Plan needs Linux.
func (s *Spec) Plan(Features) (*Plan, error) { return nil, notLinux() }

// Trim does nothing.
func Trim() {}
