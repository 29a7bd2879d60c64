package sandbox

import (
	"errors"
	"fmt"

	"github.com/sandkit/sandkit/internal/kernel"
)

// Sentinels, matched with errors.Is.
var (
	// ErrInvalidSpec: an option or field has a value that makes no sense.
	ErrInvalidSpec = errors.New("invalid spec")
	// ErrNotSupported: the kernel or the host cannot do what was asked for.
	ErrNotSupported = kernel.ErrNotSupported
	// ErrNotRunning: the sandbox has not been started, or has ended.
	ErrNotRunning = errors.New("sandbox is not running")
	// ErrPaused: the sandbox is paused.
	ErrPaused = errors.New("sandbox is paused")
	// ErrRestarting: the program has ended and is about to be started again. It
	// matches ErrNotRunning, too.
	ErrRestarting error = restartingError{}
	// ErrNotReady: the sandbox did not become ready, see [WithReady].
	ErrNotReady = errors.New("sandbox did not become ready")
	// ErrRunning: the sandbox has been started already.
	ErrRunning = errors.New("sandbox has been started already")
	// ErrNotFound: the command, or something else by that name, does not exist.
	ErrNotFound = errors.New("not found")
	// ErrExists: something by that name exists already.
	ErrExists = errors.New("exists already")
	// ErrClosed: the sandbox has been closed.
	ErrClosed = errors.New("sandbox is closed")
	// ErrOOMKilled: the sandbox used more memory than it may.
	ErrOOMKilled = errors.New("killed for using too much memory")
	// ErrTimeout: the sandbox ran longer than WithTimeout allows.
	ErrTimeout = errors.New("timed out")
	// ErrOutputLimit: the program wrote more than Output keeps.
	ErrOutputLimit = errors.New("output is over the limit")
)

type restartingError struct{}

// Error says it.
func (restartingError) Error() string { return "sandbox is restarting" }

// Is matches ErrNotRunning.
func (restartingError) Is(target error) bool { return target == ErrNotRunning }

// NotSupportedError says what the host cannot give, since which version Linux
// can, and what to do about it. It matches [ErrNotSupported] and
// [errors.ErrUnsupported].
type NotSupportedError = kernel.NotSupportedError

// Stage is a part of a sandbox's set-up.
type Stage string

// The stages, in the order in which they happen.
const (
	StagePrepare    Stage = "prepare"    // what the host program does itself
	StageImage      Stage = "image"      // pulling and unpacking the image
	StageLaunch     Stage = "launch"     // starting the launcher
	StageNamespaces Stage = "namespaces" // making and joining namespaces
	StageUsers      Stage = "users"      // mapping user ids
	StageRoot       Stage = "root"       // assembling the root file system
	StageProc       Stage = "proc"       // /proc and /sys
	StageDev        Stage = "dev"        // /dev
	StageMount      Stage = "mount"      // the mounts that were asked for
	StageMask       Stage = "mask"       // hiding and protecting paths
	StagePivot      Stage = "pivot"      // changing the root
	StageNetwork    Stage = "network"    // the loopback interface
	StageCgroup     Stage = "cgroup"     // the limits
	StageHostname   Stage = "hostname"
	StageProcess    Stage = "process"  // properties of the main process
	StageUser       Stage = "user"     // becoming the user
	StageDir        Stage = "dir"      // the working directory
	StageRlimit     Stage = "rlimit"   // resource limits
	StageLandlock   Stage = "landlock" // the Landlock layer
	StageSeccomp    Stage = "seccomp"  // the system call filter
	StageExec       Stage = "exec"     // executing the command
	StageReady      Stage = "ready"    // waiting until it is ready
	StageWait       Stage = "wait"     // after the start
)

// Error is what went wrong with a sandbox: "start web: mount /data: permission
// denied". The errno survives: errors.Is(err, fs.ErrPermission) and
// errors.Is(err, syscall.ENOSPC) work.
type Error struct {
	Op    string // "start", "wait", "stop" ...
	ID    string // the sandbox's id
	Stage Stage  // of the set-up; empty elsewhere
	Path  string // the file, mount or command that it is about; may be empty
	Err   error

	name string // what the sandbox is called in the text
}

// Error gives operation, sandbox, stage, path and cause.
func (e *Error) Error() string {
	who := e.name
	if who == "" {
		who = shortID(e.ID)
	}
	s := e.Op + " " + who + ": "
	if e.Stage != "" {
		s += string(e.Stage)
		if e.Path != "" {
			s += " " + e.Path
		}
		s += ": "
	}
	return s + e.Err.Error()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// ExitError is the error of Wait, Run and Output when the program did not end
// with exit code 0.
type ExitError struct {
	*Result
	// Stderr is the beginning and the end of what the program wrote to its
	// standard error, when Output was called without WithStderr.
	Stderr []byte
}

// Error says how the program ended.
func (e *ExitError) Error() string {
	s := e.Result.ending()
	if len(e.Stderr) > 0 {
		s += fmt.Sprintf(": %s", trimmed(e.Stderr))
	}
	return s
}

// Is matches ErrTimeout and ErrOOMKilled by the Reason.
func (e *ExitError) Is(target error) bool {
	switch target {
	case ErrTimeout:
		return e.Reason == ReasonTimeout
	case ErrOOMKilled:
		return e.Reason == ReasonOOM
	}
	return false
}

// shown bounds what of the standard error is part of an error's text.
const shown = 512

func trimmed(b []byte) []byte {
	for len(b) > 0 && (b[len(b)-1] == '\n' || b[len(b)-1] == '\r') {
		b = b[:len(b)-1]
	}
	if len(b) > shown {
		return append([]byte("..."), b[len(b)-shown:]...)
	}
	return b
}
