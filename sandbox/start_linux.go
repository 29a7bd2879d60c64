package sandbox

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"syscall"
	"time"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/internal/kernel"
	"github.com/sandkit/sandkit/internal/launch"
	"github.com/sandkit/sandkit/internal/passwd"
	"github.com/sandkit/sandkit/internal/undo"
	"github.com/sandkit/sandkit/ns"
)

// running is what a started sandbox holds.
type running struct {
	process *launch.Process
	streams *streams
	group   *group // nil: none
	held    held
	base    base
	stop    StopPolicy // the image may have chosen the signal
	timeout *time.Timer
	// published are the host's ports; nil: none.
	published publisher
	force     Protections
	cycle     *cycle // nil: the program is not started again
	started   time.Time
	setup     time.Duration
	claim     claim // of one that was adopted
	// monitored completes the result of one that a monitor has.
	monitored func(*running, launch.Status, *Result) error
}

// Start sets the sandbox up and returns when the program executes. The context
// bounds the set-up, not the sandbox's life. On error everything is undone,
// and Start may be called again; the error is an [*Error] that names the stage.
// A command that does not exist gives one that matches [ErrNotFound], a file
// that cannot be executed one that matches fs.ErrPermission or ENOEXEC.
//
// With [WithReady], Start also waits until the sandbox is ready.
func (s *Sandbox) Start(ctx context.Context) error {
	r, err := s.start(ctx)
	if err == nil {
		err = s.followUp(ctx, r)
	}
	return err
}

// followUp is what options ask for when the program executes.
func (s *Sandbox) followUp(ctx context.Context, r *running) error {
	if s.await != nil {
		if err := s.await(s, ctx, r); err != nil {
			return err
		}
	}
	if s.detach {
		return s.detachNow(s, ctx)
	}
	return nil
}

// start is Start without what follows the program's execution.
func (s *Sandbox) start(ctx context.Context) (*running, error) {
	startCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := s.begin(cancel); err != nil {
		return nil, s.wrap("start", "", "", err)
	}
	started := time.Now()
	r, err := s.launch(startCtx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cancel = nil
	if err != nil {
		s.pending = nil
		return nil, s.startFailed(ctx, err)
	}
	r.started, r.setup = started, time.Since(started)
	s.state, s.running, s.held, s.lastPid = stateRunning, r, r.held, r.process.PID()
	if s.spec.Timeout > 0 {
		r.timeout = time.AfterFunc(s.spec.Timeout-r.setup, func() { _ = s.end(ReasonTimeout) })
	}
	if r.published != nil {
		r.published.serve()
	}
	if s.reason != "" { // killed or closed at the last moment
		_ = r.process.Kill()
	}
	s.log.Debug("sandbox started", "id", s.id, "setup", r.setup)
	s.startChecks(r)
	go s.supervise(r) //nolint:contextcheck // Start's context is not the sandbox's life
	return r, nil
}

// startFailed returns to the state before, or to the one that Close left.
func (s *Sandbox) startFailed(ctx context.Context, err error) error {
	s.state, s.reason = stateCreated, ""
	if s.closing {
		s.state = stateClosed
		close(s.ended)
	}
	if ctx.Err() == nil && errors.Is(err, context.Canceled) {
		err = s.wrap("start", "", "", ErrClosed) // by Kill or Close
	}
	return err
}

// begin claims the right to start.
func (s *Sandbox) begin(cancel context.CancelFunc) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closing:
		return ErrClosed
	case s.state != stateCreated:
		return ErrRunning
	}
	s.state, s.cancel, s.pending = stateStarting, cancel, s.newPending()
	return nil
}

// launch does all that Start does; what it made is undone on error.
func (s *Sandbox) launch(ctx context.Context) (r *running, err error) {
	var onError undo.Stack
	defer func() {
		if err != nil {
			err = errors.Join(err, onError.Unwind())
		}
	}()
	published, err := s.announce(ctx, &onError)
	if err != nil {
		return nil, err
	}
	var after undo.Stack // closed in any case
	b, err := s.prepare(ctx, &after, &onError)
	if err != nil {
		return nil, errors.Join(s.prepareError(err), after.Unwind())
	}
	streams := &streams{}
	if !s.spec.Idle {
		streams, err = s.openStreams()
	}
	if err == nil {
		err = s.handStreams(b, streams, &after, &onError)
	}
	if err != nil {
		return nil, errors.Join(s.wrap("start", StagePrepare, "", err), after.Unwind())
	}
	b.private = s.private && !s.execs()
	rooms, err := s.useRooms(ctx, b)
	if err != nil {
		return nil, errors.Join(s.wrap("start", StageCgroup, "", err), after.Unwind())
	}
	if err := b.build(); err != nil {
		return nil, errors.Join(s.wrap("start", StagePrepare, "", err), after.Unwind())
	}
	if s.tamper != nil {
		s.tamper(b.prog)
	}
	p, err := launch.Start(ctx, b.prog, launch.Options{
		Files: b.files, MainFiles: b.stdio, Rooms: rooms,
		Park: len(b.joined) == 0 && s.tamper == nil,
	})
	if err == nil {
		err = errors.Join(b.tighten(ctx), streams.takeTerminal(p))
	}
	if err == nil {
		err = s.noteRunning(p.PID(), published)
	}
	if err := errors.Join(s.launchError("start", b, err), after.Unwind()); err != nil {
		if p != nil {
			_ = p.Kill()
			_, werr := p.Wait()
			err = errors.Join(err, werr, b.group.discard()) //nolint:contextcheck // removed also when ctx has ended
			p.Release()
		}
		return nil, err
	}
	b.protectGroup()
	for _, d := range b.plan.Dropped {
		s.log.Warn("sandbox goes without", "id", s.id, "what", d.What, "reason", d.Reason)
	}
	return s.firstRun(ctx, b, &running{process: p, streams: streams, group: b.group, held: b.hold(p.TakeFiles()), base: b.base(), stop: b.spec.Stop, force: b.plan.Protections, published: published})
}

// prepare looks up on the host what the plan needs. What it opens is closed
// after the start, but for the image.
func (s *Sandbox) prepare(ctx context.Context, after, onError *undo.Stack) (*builder, error) {
	f, err := kernel.Detect()
	if err != nil {
		return nil, err
	}
	var img *rooted
	if s.spec.Image.Ref != "" {
		if img, err = s.images.open(s, ctx); err != nil {
			return nil, s.wrap("start", StageImage, s.spec.Image.Ref, err)
		}
		onError.Push("release image", img.release)
	}
	spec, vols := &s.spec, (*heldVolumes)(nil)
	if s.volumes.use != nil {
		if spec, vols, err = s.volumes.use(s, ctx, img, onError); err != nil {
			return nil, err
		}
	}
	b, err := newBuilder(spec, s.id, &f, img)
	if err != nil {
		return nil, err
	}
	b.useVolumes(vols)
	if f.Privileged && s.spec.HostUsers {
		b.users = users{inner: ns.BlockMapping(0, 1<<32-1)}
	} else {
		own, err := ownUsers(ctx, f.Privileged)
		if err != nil {
			return nil, err
		}
		b.users, b.usersF = own.users, own.file
	}
	if err := b.checkUser(); err != nil {
		return nil, err
	}
	for _, e := range s.spec.Namespaces.Each() {
		if e.From.Mode != ns.Join {
			continue
		}
		file, err := e.From.Open(e.Kind)
		if err != nil {
			return nil, err
		}
		b.joined[e.Kind] = file
		after.Push("close namespace", file.Close)
	}
	return b, nil
}

// newBuilder inspects the root and the mounts, and finds out who runs. The
// image is nil when there is none.
func newBuilder(spec *Spec, id string, f *kernel.Features, img *rooted) (*builder, error) {
	if spec.HostUsers && !f.Privileged {
		return nil, &NotSupportedError{Feature: "WithHostUsers for an ordinary user", Hint: "leave it out, or run as root"}
	}
	c := spec.clone()
	b := &builder{spec: &c, id: id, features: f, image: img, joined: make(map[ns.Kind]*os.File)}
	b.tree = &fs.Tree{Mounts: c.Mounts, Proc: c.Proc, Masked: c.MaskedPaths, ReadOnly: c.ReadOnlyPaths}
	if img != nil {
		if err := c.applyImage(img.image); err != nil {
			return nil, err
		}
		c.Root = img.root(c.Root)
		b.tree.Files, b.tree.Dirs = img.open, img.dirs(&c)
	}
	c.Idle = c.Idle || c.Restart.inPlace() // its program is a further process
	b.tree.Root = c.Root
	if err := b.tree.Inspect(); err != nil {
		return nil, err
	}
	var err error
	b.who, err = b.identity()
	return b, err
}

// maxPasswd bounds what is read of /etc/passwd and /etc/group.
const maxPasswd = 4 << 20

// identity looks the user up in the root. A root without the files is fine as
// long as the user is a number.
func (b *builder) identity() (passwd.Identity, error) {
	read := func(name string) ([]byte, error) {
		content, err := b.readSmall(name)
		if errors.Is(err, iofs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
			return nil, nil
		}
		return content, err
	}
	users, err := read("/etc/passwd")
	if err != nil {
		return passwd.Identity{}, err
	}
	groups, err := read("/etc/group")
	if err != nil {
		return passwd.Identity{}, err
	}
	id, err := passwd.Resolve(b.spec.Process.User, users, groups)
	if errors.Is(err, passwd.ErrUnknown) {
		err = fmt.Errorf("WithUser: %w: %w", err, ErrNotFound)
	}
	return id, err
}

// readSmall reads a file of the root.
func (b *builder) readSmall(name string) ([]byte, error) {
	if b.live != nil {
		return b.live.readLive(name, maxPasswd)
	}
	if b.image != nil && !b.tree.Covered(name) {
		return b.image.readFile(b.tree, name)
	}
	return b.tree.ReadFile(name, maxPasswd)
}

// checkUser makes sure that the user exists in the sandbox's user namespace.
func (b *builder) checkUser() error {
	m := b.users.as(b.who.UID, b.who.GID)
	ids := func(kind string, id uint32, look func(uint32) (uint32, bool)) error {
		if _, ok := look(id); ok {
			return nil
		}
		return &NotSupportedError{
			Feature: fmt.Sprintf("%s %d", kind, id),
			Err:     fmt.Errorf("the user namespace maps %s", m),
			Hint:    "choose a mapped id",
		}
	}
	errs := []error{ids("user", b.who.UID, m.UIDOutside), ids("group", b.who.GID, m.GIDOutside)}
	if !b.users.single {
		for _, g := range append(b.who.Groups, b.spec.Process.Groups...) {
			errs = append(errs, ids("group", g, m.GIDOutside))
		}
	}
	for i := range b.tree.Mounts {
		mount := &b.tree.Mounts[i]
		if mount.UID != 0 || mount.GID != 0 {
			errs = append(errs, ids("user", mount.UID, m.UIDOutside), ids("group", mount.GID, m.GIDOutside))
		}
	}
	return errors.Join(errs...)
}
