package sandbox

import (
	"context"
	"io"
	"os"
	"path"
	"strings"
	"time"
)

// Cmd is a command that is to run, or runs, in a sandbox of its own. It has the
// shape of [os/exec.Cmd]: code that was written for that one mostly needs
// [Command] in place of exec.CommandContext. Where the two differ:
//
//   - The name is looked up inside, when the command starts, along the PATH that
//     it gets. The current directory is never searched, so exec.ErrDot does not
//     apply. What is not found matches both exec.ErrNotFound and [ErrNotFound].
//   - Nothing is inherited from the host program, see Env and Dir.
//   - When the command ends, so does all that it started: nothing of it holds a
//     pipe open.
//   - When the context ended it, the error of Wait matches the context's error as
//     well as [*ExitError].
//   - What Output and CombinedOutput keep is bounded.
//
// A Cmd cannot be started again. Its methods are not safe for concurrent use,
// but those of its Process are.
type Cmd struct {
	// Path is the program, a path inside, and the only field that has to be set.
	// Without a slash it is looked up along PATH; otherwise, if it is relative,
	// it starts at Dir.
	Path string
	// Args are the arguments, of which the first is what the program is told as
	// its name. Empty: Path alone.
	Args []string
	// Env has "KEY=VALUE"; the last of a key wins. It adds to what WithEnv in
	// Options gives. Nil means that the command gets nothing of the host's, but
	// what the image says, and PATH, HOME and HOSTNAME, which are added when
	// missing; and PWD, when Dir is set. A variable without "=" is an error.
	Env []string
	// Dir is the working directory, an absolute path inside. Empty: what
	// WithDir in Options or the image says, or "/".
	Dir string

	// Stdin is what the command reads. Nil: the null device. An *os.File is
	// handed over as it is. Another reader is copied into a pipe, and Wait waits
	// until it ends, or fails, or the command reads no more.
	Stdin io.Reader
	// Stdout and Stderr are where the output goes. Nil: the null device. An
	// *os.File is handed over as it is; to another writer the output is copied
	// from a pipe, and Wait waits until that is done. If both are the same
	// writer, there is one pipe, and one call at a time.
	Stdout io.Writer
	Stderr io.Writer
	// ExtraFiles become descriptors 3, 4 and so on. None may be nil, or a
	// directory. They stay the caller's.
	ExtraFiles []*os.File

	// Options are what a sandbox has besides: [WithMemory], [WithRootfs],
	// [WithImage] ... What there is a field for is an error here. With an image,
	// its entrypoint is not used: Path is what is executed.
	Options []Option

	// Process is the running command. Start sets it.
	Process *CmdProcess
	// ProcessState is how the command ended. Wait sets it.
	ProcessState *CmdState

	// Err makes Start fail with it.
	Err error

	// Cancel is called when the context of [Command] ends before the command.
	// The default kills it. When Cancel returns nil, the error of Wait matches
	// the context's, also when the command then succeeds. When it returns an
	// error that matches os.ErrProcessDone, nothing has happened; any other one
	// is returned by Wait if the command succeeds. Nil: the command goes on, for
	// WaitDelay, if that is set. It is not called when Start fails.
	Cancel func() error
	// WaitDelay bounds what may last: a command that does not end when the
	// context has, and a Stdin that does not end when the command has. It begins
	// with the first of these. When it is over, the command is killed, Stdin is
	// left alone, even in the middle of a Read, and Wait returns
	// exec.ErrWaitDelay if nothing else went wrong. Zero: no bound. A writer that
	// does not return from Write is always waited for.
	WaitDelay time.Duration

	ctx     context.Context //nolint:containedctx // as in os/exec: it is the command's life
	sandbox *Sandbox
	theirs  []*os.File // ends of pipes that the command gets
	ours    []*os.File // ends that stay here
	fed     chan error // gives the error of copying Stdin; nil: nothing is copied
	watched chan watched
	// No atomic.Bool, so that a Cmd can be copied before it is started.
	started, waited int32
}

// Command makes a Cmd that runs the named program. When ctx ends first, the
// command is killed with everything that it started; see Cmd.Cancel. A nil
// context panics, as with exec.CommandContext.
func Command(ctx context.Context, name string, args ...string) *Cmd {
	if ctx == nil {
		panic("sandbox: Command needs a context")
	}
	c := &Cmd{Path: name, Args: append([]string{name}, args...), ctx: ctx}
	c.Cancel = func() error { return c.Process.end(ReasonCancelled) }
	return c
}

// String is the program and its arguments, for people.
func (c *Cmd) String() string {
	argv := c.argv()
	if c.Err == nil {
		argv[0] = c.Path
	}
	return strings.Join(argv, " ")
}

// argv is a copy of the arguments, with at least the program's name.
func (c *Cmd) argv() []string {
	if len(c.Args) == 0 {
		return []string{c.Path}
	}
	return append([]string(nil), c.Args...)
}

// Environ is the environment that the command would get, as far as it is known
// before the start: without what an image says, and without HOME and HOSTNAME
// if nobody set them.
func (c *Cmd) Environ() []string {
	cfg := c.config()
	var defaults []string
	if cfg.spec.Image.Ref == "" {
		defaults = append(defaults, "PATH="+defaultPath)
	}
	if h := cfg.spec.Hostname; h != "" {
		defaults = append(defaults, "HOSTNAME="+h)
	}
	return environ(cfg.spec.Process.Env, defaults...)
}

// config is what the fields and options say together.
func (c *Cmd) config() *config {
	cfg := newConfig(Spec{}, c.Options)
	p := &cfg.process
	for _, x := range []struct {
		option string
		given  bool
		field  string
	}{
		{"WithCommand", p.spec.Command != nil, "Path and Args"},
		{"WithEntrypoint", p.spec.Entrypoint != nil, "Path and Args"},
		{"WithStdin", p.stdin != nil, "Stdin"},
		{"WithStdout", p.stdout != nil, "Stdout"},
		{"WithStderr", p.stderr != nil, "Stderr"},
		{"WithExtraFiles", p.extra != nil, "ExtraFiles"},
	} {
		if x.given {
			p.problem(x.option, "not for a Cmd, which has %s", x.field)
		}
	}
	p.spec.Command = c.argv()
	if c.Path != p.spec.Command[0] {
		p.spec.Path = c.Path
	}
	if cfg.spec.Image.Ref != "" {
		p.spec.Entrypoint = []string{""}
	}
	for _, kv := range c.Env {
		if kv != "" { // as os/exec
			p.spec.Env = append(p.spec.Env, kv)
		}
	}
	if c.Dir != "" {
		p.spec.Dir = c.Dir
		if c.Env == nil && path.IsAbs(c.Dir) {
			p.spec.Env = environ(p.spec.Env, "PWD="+path.Clean(c.Dir))
		}
	}
	p.stdin, p.stdout, p.stderr, p.extra = c.Stdin, c.Stdout, c.Stderr, c.ExtraFiles
	return cfg
}
