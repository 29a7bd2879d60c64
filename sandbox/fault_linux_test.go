package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/internal/launch"
	"github.com/sandkit/sandkit/internal/program"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

// rich are options that use every kind of step.
func rich(t testing.TB) sandbox.Option {
	t.Helper()
	data := t.TempDir()
	ro := fs.File("/etc/fixed", 0, []byte("x"))
	ro.ReadOnly = true
	bind := fs.Bind(data, "/data")
	bind.HostOwners = true
	return sandbox.Options(
		sandbox.WithMount(bind), sandbox.WithMount(fs.Tmpfs("/t", 0)), sandbox.WithMount(fs.File("/etc/f", 0, []byte("x"))),
		sandbox.WithMount(ro), sandbox.WithRlimit("nofile", 100, 100), sandbox.WithDir("/tmp"), sandbox.WithStdin(oneByte{}),
		sandbox.WithAmbientCapabilities("NET_BIND_SERVICE"), sandbox.WithMaskedPaths("/etc/fixed", "/proc/keys"), sandbox.WithReadOnlyPaths("/t"),
		sandbox.WithCommand("true"),
	)
}

// oneByte is a reader that many sandboxes can read at once.
type oneByte struct{}

func (oneByte) Read(p []byte) (int, error) { return copy(p, "x"), io.EOF }

// steps counts the steps of a sandbox's Program.
func steps(t testing.TB, opts ...sandbox.Option) int {
	t.Helper()
	n := 0
	s, err := sandbox.New(opts...)
	if err != nil {
		t.Fatal(err)
	}
	sandbox.Tamper(s, func(p *program.Program) { n = p.Steps() })
	if err := s.Start(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	return n
}

// TestEveryStepCanFail breaks each step in turn: Start tells which one it was,
// and nothing is left.
func TestEveryStepCanFail(t *testing.T) {
	testutil.Unchanged(t)
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		opts := options(rich(t), lane)
		total := steps(t, opts...)
		if total < 100 {
			t.Fatalf("only %d steps", total)
		}
		for n := range total {
			s, err := sandbox.New(opts...)
			if err != nil {
				t.Fatal(err)
			}
			var broken string
			sandbox.Tamper(s, func(p *program.Program) {
				p.Break(n)
				broken = strings.Split(p.String(), fmt.Sprintf("%5d  ", n))[1]
			})
			err = s.Start(testContext(t))
			// Of a search along PATH, all steps but one may fail.
			search := strings.HasPrefix(broken, "execve(") || strings.HasPrefix(broken, "DENIED(")
			e, ok := errors.AsType[*sandbox.Error](err)
			if (err != nil || !search) && (!errors.Is(err, syscall.ENOSYS) || !ok || e.Stage == "") {
				t.Errorf("step %d, %.60s: %v", n, broken, err)
			}
			if err := s.Close(); err != nil {
				t.Errorf("close after step %d: %v", n, err)
			}
		}
	})
}

// TestStartCanBeRepeated: after a start that failed, the next one works.
func TestStartCanBeRepeated(t *testing.T) {
	testutil.Unchanged(t)
	s, err := sandbox.New(sandbox.WithCommand("true"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fail := true
	sandbox.Tamper(s, func(p *program.Program) {
		if fail {
			p.Break(p.Find("pivot_root"))
		}
	})
	if err := s.Start(testContext(t)); !errors.Is(err, syscall.ENOSYS) {
		t.Fatalf("broken start: %v", err)
	}
	fail = false
	if err := s.Start(testContext(t)); err != nil {
		t.Fatalf("second start: %v", err)
	}
	if _, err := s.Wait(testContext(t)); err != nil {
		t.Error(err)
	}
}

// TestNoDescriptorsLeft: with fewer and fewer descriptors to be had, Start
// fails at another place each time, and leaves nothing.
func TestNoDescriptorsLeft(t *testing.T) {
	testutil.Unchanged(t)
	launch.Trim()
	everyFileLimit(t, func() func() error {
		opts := options(rich(t)) // a reader belongs to one sandbox
		return func() error {
			_, err := sandbox.Run(context.Background(), opts...)
			return err
		}
	})
}

// everyFileLimit runs what prepare gives with more and more descriptors to be
// had: it must fail for want of them at first, and work in the end.
func everyFileLimit(t *testing.T, prepare func() (run func() error)) {
	t.Helper()
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	failed, worked := 0, 0
	for n := uint64(8); n < 48; n++ {
		err := withFileLimit(t, n, before, prepare())
		switch {
		case err == nil:
			worked++
		case errors.Is(err, syscall.EMFILE):
			failed++
		default:
			t.Errorf("with %d descriptors: %v", n, err)
		}
	}
	if failed == 0 || worked == 0 {
		t.Errorf("%d runs failed and %d worked, so nothing was tested", failed, worked)
	}
}

func withFileLimit(t *testing.T, n uint64, before syscall.Rlimit, f func() error) error {
	t.Helper()
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: n, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
			t.Fatal(err)
		}
	}()
	return f()
}

// TestConcurrentFaults: starts that fail do not disturb others.
func TestConcurrentFaults(t *testing.T) {
	testutil.Unchanged(t)
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			s, err := sandbox.New(sandbox.WithCommand("true"))
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			broken := i%2 == 0
			if broken {
				sandbox.Tamper(s, func(p *program.Program) { p.Break(i * 3 % p.Steps()) })
			}
			err = s.Start(testContext(t))
			if broken != errors.Is(err, syscall.ENOSYS) && !strings.Contains(fmt.Sprint(err), "exec") && broken {
				t.Errorf("broken start %d: %v", i, err)
			}
			if !broken {
				if _, werr := s.Wait(testContext(t)); err != nil || werr != nil {
					t.Errorf("start %d: %v, %v", i, err, werr)
				}
			}
		})
	}
	wg.Wait()
}
