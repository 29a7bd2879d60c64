package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

// anyCmd is an exec.Cmd or a sandbox.Cmd: their methods, and pointers to their
// fields, which have the same names and types.
type anyCmd struct {
	cmdMethods
	Path, Dir      *string
	Args, Env      *[]string
	Stdin          *io.Reader
	Stdout, Stderr *io.Writer
	ExtraFiles     *[]*os.File
	Err            *error
	Cancel         *func() error
	WaitDelay      *time.Duration
	process        func() anyProcess
	state          func() anyState
}

type cmdMethods interface {
	Run() error
	Start() error
	Wait() error
	Output() ([]byte, error)
	CombinedOutput() ([]byte, error)
	StdinPipe() (io.WriteCloser, error)
	StdoutPipe() (io.ReadCloser, error)
	StderrPipe() (io.ReadCloser, error)
	Environ() []string
	String() string
}

type anyProcess interface {
	Signal(sig os.Signal) error
	Kill() error
}

type anyState interface {
	ExitCode() int
	Exited() bool
	Success() bool
	Pid() int
	String() string
	Sys() any
	SysUsage() any
	UserTime() time.Duration
	SystemTime() time.Duration
}

// maker makes a command of one of the two kinds.
type maker func(ctx context.Context, name string, args ...string) *anyCmd

func hostCommand(ctx context.Context, name string, args ...string) *anyCmd {
	c := exec.CommandContext(ctx, name, args...)
	return &anyCmd{
		c, &c.Path, &c.Dir, &c.Args, &c.Env, &c.Stdin, &c.Stdout, &c.Stderr, &c.ExtraFiles, &c.Err, &c.Cancel, &c.WaitDelay,
		func() anyProcess { return c.Process }, func() anyState { return c.ProcessState },
	}
}

func boxCommand(ctx context.Context, name string, args ...string) *anyCmd {
	c := sandbox.Command(ctx, name, args...)
	return &anyCmd{
		c, &c.Path, &c.Dir, &c.Args, &c.Env, &c.Stdin, &c.Stdout, &c.Stderr, &c.ExtraFiles, &c.Err, &c.Cancel, &c.WaitDelay,
		func() anyProcess { return c.Process }, func() anyState { return c.ProcessState },
	}
}

// class says in the same words what kind of error each of the two gave.
func class(err error) string {
	if err == nil {
		return "no error"
	}
	for _, prefix := range []string{"exec: ", "sandbox: "} {
		text, ok := strings.CutPrefix(err.Error(), prefix)
		if word, _, _ := strings.Cut(text, " "); ok && (word == "already" || word == "not" || word == "no" || word == "Wait" || strings.HasPrefix(word, "Std")) {
			return "misuse: " + text
		}
	}
	var is []string
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		is = append(is, e.ProcessState.String())
	}
	if e, ok := errors.AsType[*sandbox.ExitError](err); ok {
		is = append(is, (&sandbox.ExitError{Result: &sandbox.Result{ExitCode: e.ExitCode, Signal: e.Signal, Reason: sandbox.ReasonExited}}).Error())
	}
	for _, target := range []error{
		context.Canceled, context.DeadlineExceeded, exec.ErrNotFound, exec.ErrWaitDelay, os.ErrProcessDone, os.ErrClosed,
		iofs.ErrNotExist, iofs.ErrPermission, io.ErrShortWrite, errCustom,
	} {
		if errors.Is(err, target) {
			is = append(is, target.Error())
		}
	}
	if len(is) == 0 {
		return "other error"
	}
	return strings.Join(is, ", ")
}

var errCustom = errors.New("an error of the test's own")

// journal is what happened to a command.
type journal []string

func (j *journal) note(format string, args ...any) { *j = append(*j, fmt.Sprintf(format, args...)) }

// errorOf notes what kind of error something gave.
func (j *journal) errorOf(what string, err error) { j.note("%s: %s", what, class(err)) }

// ending notes what Run or Wait gave, and the state.
func (j *journal) ending(c *anyCmd, what string, err error) {
	j.errorOf(what, err)
	st := c.state()
	status, _ := st.Sys().(syscall.WaitStatus)
	j.note("%s, exit code %d, exited %t, success %t, status %#x, pid %t",
		st, st.ExitCode(), st.Exited(), st.Success(), int(status), st.Pid() > 0)
}

type cmdCase struct {
	name string
	run  func(t *testing.T, ctx context.Context, j *journal, make maker)
	// host and box are lines of the host's journal that the sandbox's has
	// differently, and how: what is documented to differ.
	host, box []string
}

// TestCmdIsLikeOSExec does the same with an exec.Cmd on the host and a
// sandbox.Cmd, and compares all that can be seen of it.
func TestCmdIsLikeOSExec(t *testing.T) {
	for _, c := range append(cmdCases(), cmdContextCases()...) {
		t.Run(c.name, func(t *testing.T) {
			testutil.Unchanged(t)
			var host, box journal
			c.run(t, testContext(t), &host, hostCommand)
			c.run(t, testContext(t), &box, boxCommand)
			for i, line := range c.host {
				at := indexOf(host, line)
				if at < 0 {
					t.Errorf("os/exec does not give %q any more", line)
					continue
				}
				host[at] = c.box[i]
			}
			if len(host) == 0 {
				t.Error("nothing was noted")
			}
			if diff := cmp.Diff([]string(host), []string(box)); diff != "" {
				t.Errorf("-os/exec +sandbox\n%s", diff)
			}
		})
	}
}

func indexOf(j journal, line string) int {
	for i, l := range j {
		if l == line {
			return i
		}
	}
	return -1
}

// hostStderr is the standard error in an error of os/exec.
func hostStderr(err error) []byte {
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return e.Stderr
	}
	return nil
}
