//go:build !linux

package sandbox

import (
	"context"
	"io"
	iofs "io/fs"
	"iter"
	"net"
	"os"
	"runtime"

	"github.com/sandkit/sandkit/cgroup"
	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/internal/undo"
	"github.com/sandkit/sandkit/netlink"
)

// running is never made here.
type running struct{}

// held, kept and rooted are never used here.
type (
	held   struct{}
	kept   struct{}
	rooted struct{}
)

func (s *Sandbox) openImage(context.Context) (*rooted, error) { return nil, notLinux() }

func (s *Sandbox) copyUp(context.Context, *os.File, string, *rooted) error { return notLinux() }

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

// pending is never made here.
type pending struct{}

func (s *Sandbox) listening(uint16) (bool, error) { return false, notLinux() }

// Restart needs Linux.
func (s *Sandbox) Restart(context.Context) error { return s.wrap("restart", "", "", notLinux()) }

// WaitFor needs Linux.
func (s *Sandbox) WaitFor(context.Context, WaitCondition) (*Result, error) {
	return nil, s.wrap("wait", "", "", notLinux())
}

// Status is that of a sandbox that was never started.
func (s *Sandbox) Status() Status { return Status{State: StateCreated} }

// Update needs Linux.
func (s *Sandbox) Update(context.Context, cgroup.Limits) error {
	return s.wrap("update", "", "", notLinux())
}

// Stats needs Linux.
func (s *Sandbox) Stats(context.Context) (cgroup.Stats, error) {
	return cgroup.Stats{}, s.wrap("stats", "", "", notLinux())
}

// Pause needs Linux.
func (s *Sandbox) Pause(context.Context) error { return s.wrap("pause", "", "", notLinux()) }

// Resume needs Linux.
func (s *Sandbox) Resume(context.Context) error { return s.wrap("resume", "", "", notLinux()) }

// Events needs Linux.
func (s *Sandbox) Events(context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) { yield(Event{}, s.wrap("events", "", "", notLinux())) }
}

// Probe needs Linux.
func Probe(context.Context) (Features, error) { return Features{}, notLinux() }

// Plan needs Linux.
func (s *Spec) Plan(Features) (*Plan, error) { return nil, notLinux() }

// Trim does nothing.
func Trim() {}

// Diff needs Linux.
func (s *Sandbox) Diff(context.Context) ([]Change, error) {
	return nil, s.wrap("diff", "", "", notLinux())
}

// Mounts are none.
func (s *Sandbox) Mounts() []fs.Mount { return nil }

// FS needs Linux: every call fails.
func (s *Sandbox) FS() iofs.FS { return noFiles{} }

type noFiles struct{}

// Open needs Linux.
func (noFiles) Open(name string) (iofs.File, error) {
	return nil, &iofs.PathError{Op: "open", Path: name, Err: notLinux()}
}

// CopyTo needs Linux.
func (s *Sandbox) CopyTo(_ context.Context, dir string, _ iofs.FS) error {
	return s.wrap("copy to", "", dir, notLinux())
}

// CopyFrom needs Linux.
func (s *Sandbox) CopyFrom(_ context.Context, path, _ string) error {
	return s.wrap("copy from", "", path, notLinux())
}

// Archive needs Linux.
func (s *Sandbox) Archive(_ context.Context, path string, _ io.Writer) error {
	return s.wrap("archive", "", path, notLinux())
}

// Commit needs Linux.
func (s *Sandbox) Commit(context.Context, image.CommitOptions) (image.Image, error) {
	return nil, s.wrap("commit", "", "", notLinux())
}

// started is never made here.
type started struct{}

// Exec needs Linux.
func (s *Sandbox) Exec(context.Context, ...ProcOption) (*Process, error) {
	return nil, s.wrap("exec", "", "", notLinux())
}

// Wait needs Linux.
func (p *Process) Wait(context.Context) (*Result, error) {
	return nil, p.s.wrap("wait", "", "", notLinux())
}

// Signal needs Linux.
func (p *Process) Signal(os.Signal) error { return p.s.wrap("signal", "", "", notLinux()) }

// Kill needs Linux.
func (p *Process) Kill() error { return p.s.wrap("kill", "", "", notLinux()) }

// Last needs Linux.
func (p *Process) Last() bool { return false }

// PID needs Linux.
func (p *Process) PID() int { return 0 }

// Logs need Linux.
func (s *Sandbox) Logs(context.Context, LogOptions) iter.Seq2[LogEntry, error] {
	return func(yield func(LogEntry, error) bool) { yield(LogEntry{}, s.wrap("read logs of", "", "", notLinux())) }
}

// Top needs Linux.
func (s *Sandbox) Top(context.Context) ([]ProcessInfo, error) {
	return nil, s.wrap("list processes of", "", "", notLinux())
}

// Dial needs Linux.
func (s *Sandbox) Dial(_ context.Context, network, addr string) (net.Conn, error) {
	return nil, s.wrap("dial", "", network+" "+addr, notLinux())
}

// Listen needs Linux.
func (s *Sandbox) Listen(network, addr string) (net.Listener, error) {
	return nil, s.wrap("listen", "", network+" "+addr, notLinux())
}

// Ports needs Linux.
func (s *Sandbox) Ports() []netlink.Port { return nil }

func openPorts(*Sandbox) (publisher, error) { return nil, notLinux() }

type heldVolumes struct{}

func (s *Sandbox) useVolumes(context.Context, *rooted, *undo.Stack) (*Spec, *heldVolumes, error) {
	return nil, nil, notLinux()
}
