package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/internal/capability"
	"github.com/sandkit/sandkit/internal/kernel"
	"github.com/sandkit/sandkit/internal/launch"
	"github.com/sandkit/sandkit/internal/passwd"
	"github.com/sandkit/sandkit/internal/undo"
)

// started is what a Process holds.
type started struct {
	child   *launch.Child
	streams *streams
	began   time.Time
	setup   time.Duration
	ended   chan struct{}
	force   Protections
	run     *launch.Child // of the program, whose end is the process's; nil: the sandbox's is
	result  *Result       // set before ended is closed
	err     error         // likewise
}

// base is what further processes have in common with the main one.
type base struct {
	spec     *Spec // with what the image says
	features *kernel.Features
	users    users
	uid, gid uint32 // of the main process
	who      passwd.Identity
	first    capability.Set // what process 1 can give
}

func (b *builder) base() base {
	return base{spec: b.spec, features: b.features, users: b.users, uid: b.who.UID, gid: b.who.GID, who: b.who, first: b.first}
}

// Exec starts another process in the running sandbox and returns when it
// executes: in all of the sandbox's namespaces and in its cgroup, under its
// filters, with no more rights than it has. What the options leave open is as
// for the main process: environment (WithEnv adds to it), directory, user,
// groups, capabilities, limits; only the streams are its own, and there is no
// command but the one given. Capabilities can be fewer, with another user, not
// more. The context bounds the start only. The sandbox's end is the process's,
// too, and with a restart policy the end of the program's run.
//
// The error matches [ErrNotRunning] when the sandbox does not run, also
// [ErrRestarting] when the program is about to be started again, [ErrPaused]
// when it is paused, [ErrNotFound] when there is no such command.
func (s *Sandbox) Exec(ctx context.Context, opts ...ProcOption) (*Process, error) {
	p, err := s.exec(ctx, opts)
	if _, ok := errors.AsType[*Error](err); ok || err == nil {
		return p, err
	}
	return nil, s.wrap("exec", "", "", err)
}

func (s *Sandbox) exec(ctx context.Context, opts []ProcOption) (*Process, error) {
	s.mu.Lock()
	r := s.running
	s.mu.Unlock()
	if r == nil {
		return nil, ErrNotRunning
	}
	if r.group.paused() {
		return nil, ErrPaused
	}
	if c := r.cycle; c != nil {
		if err := c.enter(); err != nil {
			return nil, err
		}
		defer c.execs.Done()
	}
	b, streams, err := r.further(s, opts)
	if err != nil {
		return nil, err
	}
	if err := b.buildFurther(); err != nil {
		return nil, errors.Join(s.wrap("exec", StagePrepare, "", err), streams.closeTheirs(), streams.closeOurs())
	}
	p := &Process{s: s, started: started{streams: streams, began: time.Now(), force: r.force, run: r.currentRun(), ended: make(chan struct{})}}
	p.child, err = r.process.Exec(ctx, b.prog, streams.files)
	if errors.Is(err, os.ErrProcessDone) {
		err = ErrNotRunning
	}
	if r.cycle != nil && errors.Is(err, syscall.ESRCH) { // whose mounts were to be seen
		err = ErrRestarting
	}
	if err == nil {
		err = streams.closeTheirs()
	} else {
		err = errors.Join(s.launchError("exec", b, err), streams.closeTheirs(), streams.closeOurs())
	}
	if err != nil {
		return nil, err
	}
	p.setup = time.Since(p.began)
	streams.start()
	go p.supervise()
	return p, nil
}

// further gives the builder of another process, and its streams.
func (r *running) further(s *Sandbox, opts []ProcOption) (*builder, *streams, error) {
	spec := r.base.spec.clone()
	spec.Process.Path, spec.Process.Command, spec.Process.Entrypoint, spec.Process.DropCapabilities = "", nil, nil, nil
	spec.Process.TTY = nil
	var problems undo.Errors
	c := processConfig{spec: &spec.Process, problems: &problems, droppable: func(Droppable) {}}
	for _, o := range opts {
		if o != nil {
			o.applyProcess(&c)
		}
	}
	spec.Process.check(&problems, false)
	c.check()
	if len(spec.Process.Entrypoint) > 0 {
		c.problem("WithEntrypoint", "it belongs to the main process, use WithCommand")
	}
	if spec.Process.NewPrivileges && !r.base.spec.Process.NewPrivileges {
		c.problem("WithNewPrivileges", "the sandbox was made without")
	}
	if err := invalid(problems.Err()); err != nil {
		return nil, nil, err
	}
	b := &builder{
		spec: &spec, id: s.id, features: r.base.features, users: r.base.users,
		tree: &fs.Tree{}, live: s, mainPID: r.mainPID(), first: r.base.first,
	}
	if err := b.prepareFurther(&r.base); err != nil {
		return nil, nil, err
	}
	c.tty = b.furtherTerminal()
	streams, err := openStreams(&c)
	if err != nil {
		return nil, nil, s.wrap("exec", StagePrepare, "", err)
	}
	b.stdio = streams.files
	return b, streams, nil
}

// prepareFurther finds out who runs, and whether that can be.
func (b *builder) prepareFurther(base *base) error {
	if err := b.parseCapabilities(); err != nil {
		return err
	}
	drop, err := capability.Parse(b.spec.Process.DropCapabilities)
	if err != nil {
		return err
	}
	b.caps, b.ambi = b.caps&^drop, b.ambi&^drop
	if more := b.caps &^ base.first; more != 0 {
		return fmt.Errorf("%w: WithCapabilities: the sandbox has no %s", ErrInvalidSpec, more)
	}
	if b.who, err = b.identity(); err != nil {
		return err
	}
	if base.users.single && (b.who.UID != base.uid || b.who.GID != base.gid) {
		return &NotSupportedError{
			Feature: "another user than the sandbox's for an ordinary user",
			Hint:    "give the user ranges in /etc/subuid and /etc/subgid and install newuidmap and newgidmap",
		}
	}
	return b.checkUser()
}

// supervise waits for the end of the process and writes down how it came.
func (p *Process) supervise() {
	defer close(p.ended)
	<-p.child.Ended()
	res := &Result{Started: p.began, Setup: p.setup, Reason: ReasonKilled, Protections: p.force}
	status := p.child.Status()
	res.set(status)
	if status.Known {
		res.Reason = ReasonExited
	}
	if res.Signal != 0 && status.Known {
		res.Reason = ReasonSignaled
	}
	if res.Signal == syscall.SIGKILL && p.s.runEnded(p.run) {
		res.Reason = ReasonKilled
	}
	p.err = p.streams.finish()
	res.Finished = time.Now()
	res.Stats.CPU.User, res.Stats.CPU.System, res.Stats.CPU.Usage = res.UserTime, res.SystemTime, res.UserTime+res.SystemTime
	p.result = res
}

// Wait waits for the end of the process, or of ctx; it can be called any number
// of times. What the process wrote until its end has been copied then. Other
// processes that it left behind go on; what they write to its streams afterwards
// is lost. For any end but exit code 0 the error is an [*ExitError]. When the
// sandbox ended first, the Reason is [ReasonKilled].
func (p *Process) Wait(ctx context.Context) (*Result, error) {
	select {
	case <-p.ended:
	default:
		select {
		case <-p.ended:
		case <-ctx.Done():
			return nil, p.s.wrap("wait", "", "", ctx.Err())
		}
	}
	res := *p.result
	if res.ExitCode != 0 {
		return &res, &ExitError{Result: &res}
	}
	return &res, p.s.wrap("wait", StageWait, "", p.err)
}

// Last tells, once the process has ended, that none of the sandbox was left then,
// so that no further one can be alive. Only in a sandbox without a program of its
// own ([WithIdle]) that can be. It is false before the end, and when the sandbox
// ended first.
func (p *Process) Last() bool {
	select {
	case <-p.ended:
		return p.child.Last()
	default:
		return false
	}
}

// Signal sends a signal to the process. It matches [ErrNotRunning] when it has
// ended.
func (p *Process) Signal(sig os.Signal) error {
	number, err := signalNumber(sig)
	if err == nil {
		err = p.child.Signal(number)
	}
	if errors.Is(err, os.ErrProcessDone) {
		err = ErrNotRunning
	}
	return p.s.wrap("signal", "", "", err)
}

// Kill ends the process at once, not those that it has started.
func (p *Process) Kill() error { return p.Signal(syscall.SIGKILL) }

// PID is the number that the process has on the host. It is 0 when it has ended,
// or the kernel has no CONFIG_PROC_CHILDREN.
func (p *Process) PID() int {
	select {
	case <-p.ended:
		return 0
	default:
	}
	pid, err := p.child.PID()
	if err != nil {
		return 0
	}
	return pid
}

// readLive reads the beginning of a file of the running sandbox.
func (s *Sandbox) readLive(name string, most int64) ([]byte, error) {
	f, err := s.FS().Open(strings.TrimPrefix(name, "/"))
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, most))
	return b, errors.Join(err, f.Close())
}
