package sandbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/sandkit/sandkit/sandbox"
)

const usr1 = syscall.SIGUSR1

// incomparable is a writer for which == panics.
type incomparable struct{ write func([]byte) (int, error) }

func (w incomparable) Write(p []byte) (int, error) { return w.write(p) }

// failing neither reads nor writes.
type failing struct{}

func (failing) Read([]byte) (int, error)  { return 0, errCustom }
func (failing) Write([]byte) (int, error) { return 0, errCustom }

// stderrOf is the standard error in an error of Output.
func stderrOf(err error) []byte {
	if e, ok := errors.AsType[*sandbox.ExitError](err); ok {
		return e.Stderr
	}
	return hostStderr(err)
}

// startReady starts a command that says "ready" when it is, and returns then.
func startReady(t *testing.T, c *anyCmd) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	*c.Stdout = w
	err = c.Start()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(r, make([]byte, len("ready\n"))); err != nil {
		t.Fatal(err)
	}
}

// ready makes a command that says so; it ends when its standard input does.
func ready(ctx context.Context, make maker, trap string) *anyCmd {
	return make(ctx, "sh", "-c", trap+"; echo ready; exec >&-; read x; exit ${code-0}")
}

// cancelled is how the sandbox's error differs where the context ended the
// command: os/exec does not tell.
func cancelled(line string) []string { return []string{line + ", context canceled"} }

// cmdContextCases are what becomes of a command when its context ends.
func cmdContextCases() []cmdCase {
	return []cmdCase{
		{name: "context that has ended", run: func(_ *testing.T, ctx context.Context, j *journal, make maker) {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			c := make(ctx, "true")
			_, _ = c.StdoutPipe()
			j.errorOf("Run", c.Run())
		}},
		{name: "context ends", run: func(t *testing.T, ctx context.Context, j *journal, make maker) {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			c := ready(ctx, make, ":")
			in, _ := c.StdinPipe()
			defer in.Close()
			startReady(t, c)
			cancel()
			j.ending(c, "Wait", c.Wait())
		}, host: []string{"Wait: signal: killed"}, box: cancelled("Wait: signal: killed")},
		{name: "context times out", run: func(_ *testing.T, ctx context.Context, j *journal, make maker) {
			ctx, cancel := context.WithTimeout(ctx, 300*time.Millisecond) // longer than a start, mostly
			defer cancel()
			c := make(ctx, "sleep", "1000")
			err := c.Run()
			j.note("%t", err != nil && ctx.Err() != nil)
		}},
		{name: "context ends after the command", run: func(t *testing.T, ctx context.Context, j *journal, make maker) {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			c := ready(ctx, make, ":")
			in, _ := c.StdinPipe()
			startReady(t, c)
			in.Close()
			j.ending(c, "Wait", c.Wait())
			cancel()
			j.note("%s", c.state())
		}},
		{name: "cancel with a signal that the command takes", run: func(t *testing.T, ctx context.Context, j *journal, make maker) {
			for _, code := range []string{"0", "4"} {
				ctx, cancel := context.WithCancel(ctx)
				c := ready(ctx, make, "trap 'exit "+code+"' USR1")
				in, _ := c.StdinPipe()
				defer in.Close()
				*c.Cancel = func() error { return c.process().Signal(usr1) }
				startReady(t, c)
				cancel()
				j.ending(c, "Wait "+code, c.Wait())
			}
		}, host: []string{"Wait 4: exit status 4"}, box: cancelled("Wait 4: exit status 4")},
		{name: "cancel by closing stdin", run: func(t *testing.T, ctx context.Context, j *journal, make maker) {
			for _, code := range []string{"0", "4"} {
				for _, err := range []error{nil, os.ErrProcessDone, fmt.Errorf("wrapped: %w", os.ErrProcessDone), errCustom} {
					ctx, cancel := context.WithCancel(ctx)
					c := ready(ctx, make, "code="+code)
					in, _ := c.StdinPipe()
					*c.Cancel = func() error { return errors.Join(err, in.Close()) }
					if err == nil {
						*c.Cancel = func() error { return in.Close() }
					}
					startReady(t, c)
					cancel()
					j.ending(c, fmt.Sprintf("Wait %s, Cancel %v", code, err), c.Wait())
				}
			}
		}, host: []string{"Wait 4, Cancel <nil>: exit status 4"}, box: cancelled("Wait 4, Cancel <nil>: exit status 4")},
		{name: "no cancel, no delay", run: func(t *testing.T, ctx context.Context, j *journal, make maker) {
			ctx, cancel := context.WithCancel(ctx)
			c := ready(ctx, make, ":")
			in, _ := c.StdinPipe()
			*c.Cancel = nil
			startReady(t, c)
			cancel()
			j.errorOf("Close", in.Close())
			j.ending(c, "Wait", c.Wait())
		}},
		{name: "no cancel, the delay kills", run: func(t *testing.T, ctx context.Context, j *journal, make maker) {
			ctx, cancel := context.WithCancel(ctx)
			c := ready(ctx, make, "trap '' USR1")
			in, _ := c.StdinPipe()
			defer in.Close()
			*c.Cancel, *c.WaitDelay = nil, time.Millisecond
			startReady(t, c)
			cancel()
			j.ending(c, "Wait", c.Wait())
		}, host: []string{"Wait: signal: killed"}, box: cancelled("Wait: signal: killed")},
		{name: "cancel that does nothing, the delay kills", run: func(t *testing.T, ctx context.Context, j *journal, make maker) {
			ctx, cancel := context.WithCancel(ctx)
			c := ready(ctx, make, "trap '' USR1")
			in, _ := c.StdinPipe()
			defer in.Close()
			*c.Cancel, *c.WaitDelay = func() error { return c.process().Signal(usr1) }, time.Millisecond
			startReady(t, c)
			cancel()
			j.ending(c, "Wait", c.Wait())
		}, host: []string{"Wait: signal: killed"}, box: cancelled("Wait: signal: killed")},
		{name: "grandchild keeps the pipe, the command succeeds", run: func(t *testing.T, ctx context.Context, j *journal, make maker) {
			grandchild(t, j, make(ctx, "sh", "-c", "cat <&3 & echo started"), nil)
		}, host: []string{"Wait: exec: WaitDelay expired before I/O complete"}, box: []string{"Wait: no error"}},
		{name: "grandchild keeps the pipe, the context ends", run: func(t *testing.T, ctx context.Context, j *journal, make maker) {
			ctx, cancel := context.WithCancel(ctx)
			grandchild(t, j, make(ctx, "sh", "-c", "cat <&3 & echo started; wait"), cancel)
		}, host: []string{"Wait: signal: killed"}, box: cancelled("Wait: signal: killed")},
	}
}

// grandchild runs a command that leaves a child behind, which keeps the standard
// output open until the test ends.
func grandchild(t *testing.T, j *journal, c *anyCmd, cancel func()) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close() // ends the grandchild on the host
	begun := make(chan struct{})
	var out bytes.Buffer
	*c.Stdout = incomparable{func(p []byte) (int, error) {
		if out.Len() == 0 {
			close(begun)
		}
		return out.Write(p)
	}}
	*c.ExtraFiles, *c.WaitDelay = []*os.File{r}, 200*time.Millisecond
	err = c.Start()
	r.Close()
	if err != nil {
		t.Fatal(err)
	}
	<-begun
	if cancel != nil {
		cancel()
	}
	j.ending(c, "Wait", c.Wait())
	j.note("%q", out.String())
}
