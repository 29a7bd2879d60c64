package volume

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/internal/testutil"
)

// consistent fails unless every file of a store belongs to a volume, and each
// volume is empty or complete.
func consistent(t testing.TB, s *Store) {
	t.Helper()
	list := must(s.List(t.Context()))(t)
	for dir, n := range map[string]int{volumesDir: len(list), newDir: 0, trashDir: 0, ".": 5} {
		if got := must(s.files.list(dir))(t); len(got) != n {
			t.Errorf("%s has %v, should have %d", dir, got, n)
		}
	}
	for _, v := range list {
		got := must(os.ReadDir(v.Path))(t)
		if len(got) != 0 && len(got) != 2 {
			t.Errorf("volume %s has %v", v, got)
		}
	}
}

// TestKilledAtEveryStep: whenever a process is killed, the store can be used at
// once, and one collection leaves nothing of it.
func TestKilledAtEveryStep(t *testing.T) {
	testutil.Unchanged(t)
	for step := 0; ; step++ {
		dir := filepath.Join(t.TempDir(), "volumes")
		err := helper(t, "die", dir, strconv.Itoa(step)).Run()
		if err == nil {
			if step < 50 {
				t.Fatalf("a life has only %d steps", step)
			}
			return
		}
		if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("step %d: %v", step, err)
		}
		s := open(t, dir)
		for _, v := range must(s.List(t.Context()))(t) {
			if got := must(os.ReadDir(v.Path))(t); len(got) != 0 && len(got) != 2 {
				t.Errorf("step %d: half a volume: %v", step, got)
			}
		}
		must(s.Collect(t.Context()))(t)
		consistent(t, s)
		for _, v := range must(s.List(t.Context()))(t) {
			if v.Anonymous || v.Name != "data" || v.Labels["k"] != "v" {
				t.Errorf("step %d: %+v", step, v)
			}
		}
		if err := wholeLife(t.Context(), dir); err != nil {
			t.Fatalf("after step %d: %v", step, err)
		}
		consistent(t, s)
		if t.Failed() {
			t.Fatalf("step %d", step)
		}
	}
}

// TestFullDisk: a step that fails is told, and leaves nothing that a collection
// does not remove.
func TestFullDisk(t *testing.T) {
	testutil.Unchanged(t)
	for _, forGood := range []bool{false, true} {
		for step := 0; ; step++ {
			dir := filepath.Join(t.TempDir(), "volumes")
			err := wholeLife(t.Context(), dir, failAt(step, forGood, syscall.ENOSPC))
			if err == nil {
				break
			}
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("step %d: %v", step, err)
			}
			s := open(t, dir)
			must(s.Collect(t.Context()))(t)
			consistent(t, s)
		}
	}
}

// TestManyProcesses: twenty processes at once make, use and remove volumes, and
// none is ever missing, half filled, or removed while it is in use.
func TestManyProcesses(t *testing.T) {
	testutil.Unchanged(t)
	s := newStore(t)
	var running []*exec.Cmd
	for range 20 {
		cmd := helper(t, "churn", s.Dir())
		ok(t, cmd.Start())
		running = append(running, cmd)
	}
	for n, cmd := range running {
		if err := cmd.Wait(); err != nil {
			t.Errorf("process %d: %v", n, err)
		}
	}
	must(s.Prune(t.Context(), PruneOptions{All: true}))(t)
	consistent(t, s)
	if got := must(s.List(t.Context()))(t); len(got) > 0 {
		t.Error(got)
	}
}

// TestKilledAnywhere: processes that are killed in the middle of whatever they
// do leave nothing that a collection does not put right.
func TestKilledAnywhere(t *testing.T) {
	testutil.Unchanged(t)
	s := newStore(t)
	for range 4 {
		var running []*exec.Cmd
		for range 5 {
			cmd := helper(t, "churn", s.Dir())
			out := must(cmd.StdoutPipe())(t)
			ok(t, cmd.Start())
			_, _ = bufio.NewReader(out).ReadString('\n')
			running = append(running, cmd)
		}
		for _, cmd := range running {
			_ = cmd.Process.Kill() // it may have ended
			_ = cmd.Wait()
		}
		must(s.Collect(t.Context()))(t)
		consistent(t, s)
	}
	must(s.Prune(t.Context(), PruneOptions{All: true}))(t)
	if got := must(s.List(t.Context()))(t); len(got) > 0 {
		t.Error(got)
	}
}

// TestKilledUser: what a killed program used is in use no more, and what it
// would have removed is collected.
func TestKilledUser(t *testing.T) {
	testutil.Unchanged(t)
	s := newStore(t)
	cmd := helper(t, "hold", s.Dir())
	out := must(cmd.StdoutPipe())(t)
	ok(t, cmd.Start())
	must(bufio.NewReader(out).ReadString('\n'))(t)
	if err := s.Remove(t.Context(), "data", RemoveOptions{Force: true}); !errors.Is(err, ErrInUse) {
		t.Error(err)
	}
	for _, collect := range []func() (Report, error){
		func() (Report, error) { return s.Collect(t.Context()) },
		func() (Report, error) { return s.Prune(t.Context(), PruneOptions{All: true}) },
	} {
		if r, err := collect(); err != nil || len(r.Volumes) > 0 {
			t.Errorf("%+v, %v", r, err)
		}
	}
	ok(t, cmd.Process.Kill())
	_ = cmd.Wait()
	if got := must(s.List(t.Context(), Filter{"dangling", "false"}))(t); len(got) > 0 {
		t.Errorf("in use by the dead: %v", got)
	}
	// The named one and the one to keep stay.
	if r, err := s.Collect(t.Context()); err != nil || len(r.Volumes) != 1 || r.Bytes == 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err := s.Prune(t.Context(), PruneOptions{}); err != nil || len(r.Volumes) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	if got := must(s.List(t.Context()))(t); len(got) != 1 || got[0].Name != "data" {
		t.Error(got)
	}
	ok(t, s.Remove(t.Context(), "data", RemoveOptions{}))
}
