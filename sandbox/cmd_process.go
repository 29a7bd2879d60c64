package sandbox

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

// CmdProcess is the running command of a [Cmd]. Its methods are safe for
// concurrent use.
type CmdProcess struct {
	// Pid is the number, on the host, of the sandbox's process 1, of which the
	// command is the child. Use Signal to signal the command.
	Pid int

	sandbox *Sandbox
}

// Signal sends a signal to the command, not to what it started. When it has
// ended, the error matches os.ErrProcessDone and [ErrNotRunning].
func (p *CmdProcess) Signal(sig os.Signal) error {
	err := p.sandbox.Signal(sig)
	if errors.Is(err, ErrNotRunning) {
		return errors.Join(os.ErrProcessDone, err)
	}
	return err
}

// Kill ends the command with all that it started. When it has ended, the error
// matches os.ErrProcessDone and [ErrNotRunning].
func (p *CmdProcess) Kill() error { return p.end(ReasonKilled) }

func (p *CmdProcess) end(why Reason) error {
	if p.done() {
		return errors.Join(os.ErrProcessDone, p.sandbox.wrap("kill", "", "", ErrNotRunning))
	}
	return p.sandbox.wrap("kill", "", "", p.sandbox.end(why))
}

// done tells whether the command has ended.
func (p *CmdProcess) done() bool {
	select {
	case <-p.sandbox.ended:
		return true
	default:
		return false
	}
}

// Wait waits until the command has ended and tells how. It can be called any
// number of times; [Cmd.Wait] has to be called all the same.
func (p *CmdProcess) Wait() (*CmdState, error) {
	res, err := p.sandbox.Wait(context.Background())
	if res == nil {
		return nil, err
	}
	return newCmdState(p.sandbox, res), nil
}

// CmdState is how a command ended, in the shape of [os.ProcessState].
type CmdState struct {
	pid    int
	result *Result
	usage  *syscall.Rusage
}

// newCmdState is for a sandbox that has ended.
func newCmdState(s *Sandbox, res *Result) *CmdState {
	return &CmdState{pid: s.lastPid, result: res, usage: s.usage}
}

// ExitCode is the command's, or -1 when a signal ended it, or for nil.
func (s *CmdState) ExitCode() int {
	if s == nil {
		return -1
	}
	return s.result.ExitCode
}

// Exited tells that the command ended by itself, and not by a signal.
func (s *CmdState) Exited() bool { return s.result.Signal == 0 }

// Success tells that the exit code is 0.
func (s *CmdState) Success() bool { return s.result.ExitCode == 0 }

// Pid is what [CmdProcess.Pid] was.
func (s *CmdState) Pid() int { return s.pid }

// UserTime is the CPU time in user mode of the command and of the children that
// it waited for. When the sandbox was killed and nobody knows, it is that of
// the whole sandbox, if it had a cgroup.
func (s *CmdState) UserTime() time.Duration {
	if s.usage == nil {
		return s.result.Stats.CPU.User
	}
	return s.result.UserTime
}

// SystemTime is the CPU time in the kernel, counted like [CmdState.UserTime].
func (s *CmdState) SystemTime() time.Duration {
	if s.usage == nil {
		return s.result.Stats.CPU.System
	}
	return s.result.SystemTime
}

// SysUsage is a *syscall.Rusage of the command and of the children that it
// waited for, or nil when the sandbox was killed. [Result.Stats] has more.
func (s *CmdState) SysUsage() any {
	if s.usage == nil {
		return nil
	}
	return s.usage
}

// Result is all that is known of the sandbox's end.
func (s *CmdState) Result() *Result { return s.result }

// String is as os.ProcessState prints: "exit status 3", "signal: killed".
func (s *CmdState) String() string {
	if s == nil {
		return "<nil>"
	}
	return s.result.status()
}
