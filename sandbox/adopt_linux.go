package sandbox

import (
	"context"
	"errors"
	"os"

	"github.com/sandkit/sandkit/internal/launch"
	"github.com/sandkit/sandkit/internal/monitor"
	"github.com/sandkit/sandkit/sandbox/state"
)

// Adopt makes a detached sandbox this program's own, as if it had started it: it
// ends with this program, and with Close, which also removes the record; Detach
// lets it go again. Nothing of what it prints is lost or doubled. Others who have
// opened it can only wait for its end. Processes that were started with Exec go
// on without their Process.
//
// The error is as with [Open], and matches [ErrNotRunning] when the sandbox has
// ended. Of the options only WithLogger counts.
func Adopt(ctx context.Context, store *state.Store, ref string, opts ...Option) (*Sandbox, error) {
	s, link, l, err := find(ctx, store, ref, opts)
	if err == nil && link == nil {
		err = ErrNotRunning
	}
	if err == nil {
		err = s.adopt(ctx, link, l)
	}
	if err != nil {
		return nil, opening("adopt", ref, err)
	}
	return s, nil
}

// adopt takes the sandbox from its monitor. When that has gone and something
// fails, the sandbox ends.
func (s *Sandbox) adopt(ctx context.Context, link *monitor.Link, l *live) error {
	defer link.Close()
	r, err := l.running()
	if err != nil {
		return err
	}
	f, pending, err := link.Adopt(ctx)
	if err != nil {
		return err
	}
	defer func() { f.Close() }()
	if r.streams, err = inheritStreams(l.LogPath, &s.spec.Logs, f, pending); err != nil {
		return err
	}
	entry, err := s.store.Inherit(s.id, f.Lock)
	if err != nil {
		return errors.Join(err, r.streams.closeOurs())
	}
	s.entry.Store(recordOf(entry)) //nolint:contextcheck // Adopt's context is not the sandbox's life
	r.claim = claim{held: f.Held, dirs: l.Dirs}
	s.held = held{root: f.Root, changes: f.Changes, owners: l.owners()}
	r.process = launch.Attach(f.Control, f.PIDFD, link.PID, link.MainPID, false)
	f.Lock, f.Held, f.Root, f.Changes, f.Control, f.PIDFD = nil, nil, nil, nil, nil, nil
	_ = os.Remove(entry.Dir() + "/" + monitor.SocketName) // nobody answers any more
	r.streams.start()
	s.resume(r, l) //nolint:contextcheck // likewise
	return nil
}
