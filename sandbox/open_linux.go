package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/sandkit/sandkit/internal/launch"
	"github.com/sandkit/sandkit/internal/monitor"
	"github.com/sandkit/sandkit/sandbox/state"
)

// Open finds a detached sandbox in a store, by its id, name, or the beginning of
// its id: it works through the monitor, from any process of the same user, as the
// one that Start has detached. Of one that has ended, Wait and Logs work. Of the
// options only WithLogger counts. Close lets go of it; what was started with Exec
// goes on then.
//
// The error matches [ErrNotFound] when there is no such sandbox, and [ErrRunning]
// when it runs, but attached to another program.
func Open(ctx context.Context, store *state.Store, ref string, opts ...Option) (*Sandbox, error) {
	s, link, l, err := find(ctx, store, ref, opts)
	if err != nil || link == nil {
		return s, opening("open", ref, err)
	}
	r, err := l.running()
	if err != nil {
		link.Close()
		return nil, opening("open", ref, err)
	}
	r.process = launch.Attach(link.Conn, link.PIDFD, link.PID, link.MainPID, true)
	s.held = held{root: link.Root, changes: link.Changes, owners: l.owners()}
	s.detached = true
	s.resume(r, l) //nolint:contextcheck // Open's context is not the sandbox's life
	return s, nil
}

func opening(op, ref string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, state.ErrNotFound) {
		err = errors.Join(ErrNotFound, err)
	}
	return &Error{Op: op, Err: err, name: ref}
}

// resume makes the sandbox one that runs.
func (s *Sandbox) resume(r *running, l *live) {
	r.monitored = s.endDetached
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.running, s.lastPid, s.kept = stateRunning, r, r.process.PID(), kept{path: l.LogPath}
	if !s.detached && !l.Deadline.IsZero() {
		r.timeout = time.AfterFunc(time.Until(l.Deadline), func() { _ = s.end(ReasonTimeout) })
	}
	go s.supervise(r)
}

// find gives the sandbox with a link to its monitor; the link is nil when it has
// ended.
func find(ctx context.Context, store *state.Store, ref string, opts []Option) (*Sandbox, *monitor.Link, *live, error) {
	if store == nil {
		return nil, nil, nil, fmt.Errorf("%w: store is nil", ErrInvalidSpec)
	}
	v, err := store.Lookup(ref)
	if err != nil {
		return nil, nil, nil, err
	}
	s := &Sandbox{id: v.Record.ID, log: newConfig(Spec{}, opts).log, store: store, ended: make(chan struct{}), life: newLife(lifeConfig{})}
	if err := json.Unmarshal(v.Record.Spec, &s.spec); err != nil {
		return nil, nil, nil, fmt.Errorf("read spec: %w", err)
	}
	s.name.Store(&v.Record.Name)
	link, err := linkTo(ctx, store, &v)
	if err == nil && v.Status.Started.IsZero() {
		err = ErrNotRunning
	}
	l, liveErr := readLive(v.Dir)
	if err == nil && link != nil {
		err = liveErr
	}
	if err != nil {
		if link != nil {
			link.Close()
		}
		return nil, nil, nil, err
	}
	if link == nil {
		s.restore(&v.Status, l)
	}
	return s, link, l, nil
}

// linkTo connects to the monitor, if the sandbox runs.
func linkTo(ctx context.Context, store *state.Store, v *state.View) (*monitor.Link, error) {
	const pause = time.Millisecond
	for patience := recordPatience; v.Status.State.Runs(); patience -= pause {
		link, err := monitor.Connect(ctx, v.Dir)
		if !errors.Is(err, monitor.ErrGone) {
			return link, err
		}
		now, lookErr := store.Lookup(v.Record.ID) // it may have ended just now
		if lookErr != nil {
			return nil, lookErr
		}
		*v = now
		if attached := errors.Is(err, os.ErrNotExist); v.Status.State.Runs() && (attached || patience <= 0) {
			return nil, fmt.Errorf("%w: another program has it attached", ErrRunning)
		}
		time.Sleep(pause) // the kernel is still at ending the monitor
	}
	return nil, nil //nolint:nilnil // it needs none
}

// restore makes the sandbox one that has ended.
func (s *Sandbox) restore(st *state.Status, l *live) {
	res := &Result{Started: st.Started}
	res.from(st)
	s.kept.path = s.spec.Logs.Path
	if l != nil {
		res.Setup, res.Protections, s.kept.path = l.Setup, l.Force, l.LogPath
	}
	s.state, s.result, s.detached = stateEnded, res, true
	close(s.ended)
}

// Remove removes the record of a sandbox that has ended, with its directory. Logs
// elsewhere stay. The error matches [ErrRunning] when it has not.
func (s *Sandbox) Remove(ctx context.Context) error {
	return s.wrap("remove", "", "", s.removeRecord(ctx))
}

func (s *Sandbox) removeRecord(ctx context.Context) error {
	select {
	case <-s.ended:
	default:
		return ErrRunning
	}
	if s.store == nil {
		return fmt.Errorf("%w: it has no record, see WithState", ErrNotFound)
	}
	if !s.isDetached() {
		return s.forget()
	}
	v, err := s.store.Lookup(s.id)
	if err == nil && v.Status.State.Runs() {
		return ErrRunning
	}
	var e *state.Entry
	if err == nil {
		e, err = s.takeEnded(ctx)
	}
	switch {
	case errors.Is(err, state.ErrOwned):
		return errors.Join(ErrRunning, err)
	case errors.Is(err, state.ErrNotFound):
		return errors.Join(ErrNotFound, err)
	case err != nil:
		return err
	}
	if err := e.Remove(ctx); err != nil {
		return errors.Join(err, e.Close())
	}
	return nil
}

// takeEnded takes over the record of a sandbox that has ended. Its monitor may
// just be about to let go of that.
func (s *Sandbox) takeEnded(ctx context.Context) (*state.Entry, error) {
	const pause = time.Millisecond
	for patience := recordPatience; ; patience -= pause {
		e, err := s.store.Adopt(ctx, s.id)
		if !errors.Is(err, state.ErrOwned) || patience <= 0 {
			return e, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, errors.Join(err, ctx.Err())
		}
	}
}
