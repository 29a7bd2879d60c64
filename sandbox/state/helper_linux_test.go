package state

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"
)

// failAt has one step that changes the disk fail, or all from there on.
func failAt(step int, forGood bool, err error) Option {
	return func(s *Store) {
		s.files.fault = func(string, string) error {
			if step--; step == -1 || step < 0 && forGood {
				return err
			}
			return nil
		}
	}
}

// dieAt lets the process be killed at a step that changes the disk.
func dieAt(step int) Option {
	return func(s *Store) {
		s.files.fault = func(string, string) error {
			if step--; step < 0 {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
			return nil
		}
	}
}

// helperDie lives through a life until the step that kills it.
func helperDie(ctx context.Context, args []string) error {
	step, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	return wholeLife(ctx, args[0], dieAt(step))
}

// wholeLife does with a store all that changes it.
func wholeLife(ctx context.Context, dir string, opts ...Option) (err error) {
	s, err := Open(dir, append(opts, NoSync())...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	e, err := s.Create(ctx, Record{Name: "first", Spec: []byte("1")})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	other, err := s.Create(ctx, Record{AutoRemove: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, other.Close()) }()
	if err := e.Update(func(st *Status) error { st.State = Running; return nil }); err != nil {
		return err
	}
	if err := e.Rename(ctx, "second"); err != nil {
		return err
	}
	if err := e.Update(func(st *Status) error { st.State = Exited; return nil }); err != nil {
		return err
	}
	if err := e.Remove(ctx); err != nil {
		return err
	}
	for _, state := range []State{Running, Exited} { // at its end, it is to be removed
		if err := other.Update(func(st *Status) error { st.State = state; return nil }); err != nil {
			return err
		}
	}
	if err := other.Close(); err != nil {
		return err
	}
	_, err = s.Collect(ctx, nil)
	return err
}

// helperOwn creates a running sandbox, says so, and waits to be killed.
func helperOwn(ctx context.Context, args []string) error {
	s, err := Open(args[0], NoSync())
	if err != nil {
		return err
	}
	r := Record{AutoRemove: args[1] == "rm"}
	if args[1] != "rm" {
		r.Restart.Policy = args[1]
	}
	e, err := s.Create(ctx, r)
	if err != nil {
		return err
	}
	if err := e.Update(func(st *Status) error { st.State, st.PID = Running, os.Getpid(); return nil }); err != nil {
		return err
	}
	fmt.Println(e.ID())
	_, err = os.Stdin.Read(make([]byte, 1)) // until the test kills it, or is gone
	return err
}

// helperInherit owns what it got as descriptor 3 until its standard input ends.
func helperInherit(_ context.Context, args []string) error {
	s, err := Open(args[0], NoSync())
	if err != nil {
		return err
	}
	e, err := s.Inherit(args[1], os.NewFile(3, "lock"))
	if err != nil {
		return err
	}
	if err := e.Update(func(st *Status) error { st.State = Running; return nil }); err != nil {
		return err
	}
	fmt.Println("owned")
	_, _ = os.Stdin.Read(make([]byte, 1))
	if err := e.Update(func(st *Status) error { st.State, st.ExitCode = Exited, 7; return nil }); err != nil {
		return err
	}
	return errors.Join(e.Close(), s.Close())
}

// helperLife runs one sandbox from creation to removal.
func helperLife(ctx context.Context, args []string) (err error) {
	s, err := Open(args[0], NoSync())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	e, err := s.Create(ctx, Record{Name: "life", Image: "busybox", Labels: map[string]string{"a": "b"}})
	if err != nil {
		return err
	}
	for _, st := range []Status{
		{State: Running, Health: HealthStarting},
		{State: Paused},
		{State: Running, Health: HealthHealthy},
		{State: Exited, ExitCode: 9, OOMKilled: true},
	} {
		if err := e.Update(func(now *Status) error {
			now.State, now.Health, now.ExitCode, now.OOMKilled = st.State, st.Health, st.ExitCode, st.OOMKilled
			return nil
		}); err != nil {
			return err
		}
	}
	if err := e.Rename(ctx, "death"); err != nil {
		return err
	}
	_, _ = os.Stdin.Read(make([]byte, 1)) // until all of it was seen
	return e.Remove(ctx)
}

// helperChurn creates, lists, renames and removes, and prints what is there at
// its end: "id name", acknowledged.
func helperChurn(ctx context.Context, args []string) (err error) {
	s, err := Open(args[0], NoSync())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	for range 6 {
		if err := churn(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func churn(ctx context.Context, s *Store) (err error) {
	pick := func() string { return "name" + strconv.Itoa(rand.IntN(40)) }
	e, err := s.Create(ctx, Record{Name: pick()})
	if errors.Is(err, ErrNameConflict) {
		e, err = s.Create(ctx, Record{})
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	if err := e.Rename(ctx, pick()); err != nil && !errors.Is(err, ErrNameConflict) {
		return err
	}
	switch rand.IntN(4) {
	case 0:
		_, err = s.Collect(ctx, nil)
	case 1:
		_, err = s.List(ctx, ListOptions{All: true})
	case 2:
		return e.Remove(ctx)
	}
	if err != nil {
		return err
	}
	if v, err := s.Lookup(e.ID()); err != nil || v.Record.Name != e.Record().Name {
		return fmt.Errorf("own record: %s, %w", v.Record.Name, err)
	}
	fmt.Println(e.ID(), e.Record().Name)
	return nil
}
