package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"

	"github.com/sandkit/sandkit/internal/undo"
	"github.com/sandkit/sandkit/sandbox"
)

// A Runner is one plugin in a sandbox of its own. Make it with [New]. It has the
// methods of go-plugin's runner.Runner, which its client calls. They are safe for
// concurrent use.
type Runner struct {
	*Attached
	name           string
	stdout, stderr *stream
	theirs         []*os.File // the plugin's ends of the pipes, until Start
}

// New makes a runner for a command as go-plugin's ClientConfig.RunnerFunc gets
// it, and for the directory that comes with it. Of the command, Path, Args after
// the first, Env, Dir and ExtraFiles count. Path is a file of the host; a
// relative one starts at the host program's directory. Dir is a path inside. The
// options come after the command: they can add to its environment, and replace
// what it runs. Options for the standard streams have no effect.
//
// Nothing is started, and nothing on the host changes. A Runner that is not
// going to be started has to be killed. The error matches
// [sandbox.ErrInvalidSpec].
func New(cmd *exec.Cmd, tmpDir string, opts ...sandbox.Option) (*Runner, error) {
	d, err := newShared(tmpDir)
	if err != nil {
		return nil, err
	}
	s := &settings{cmd: cmd, dir: d, opts: opts}
	all, err := s.options()
	if err != nil {
		return nil, err
	}
	r := &Runner{stdout: &stream{}, stderr: &stream{}}
	for _, x := range []struct {
		to     *stream
		option func(io.Writer) sandbox.ProcOption
	}{{r.stdout, sandbox.WithStdout}, {r.stderr, sandbox.WithStderr}} {
		read, write, err := os.Pipe()
		if err != nil {
			return nil, errors.Join(fmt.Errorf("make pipe: %w", err), r.closeStreams())
		}
		x.to.file, r.theirs = read, append(r.theirs, write)
		all = append(all, x.option(write))
	}
	box, err := sandbox.New(all...)
	if err != nil {
		return nil, errors.Join(err, r.closeStreams())
	}
	r.Attached = &Attached{sandbox: box, shared: d, tcp: s.hostNetwork, ended: make(chan struct{})}
	r.name = nameOf(box.Spec())
	return r, nil
}

// nameOf is what runs, for people.
func nameOf(spec sandbox.Spec) string {
	if spec.Image.Ref != "" && len(spec.Process.Command) == 0 {
		return spec.Image.Ref
	}
	return spec.Process.Command[0]
}

// Name is the path of the program, or the image.
func (r *Runner) Name() string { return r.name }

// Stdout gives what the plugin writes to its standard output, from Start on. It
// ends when the plugin has, also before Wait is called. Wait closes it, and so
// does reading to its end.
func (r *Runner) Stdout() io.ReadCloser { return r.stdout }

// Stderr gives what the plugin writes to its standard error; see [Runner.Stdout].
func (r *Runner) Stderr() io.ReadCloser { return r.stderr }

// Start starts the plugin and returns when its program executes. The context
// bounds the start only. On error nothing is left, and the Runner cannot be
// started again; it is a [*sandbox.Error] that names the stage, if it came that
// far.
func (r *Runner) Start(ctx context.Context) (err error) {
	if err := r.begin(); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.finish(), r.closeStreams())
			r.failed(err)
		}
	}()
	if err = r.shared.make(); err != nil {
		return err
	}
	if err = r.sandbox.Start(ctx); err != nil {
		return err
	}
	_ = closeAll(&r.theirs) // the plugin has them
	return nil
}

// Wait waits for the end of the plugin, or of ctx, lets go of everything, and
// closes Stdout and Stderr: read them to the end first. The error is a
// [*sandbox.ExitError] unless the plugin ended with exit code 0. It can be called
// any number of times.
func (r *Runner) Wait(ctx context.Context) error {
	err := r.Attached.Wait(ctx)
	if !r.done() {
		return err
	}
	var errs undo.Errors
	errs.Add(err)
	errs.Add(r.stdout.Close())
	errs.Add(r.stderr.Close())
	return errs.Err()
}

// Kill ends the plugin with all that it started, and returns when nothing of it
// is left, or ctx has ended; the plugin ends all the same then. Killing again, or
// a plugin that has ended, does nothing. One that was not started cannot be
// started any more.
func (r *Runner) Kill(ctx context.Context) error {
	if r.begin() == nil { // nobody ever started it
		return errors.Join(r.finish(), r.closeStreams())
	}
	return r.Attached.Kill(ctx)
}

// Reattach gives the running plugin to another client of the same host program,
// as a ReattachFunc does. The sandbox ends with the host program, so that no
// other one can have it.
func (r *Runner) Reattach() (*Attached, error) {
	if !r.isStarted() || r.done() {
		return nil, fmt.Errorf("reattach to %s: %w", r.name, sandbox.ErrNotRunning)
	}
	return r.Attached, nil
}

func (r *Runner) closeStreams() error {
	return errors.Join(closeAll(&r.theirs), r.stdout.Close(), r.stderr.Close())
}

// closeAll closes files and forgets them.
func closeAll(files *[]*os.File) error {
	var errs undo.Errors
	for _, f := range *files {
		errs.Add(f.Close())
	}
	*files = nil
	return errs.Err()
}

// A stream is the end of a pipe that the host program reads.
type stream struct {
	mu     sync.Mutex
	file   *os.File
	closed bool
}

// Read reads, and closes the pipe at its end.
func (s *stream) Read(b []byte) (int, error) {
	n, err := s.file.Read(b)
	if errors.Is(err, io.EOF) {
		if cerr := s.Close(); cerr != nil {
			return n, cerr
		}
	}
	return n, err
}

// Close closes the pipe; again does nothing. A plugin that then still writes gets
// SIGPIPE.
func (s *stream) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.file == nil {
		return nil
	}
	s.closed = true
	return s.file.Close()
}
