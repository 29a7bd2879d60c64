package volume

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// helperEnv makes the test binary one of the programs below.
const helperEnv = "SANDKIT_VOLUME_HELPER"

func TestMain(m *testing.M) {
	if name := os.Getenv(helperEnv); name != "" {
		if err := helpers[name](context.Background(), os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, name+":", err)
			os.Exit(3)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

var helpers = map[string]func(ctx context.Context, args []string) error{"die": helperDie, "churn": helperChurn, "hold": helperHold}

// helper is the test binary as one of the programs.
func helper(t testing.TB, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), helperEnv+"="+name)
	cmd.Stderr = os.Stderr
	return cmd
}

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

func helperDie(ctx context.Context, args []string) error {
	step, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	return wholeLife(ctx, args[0], dieAt(step))
}

// fillIn gives a function that fills a volume, step by step.
func fillIn(s *Store) func(dir *os.File) error {
	return func(dir *os.File) error {
		path := "/proc/self/fd/" + strconv.Itoa(int(dir.Fd()))
		for _, name := range []string{"a", "b"} {
			if err := s.files.check("copy", name); err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(path, name), []byte(name), 0o600); err != nil {
				return err
			}
		}
		return nil
	}
}

// wholeLife does with a store all that changes it.
func wholeLife(ctx context.Context, dir string, opts ...Option) (err error) {
	s, err := Open(dir, append(opts, NoSync())...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if _, err := s.Create(ctx, Options{Name: "data", Labels: map[string]string{"k": "v"}}); err != nil {
		return err
	}
	for _, name := range []string{"data", ""} {
		r, err := s.Use(ctx, UseOptions{Name: name, User: "user1"})
		if err != nil {
			return err
		}
		if err := r.Begin(ctx, fillIn(s)); err != nil {
			return errors.Join(err, r.Release(ctx))
		}
		if err := r.Release(ctx); err != nil {
			return err
		}
	}
	if err := s.Remove(ctx, "data", RemoveOptions{}); err != nil {
		return err
	}
	_, err = s.Collect(ctx)
	return err
}

// helperChurn makes, uses and removes volumes, its own and those of all.
func helperChurn(ctx context.Context, args []string) (err error) {
	s, err := Open(args[0], NoSync())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	user := "p" + strconv.Itoa(os.Getpid())
	fmt.Println("go")
	for n := range 30 {
		name := []string{"", "shared", user}[n%3]
		r, err := s.Use(ctx, UseOptions{Name: name, User: user})
		if err != nil {
			return err
		}
		if err := r.Begin(ctx, fillIn(s)); err != nil {
			return err
		}
		for _, f := range []string{"a", "b"} {
			if b, err := os.ReadFile(filepath.Join(r.Volume().Path, f)); err != nil || string(b) != f {
				return fmt.Errorf("%s of %s: %q, %w", f, r.Volume(), b, err)
			}
		}
		if err := s.Remove(ctx, r.Volume().Name, RemoveOptions{}); !errors.Is(err, ErrInUse) {
			return fmt.Errorf("in use: %w", err)
		}
		if err := r.Release(ctx); err != nil {
			return err
		}
		switch rand.IntN(4) {
		case 0:
			_, err = s.Prune(ctx, PruneOptions{All: true})
		case 1:
			_, err = s.Collect(ctx)
		case 2:
			_, err = s.List(ctx, Filter{"dangling", "true"})
		default:
			if err = s.Remove(ctx, "shared", RemoveOptions{Force: true}); errors.Is(err, ErrInUse) {
				err = nil
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// helperHold uses a volume until it is killed.
func helperHold(ctx context.Context, args []string) error {
	s, err := Open(args[0], NoSync())
	if err != nil {
		return err
	}
	for _, o := range []UseOptions{{Name: "data"}, {}, {Keep: true}} {
		o.User = "holder"
		r, err := s.Use(ctx, o)
		if err != nil {
			return err
		}
		if err := r.Begin(ctx, fillIn(s)); err != nil {
			return err
		}
	}
	fmt.Println("go")
	select {}
}

func open(t testing.TB, dir string, opts ...Option) *Store {
	t.Helper()
	s, err := Open(dir, append(opts, NoSync())...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func newStore(t testing.TB) *Store {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "volumes"))
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
