package gate_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sandkit/sandkit/internal/gate"
)

func open(t *testing.T) gate.Gate {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lock")
	return gate.Gate{Open: func() (*os.File, error) { return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) }}
}

// TestGate: many may share it, one has it alone, and who waits for it can give
// up.
func TestGate(t *testing.T) {
	g := open(t)
	first, err := g.Share(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second, err := g.Share(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go cancel()
	if _, err := g.Alone(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("alone beside one who shares: %v", err)
	}
	if _, err := g.Share(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v", err)
	}
	first.Close()
	var group sync.WaitGroup
	var sharing, alone, entered atomic.Int32
	for i := range 60 {
		group.Go(func() {
			enter, mine, others := g.Share, &sharing, &alone
			if i%3 == 0 {
				enter, mine, others = g.Alone, &alone, &sharing
			}
			p, err := enter(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			defer p.Close()
			if n := mine.Add(1); others.Load() > 0 || i%3 == 0 && n > 1 {
				t.Error("two are inside who must not be")
			}
			entered.Add(1)
			mine.Add(-1)
		})
	}
	group.Wait()
	if entered.Load() != 60 {
		t.Errorf("%d of 60 came in", entered.Load())
	}
}

// TestMakeDir: a directory that others may change is none to trust.
func TestMakeDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	made := 0
	missing := func() error { made++; return nil }
	for range 2 {
		if err := gate.MakeDir(dir, missing); err != nil || made != 1 {
			t.Fatal(made, err)
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Error(info.Mode(), err)
	}
	if err := os.Chmod(dir, 0o770); err != nil {
		t.Fatal(err)
	}
	if err := gate.MakeDir(dir, missing); !errors.Is(err, os.ErrPermission) {
		t.Error(err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := gate.MakeDir(file, missing); !errors.Is(err, gate.ErrNoDir) {
		t.Error(err)
	}
	stop := errors.New("stop")
	if err := gate.MakeDir(filepath.Join(dir, "c"), func() error { return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
}

// TestDataDir: root has the machine's, others have their own.
func TestDataDir(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", "/data")
	want := "/data/sandkit/kind"
	if os.Geteuid() == 0 {
		want = "/var/lib/sandkit/kind"
	}
	if got, err := gate.DataDir("kind"); got != want || err != nil {
		t.Error(got, err)
	}
}
