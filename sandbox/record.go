package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"syscall"

	"github.com/sandkit/sandkit/internal/undo"
	"github.com/sandkit/sandkit/sandbox/state"
)

// WithState records the sandbox in a store, from Start to Close, where every
// process finds it by id or name, lists and watches it: see package state. Its
// name is unique there; the error of Start matches [ErrExists] when another
// sandbox has it, and a sandbox without a name gets one. The record goes with
// Close; when this program is killed, the next state.Store.Collect removes it, or,
// with a policy that restarts ([WithRestart]), notes the end and leaves it to those
// who want to start such sandboxes again. With WithDetach it stays, see there. The
// store stays the caller's, who closes it after the sandbox.
func WithState(store *state.Store) Option {
	return option(func(c *config) {
		if store == nil {
			c.process.problem("WithState", "store is nil")
		}
		c.life.enter = (*Sandbox).makeRecord
		c.store, c.volumes.copyUp, c.volumes.use = store, (*Sandbox).copyUp, (*Sandbox).useVolumes
	})
}

// WithLabels adds labels, by which sandboxes are found in a store.
func WithLabels(labels map[string]string) Option {
	labels = maps.Clone(labels)
	return option(func(c *config) {
		if c.spec.Labels == nil {
			c.spec.Labels = make(map[string]string)
		}
		maps.Copy(c.spec.Labels, labels)
	})
}

// entry is a *state.Entry. Programs that record nothing do not link it.
type entry interface {
	Update(f func(*state.Status) error) error
	Rename(ctx context.Context, name string) error
	SetMounts(mounts []state.Mount) error
	Dir() string
	Delegate() (*state.Delegation, error)
	Close() error
}

// recorded is the record of a sandbox.
type recorded struct {
	entry
	remove func() error // also when the context of the start has ended
	given  *string      // the name before
}

// record makes the sandbox's record, if there is to be one.
func (s *Sandbox) record(ctx context.Context, onError *undo.Stack) error {
	if s.enter == nil {
		return nil
	}
	return s.enter(s, ctx, onError)
}

func (s *Sandbox) makeRecord(ctx context.Context, onError *undo.Stack) error {
	spec, err := json.Marshal(&s.spec)
	if err != nil {
		return fmt.Errorf("record sandbox: %w", err)
	}
	r := state.Record{
		ID: s.id, Name: *s.name.Load(), Hostname: s.spec.Hostname, Image: s.spec.Image.Ref, Command: s.spec.Process.Command,
		Labels: s.spec.Labels, AutoRemove: !s.spec.Restart.restarts() && !s.detach, Restart: s.spec.Restart.record(), Spec: spec,
	}
	r.Ports = recordedPorts(s.spec.Publish, s.spec.Expose)
	for _, m := range s.spec.Mounts {
		r.Mounts = append(r.Mounts, recordedMount(m))
	}
	e, err := s.store.Create(ctx, r)
	if err != nil {
		if errors.Is(err, state.ErrNameConflict) {
			err = fmt.Errorf("%w: %w", ErrExists, err)
		}
		return fmt.Errorf("record sandbox: %w", err)
	}
	given := s.name.Load()
	name := e.Record().Name
	s.name.Store(&name)
	s.entry.Store(&recorded{e, func() error { return e.Remove(context.WithoutCancel(ctx)) }, given})
	onError.Push("remove record", func() error {
		s.name.Store(given)
		return s.forget()
	})
	return nil
}

// forget removes the record.
func (s *Sandbox) forget() error {
	e := s.entry.Swap(nil)
	if e == nil {
		return nil
	}
	if err := e.remove(); err != nil {
		return fmt.Errorf("remove record: %w", errors.Join(err, e.Close()))
	}
	return nil
}

// errOver keeps the status of a sandbox that has ended.
var errOver = errors.New("it is over")

// note changes the recorded status, if there is one.
func (s *Sandbox) note(f func(*state.Status) error) error {
	e := s.entry.Load()
	if e == nil {
		return nil
	}
	if err := e.Update(f); err != nil && !errors.Is(err, errOver) && !errors.Is(err, state.ErrClosed) {
		return fmt.Errorf("update record: %w", err)
	}
	return nil
}

// noteRunning records that process 1 runs.
func (s *Sandbox) noteRunning(pid int, published publisher) error {
	return s.note(func(st *state.Status) error {
		st.State, st.PID = state.Running, pid
		if published != nil {
			st.Ports = recordedPorts(published.Ports(), s.spec.Expose)
		}
		return nil
	})
}

// notePaused records a pause, or its end.
func (s *Sandbox) notePaused(paused bool) error {
	return s.note(func(st *state.Status) error {
		if !st.State.Runs() {
			return errOver
		}
		if st.State = state.Running; paused {
			st.State = state.Paused
		}
		return nil
	})
}

// noteResult records how a run ended.
func (s *Sandbox) noteResult(st *state.Status, res *Result) {
	st.ExitCode, st.Signal = res.ExitCode, int(res.Signal)
	if res.Signal != 0 {
		st.ExitCode = 128 + int(res.Signal)
	}
	st.OOMKilled = res.Reason == ReasonOOM && res.Signal == syscall.SIGKILL
	st.Finished = res.Finished
}

// noteEnd records how the sandbox ended, with the exit code that shells and
// Docker give.
func (s *Sandbox) noteEnd(res *Result, asked bool) error {
	return s.note(func(st *state.Status) error {
		st.State, st.PID, st.ManuallyStopped = state.Exited, 0, asked
		s.noteResult(st, res)
		if res.Reason == ReasonTimeout {
			st.Error = state.TimedOut
		}
		return nil
	})
}

// Rename gives the sandbox another name, also in its store. The error matches
// [ErrExists] when another sandbox there has it, and [ErrInvalidSpec] when it is
// none.
func (s *Sandbox) Rename(ctx context.Context, name string) error {
	if !isName(name) {
		return s.wrap("rename", "", "", fmt.Errorf("%w: name %q, want at least two of [a-zA-Z0-9_.-], the first a letter or digit", ErrInvalidSpec, name))
	}
	if e := s.entry.Load(); e != nil {
		err := e.Rename(ctx, name)
		if errors.Is(err, state.ErrNameConflict) {
			err = fmt.Errorf("%w: %w", ErrExists, err)
		}
		if err != nil {
			return s.wrap("rename", "", "", err)
		}
	}
	if s.isDetached() {
		return s.wrap("rename", "", "", &NotSupportedError{Feature: "another name for a detached sandbox", Hint: "adopt it first"})
	}
	s.name.Store(&name)
	return nil
}
