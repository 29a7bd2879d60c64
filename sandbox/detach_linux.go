package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/sandkit/sandkit/cgroup"
	"github.com/sandkit/sandkit/internal/monitor"
	"github.com/sandkit/sandkit/internal/undo"
)

// Detach hands the running sandbox over to a monitor, so that it outlives this
// program, as [WithDetach] does at the start; where it cannot, the error says what
// is in the way, and the sandbox stays with this program. Nothing of what it
// prints is lost or doubled. The Sandbox can be used as before, but Close does not
// end it any more, and what needs the record's owner, Rename, is the monitor's
// alone. A log is not packed by a monitor, but by whoever adopts the sandbox.
func (s *Sandbox) Detach(ctx context.Context) error {
	return s.wrap("detach", "", "", s.handOver(ctx))
}

// detachStarted detaches what was just started, or ends it.
func (s *Sandbox) detachStarted(ctx context.Context) error {
	err := s.handOver(ctx)
	if errors.Is(err, os.ErrProcessDone) || errors.Is(err, ErrNotRunning) {
		<-s.ended // already, and Wait tells how
		return s.wrap("start", "", "", s.leaveRecord())
	}
	if err != nil {
		_ = s.end(ReasonKilled)
		<-s.ended
		err = errors.Join(err, s.letGo(), s.forget())
	}
	return s.wrap("start", StageLaunch, "", err)
}

// leaveRecord leaves the record of a sandbox that has ended to those who want to
// know how.
func (s *Sandbox) leaveRecord() error {
	s.handover.Lock()
	defer s.handover.Unlock()
	s.detached = true
	if e := s.entry.Swap(nil); e != nil {
		return e.Close()
	}
	return nil
}

// runs gives what runs.
func (s *Sandbox) runs() (*running, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closing:
		return nil, ErrClosed
	case s.running == nil:
		return nil, ErrNotRunning
	}
	return s.running, nil
}

func (s *Sandbox) handOver(ctx context.Context) error {
	s.handover.Lock()
	defer s.handover.Unlock()
	r, err := s.runs()
	if err != nil {
		return err
	}
	if s.detached {
		return nil
	}
	if err := s.canDetach(); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalidSpec, err)
	}
	err = r.process.HandOver(func(control *os.File, children []int) (*os.File, error) {
		h := &handover{s: s, r: r}
		h.to.Control, h.to.Children = control, children
		conn, err := h.run(ctx)
		if err != nil {
			return nil, errors.Join(err, h.undone.Unwind())
		}
		return conn, nil
	})
	if errors.Is(err, os.ErrProcessDone) {
		err = ErrNotRunning
	}
	return err
}

// handover is a sandbox on its way to a monitor.
type handover struct {
	s      *Sandbox
	r      *running
	to     monitor.Sandbox
	undone undo.Stack
	after  []func() error // when it has arrived
}

func (h *handover) run(ctx context.Context) (*os.File, error) {
	for _, step := range []func(context.Context) error{h.identity, h.files, h.claims, h.image, h.volumes, h.socket, h.streams, h.record} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	conn, err := monitor.Start(ctx, &h.to)
	if err != nil {
		return nil, err
	}
	for _, f := range h.after {
		if err := f(); err != nil {
			h.s.log.Warn("sandbox is detached", "id", h.s.id, "error", err)
		}
	}
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	h.s.detached, h.r.streams, h.r.claim, h.r.monitored = true, &streams{}, claim{}, h.s.endDetached
	return conn, nil
}

// closeAfter closes a file in any case.
func (h *handover) closeAfter(f *os.File) {
	h.undone.Push("close "+f.Name(), f.Close)
	h.after = append(h.after, f.Close)
}

// identity says which process it is.
func (h *handover) identity(context.Context) error {
	pidfd, err := h.r.process.PIDFD()
	if err != nil {
		return err
	}
	h.closeAfter(pidfd)
	h.to.ID, h.to.PIDFD, h.to.PID, h.to.MainPID = h.s.id, pidfd, h.r.process.PID(), h.r.process.MainPID()
	if h.s.spec.Timeout > 0 {
		h.to.KillAfter = max(time.Millisecond, time.Until(h.r.started.Add(h.s.spec.Timeout)))
		h.after = append(h.after, func() error {
			if t := h.r.timeout; t != nil {
				t.Stop()
			}
			return nil
		})
	}
	return nil
}

// socket makes what others connect to, and describes the sandbox for them.
func (h *handover) socket(context.Context) error {
	e := h.s.entry.Load()
	if e == nil {
		return ErrNotRunning
	}
	dir, err := os.Open(e.Dir())
	if err != nil {
		return err
	}
	defer dir.Close()
	if h.to.Listen, err = monitor.Listen(dir); err != nil {
		return err
	}
	h.closeAfter(h.to.Listen)
	path := dir.Name()
	h.undone.Push("remove socket", func() error {
		d, err := os.Open(path)
		if err != nil {
			return err
		}
		return errors.Join(monitor.RemoveSocket(d), d.Close())
	})
	return h.s.describe(h.r).write(path)
}

// files has the root kept for those who ask for files.
func (h *handover) files(context.Context) error {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	for _, f := range []struct {
		from *os.File
		to   **os.File
	}{{h.s.held.root, &h.to.Root}, {h.s.held.changes, &h.to.Changes}} {
		if f.from == nil {
			continue
		}
		d, err := duplicate(f.from)
		if err != nil {
			return err
		}
		*f.to = d
		h.closeAfter(d)
	}
	return nil
}

// claims keeps others from what they would take for a leftover.
func (h *handover) claims(context.Context) error {
	h.to.Held, h.to.Dirs = append(h.to.Held, h.r.claim.held...), h.r.claim.dirs
	for _, f := range h.r.claim.held {
		h.after = append(h.after, f.Close)
	}
	if b := h.r.base.users.block; b != nil {
		f, err := b.Claim()
		if err != nil {
			return err
		}
		h.closeAfter(f)
		h.to.Held = append(h.to.Held, f)
	}
	if h.r.group == nil {
		return nil
	}
	g, tree := h.r.group.room.group, h.r.group.room.tree
	if tree != nil { // it is not one that was adopted
		locks, err := g.Share()
		if err != nil {
			return err
		}
		for _, f := range locks {
			h.closeAfter(f)
			h.to.Held = append(h.to.Held, f)
		}
		h.after = append(h.after, func() error { return h.r.group.share(tree) }) //nolint:contextcheck // also when ctx has ended
	}
	h.to.Dirs = groupDirs(g.Dirs())
	for _, name := range []string{"memory.events", "memory.oom_control"} {
		if dir := g.Path(cgroup.Memory); dir != "" && h.to.Events == nil {
			if f, err := os.Open(dir + "/" + name); err == nil {
				h.to.Events = f
				h.closeAfter(f)
			}
		}
	}
	return nil
}

// image keeps the image's layers.
func (h *handover) image(ctx context.Context) error {
	h.s.mu.Lock()
	img := h.s.held.image
	h.s.mu.Unlock()
	if img == nil {
		return nil
	}
	lease, err := img.store.Lease(ctx)
	if err != nil {
		return err
	}
	if err := lease.Keep(ctx, img.image.Descriptor()); err != nil {
		return errors.Join(err, lease.Release())
	}
	f, err := lease.Give()
	if err != nil {
		return err
	}
	h.closeAfter(f)
	h.to.Held = append(h.to.Held, f)
	return nil
}

// volumes keeps the references to volumes. Anonymous ones are removed by a
// collection when the sandbox has ended.
func (h *handover) volumes(context.Context) error {
	h.s.mu.Lock()
	v := h.s.held.volumes
	h.s.mu.Unlock()
	if v == nil {
		return nil
	}
	for _, ref := range v.refs {
		f, err := ref.Share()
		if err != nil {
			return err
		}
		h.closeAfter(f)
		h.to.Held = append(h.to.Held, f)
		h.after = append(h.after, func() error {
			own, err := ref.Detach()
			if err != nil {
				return err
			}
			return own.Close()
		})
	}
	return nil
}

// streams passes on what the program prints.
func (h *handover) streams(context.Context) error {
	c, l := h.r.streams.logs, &h.s.spec.Logs
	if c == nil {
		return nil
	}
	h.undone.Push("read on", func() error { return c.resume(l, &h.to) })
	if err := c.pass(&h.to); err != nil {
		return err
	}
	h.to.LogSize, h.to.LogFiles, h.to.LogMode = l.MaxSize, l.MaxFiles, logMode
	h.after = append(h.after, func() error { return c.passed(&h.to) })
	return nil
}

// logMode is that of a log's files, as with Docker.
const logMode = 0o640

// record gives the record up.
func (h *handover) record(context.Context) error {
	e := h.s.entry.Load()
	d, err := e.Delegate()
	if err != nil {
		return err
	}
	h.to.Token, h.to.Lock, h.to.Box, h.to.Records, h.to.End = d.Token, d.Lock, d.Box, d.Records, d.End
	h.undone.Push("keep record", func() error { //nolint:contextcheck // also when ctx has ended
		back, err := d.Undo()
		if err == nil {
			h.s.entry.Store(recordOf(back))
		}
		return err
	})
	h.after = append(h.after, func() error {
		h.s.entry.Store(nil)
		d.Close()
		return nil
	})
	return nil
}

// share leaves the tree to the monitor, and looks at the group from outside.
func (g *group) share(tree *sharedTree) error {
	hostGroups.Lock()
	host := hostGroups.host
	tree.shared = true
	if hostGroups.trees[tree.parent] == tree {
		delete(hostGroups.trees, tree.parent)
	}
	hostGroups.Unlock()
	own := g.room.group
	treeName, name := own.Place()
	seen, err := host.Reopen(tree.parent, treeName, name)
	if err == nil {
		g.room = &room{group: seen}
	}
	return errors.Join(err, own.Abandon(), tree.release())
}
