package sandbox

import (
	"context"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sandkit/sandkit/sandbox/state"
)

// A Sandbox is one program, isolated. Make it with [New], start it once, and
// close it. All methods are safe for concurrent use.
type Sandbox struct {
	id     string
	spec   Spec
	log    *slog.Logger
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	extra  []*os.File
	// logFunc gets the output, too; nil for none.
	logFunc func(LogEntry)
	fan     fan // those who are attached
	images  imageSource
	// openPorts listens at ports of the host.
	openPorts func(*Sandbox) (publisher, error)
	volumes   volumeSource
	store     *state.Store // nil: it is recorded nowhere
	// private tells that nobody will ask for its files: to hold them costs a
	// tenth of a short run.
	private bool

	// tamper changes the Program before it is executed. It is for tests of what
	// happens when something fails half-way.
	tamper func(program any)

	name  atomic.Pointer[string]   // empty: the short id
	entry atomic.Pointer[recorded] // the record; nil: there is none

	life

	mu      sync.Mutex
	state   phase
	closing bool               // Close was called
	cancel  context.CancelFunc // ends a Start that is under way
	running *running           // while state is stateRunning
	held    held               // from the start to Close
	kept    kept               // from the start on
	ended   chan struct{}      // closed when the sandbox has ended, or was closed unstarted
	result  *Result            // set before ended is closed
	err     error              // likewise: what went wrong besides the program
	reason  Reason             // why it is being ended, if it is
	lastPid int                // of process 1, from the start on
	usage   *syscall.Rusage    // set before ended is closed; nil when not known

	detach   bool       // by Start
	handover sync.Mutex // while the sandbox is handed over, and before Close
	detached bool       // a monitor has it: Close lets go of it
}

// past is a deadline that is over.
var past = time.Unix(1, 0)

type phase int

const (
	stateCreated phase = iota
	stateStarting
	stateRunning
	stateEnded
	stateClosed // without ever having run
)

// New checks every option and makes a sandbox that is not started yet. It
// touches nothing on the host. The error matches [ErrInvalidSpec] and names
// every problem at once.
func New(opts ...Option) (*Sandbox, error) { return newConfig(Spec{}, opts).sandbox() }

// NewFromSpec is [New] with options applied to a Spec, which is copied.
func NewFromSpec(spec Spec, opts ...Option) (*Sandbox, error) {
	c := newConfig(spec, opts)
	c.images.open = (*Sandbox).openImage // the Spec may name one
	c.openPorts = openPorts              // likewise
	c.volumes.use = (*Sandbox).useVolumes
	c.life.hooks.restart()
	c.life.hooks.test()
	return c.sandbox()
}

// sandbox checks what the options have made and gives the sandbox.
func (c *config) sandbox() (*Sandbox, error) {
	c.spec.check(&c.problems)
	if c.spec.Image.Pull == PullAlways && c.images.puller == nil {
		c.process.problem("WithPull", "nobody pulls images, use WithRegistry")
	}
	c.process.check()
	c.checkVolumes()
	c.checkLife()
	if p := &c.process; c.spec.Idle && (p.stdin != nil || p.stdout != nil || p.stderr != nil || len(p.extra) > 0 || c.logFunc != nil) {
		p.problem("WithIdle", "there is no program for WithStdin, WithStdout, WithStderr, WithExtraFiles and WithLogFunc, give the streams to Exec")
	}
	if err := invalid(c.problems.Err()); err != nil {
		return nil, err
	}
	s := &Sandbox{
		id: newID(), spec: c.spec, log: c.log,
		stdin: c.process.stdin, stdout: c.process.stdout, stderr: c.process.stderr, extra: c.process.extra, logFunc: c.logFunc,
		images: c.images, openPorts: c.openPorts, volumes: c.volumes, store: c.store, ended: make(chan struct{}), life: newLife(c.life),
	}
	s.name.Store(&s.spec.Name)
	s.detach = c.detach
	return s, c.checkDetach(s)
}

// maxExtraFiles bounds the descriptors of one process.
const maxExtraFiles = 1000

// check finds problems of what is no data.
func (c *processConfig) check() {
	if len(c.extra) > maxExtraFiles {
		c.problem("WithExtraFiles", "%d files are over %d", len(c.extra), maxExtraFiles)
	}
	if c.spec.TTY != nil && c.stderr != nil && !sameWriter(c.stdout, c.stderr) {
		c.problem("WithStderr", "a terminal has one stream of output, use WithStdout alone")
	}
	if i := slices.Index(c.extra, nil); i >= 0 {
		c.problem("WithExtraFiles", "file %d is nil", i)
	}
}

// ID is 64 hex digits that no other sandbox has.
func (s *Sandbox) ID() string { return s.id }

// Name is what WithName or Rename set, or its store, or the short id.
func (s *Sandbox) Name() string {
	if name := *s.name.Load(); name != "" {
		return name
	}
	return shortID(s.id)
}

// Spec is a copy of what the sandbox was made from.
func (s *Sandbox) Spec() Spec { return s.spec.clone() }

// String is the name and the state.
func (s *Sandbox) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return "sandbox " + s.Name() + " (" + s.state.String() + ")"
}

// String is the state in a word.
func (p phase) String() string {
	return [...]string{"created", "starting", "running", "ended", "closed"}[p]
}

// wrap makes an *Error of what happened in op.
func (s *Sandbox) wrap(op string, stage Stage, path string, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Op: op, ID: s.id, Stage: stage, Path: path, Err: err, name: s.Name()}
}
