package state

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/internal/testutil"
)

// TestKilledAtEveryStep: whenever a process is killed, one collection makes the
// store consistent, and all of it can be used.
func TestKilledAtEveryStep(t *testing.T) {
	testutil.Unchanged(t)
	for step := 0; ; step++ {
		dir := filepath.Join(t.TempDir(), "state")
		err := helper(t, "die", dir, strconv.Itoa(step)).Run()
		if err == nil {
			if step < 40 {
				t.Fatalf("a life has only %d steps", step)
			}
			return
		}
		if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("step %d: %v", step, err)
		}
		s := open(t, dir)
		before := names(t, s, ListOptions{All: true})
		if _, err := s.Collect(t.Context(), nil); err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
		consistent(t, s, -1)
		for _, sum := range must(s.List(t.Context(), ListOptions{All: true}))(t) {
			if sum.Record.AutoRemove || sum.Status.State.live() {
				t.Errorf("step %d: %+v", step, sum)
			}
		}
		if len(before) > 2 {
			t.Errorf("step %d: %v", step, before)
		}
		for _, name := range []string{"first", "second"} {
			if err := removed(t, s, name); err != nil {
				t.Fatalf("step %d: %s: %v", step, name, err)
			}
		}
		if err := wholeLife(t.Context(), dir); err != nil {
			t.Fatalf("after step %d: %v", step, err)
		}
		consistent(t, s, 0)
	}
}

// removed removes a sandbox if there is one.
func removed(t *testing.T, s *Store, name string) error {
	e, err := s.Adopt(t.Context(), name)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return e.Remove(t.Context())
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

// TestFullDisk: a step that fails is told, and leaves nothing that a collection
// does not remove; one failure alone leaves no half-made record.
func TestFullDisk(t *testing.T) {
	testutil.Unchanged(t)
	for _, forGood := range []bool{false, true} {
		for step := 0; ; step++ {
			dir := filepath.Join(t.TempDir(), "state")
			err := wholeLife(t.Context(), dir, failAt(step, forGood, syscall.ENOSPC))
			if err == nil {
				break
			}
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("step %d: %v", step, err)
			}
			s := open(t, dir)
			if _, err := s.Collect(t.Context(), nil); err != nil {
				t.Fatalf("step %d: %v", step, err)
			}
			consistent(t, s, -1)
		}
	}
}

// TestFailedCreate: a creation that fails at any step leaves nothing, without a
// collection.
func TestFailedCreate(t *testing.T) {
	for step := 0; ; step++ {
		s := newStore(t)
		failAt(step, false, syscall.ENOSPC)(s)
		e, err := s.Create(t.Context(), Record{Name: "web", Spec: []byte("1")})
		s.files.fault = nil
		if err == nil {
			closed(t, e)
			return
		}
		if e != nil || !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("step %d: %v, %v", step, e, err)
		}
		consistent(t, s, 0)
	}
}

// TestFailedRename: the sandbox has one name, whatever fails.
func TestFailedRename(t *testing.T) {
	for step := 0; ; step++ {
		s := newStore(t)
		e := create(t, s, Record{Name: "web"})
		failAt(step, false, syscall.EIO)(s)
		err := e.Rename(t.Context(), "app")
		s.files.fault = nil
		name := e.Record().Name
		if v, lookErr := s.Lookup(name); lookErr != nil || v.Record.ID != e.ID() {
			t.Fatalf("step %d: %s: %v", step, name, lookErr)
		}
		if _, err := s.Collect(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		consistent(t, s, 1)
		if err == nil {
			return
		}
	}
}

// TestManyProcesses: fifty processes at once lose nothing.
func TestManyProcesses(t *testing.T) {
	testutil.Unchanged(t)
	s := newStore(t)
	processes := 50
	if testing.Short() {
		processes = 12 // an emulated processor takes long to start programs
	}
	running := make([]*exec.Cmd, processes)
	out := make([]bytes.Buffer, processes)
	for n := range running {
		running[n] = helper(t, "churn", s.Dir())
		running[n].Stdout = &out[n]
		if err := running[n].Start(); err != nil {
			t.Fatal(err)
		}
	}
	acknowledged := make(map[string]string)
	for n, cmd := range running {
		if err := cmd.Wait(); err != nil {
			t.Errorf("process %d: %v", n, err)
		}
		lines := bufio.NewScanner(&out[n])
		for lines.Scan() {
			id, name, _ := strings.Cut(lines.Text(), " ")
			acknowledged[id] = name
		}
	}
	if len(acknowledged) < processes {
		t.Errorf("only %d records were made", len(acknowledged))
	}
	for id, name := range acknowledged {
		if v, err := s.Lookup(id); err != nil || v.Record.Name != name {
			t.Errorf("%s %s: %s, %v", id, name, v.Record.Name, err)
		}
	}
	consistent(t, s, len(acknowledged))
}

// TestKilledAnywhere: of processes that are killed in the middle of whatever
// they do, a collection leaves what they acknowledged, and nothing else that is
// half made.
func TestKilledAnywhere(t *testing.T) {
	testutil.Unchanged(t)
	s := newStore(t)
	acknowledged := make(map[string]string)
	for range 4 {
		var running []*exec.Cmd
		var lines []*bufio.Scanner
		for range 6 {
			cmd := helper(t, "churn", s.Dir())
			pipe, err := cmd.StdoutPipe()
			if err == nil {
				err = cmd.Start()
			}
			if err != nil {
				t.Fatal(err)
			}
			running, lines = append(running, cmd), append(lines, bufio.NewScanner(pipe))
		}
		for n, cmd := range running {
			lines[n].Scan()
			_ = cmd.Process.Kill() // it may have ended
			for ok := true; ok; ok = lines[n].Scan() {
				if id, name, found := strings.Cut(lines[n].Text(), " "); found {
					acknowledged[id] = name
				}
			}
			_ = cmd.Wait()
		}
		if _, err := s.Collect(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		consistent(t, s, -1)
	}
	for id, name := range acknowledged {
		if v, err := s.Lookup(id); err != nil || v.Record.Name != name {
			t.Errorf("%s %s: %s, %v", id, name, v.Record.Name, err)
		}
	}
}

// owner starts a process that owns a running sandbox.
func owner(t *testing.T, s *Store, policy string) (id string, kill func()) {
	t.Helper()
	cmd := helper(t, "own", s.Dir(), policy)
	pipe, err := cmd.StdoutPipe()
	_, stdinErr := cmd.StdinPipe() // Wait closes it
	if err := errors.Join(err, stdinErr); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(pipe).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line), func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err == nil {
			t.Error("the owner ended by itself")
		}
	}
}

// TestKilledOwner: what a killed process ran is exited at once for all, and in
// the record after a collection.
func TestKilledOwner(t *testing.T) {
	testutil.Unchanged(t)
	s := newStore(t)
	ctx := t.Context()
	id, kill := owner(t, s, RestartUnlessStopped)
	doomed, killDoomed := owner(t, s, "rm")
	if v, err := s.Lookup(id); err != nil || v.Status.State != Running || !v.Owned {
		t.Fatalf("%+v, %v", v, err)
	}
	if r, err := s.Collect(ctx, nil); err != nil || len(r.Exited)+len(r.Removed)+len(r.Orphans) > 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	kill()
	killDoomed()
	v, err := s.Lookup(id)
	if err != nil || v.Status.State != Exited || v.Status.ExitCode != 137 || v.Owned || v.Status.Error != lostOwner {
		t.Fatalf("%+v, %v", v, err)
	}
	if got := names(t, s, ListOptions{}); len(got) > 0 {
		t.Errorf("seem to run: %v", got)
	}
	var asked []string
	remove := func(r Record, st Status) error {
		if st.State != Exited || st.ExitCode != 137 {
			t.Errorf("%+v", st)
		}
		asked = append(asked, r.ID)
		return nil
	}
	again, err := s.Recover(ctx, remove)
	if err != nil || len(again) != 1 || again[0].Record.ID != id {
		t.Errorf("%+v, %v", again, err)
	}
	if len(asked) != 1 || asked[0] != doomed {
		t.Errorf("removed: %v", asked)
	}
	doc, err := s.read(id)
	if err != nil || doc.Status.State != Exited || doc.Status.Finished.IsZero() || doc.Status.PID != 0 {
		t.Errorf("%+v, %v", doc, err)
	}
	consistent(t, s, 1)
}

// TestRemoveFails: what cannot be given back is tried again.
func TestRemoveFails(t *testing.T) {
	s := newStore(t)
	_, kill := owner(t, s, "rm")
	kill()
	busy := errors.New("busy")
	if _, err := s.Collect(t.Context(), func(Record, Status) error { return busy }); !errors.Is(err, busy) {
		t.Fatal(err)
	}
	list := must(s.List(t.Context(), ListOptions{All: true}))(t)
	if len(list) != 1 || list[0].String() != "Removal In Progress" {
		t.Fatalf("%+v", list)
	}
	if r, err := s.Collect(t.Context(), nil); err != nil || len(r.Removed) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	consistent(t, s, 0)
}

// TestDetach: another process goes on owning.
func TestDetach(t *testing.T) {
	testutil.Unchanged(t)
	s := newStore(t)
	e := create(t, s, Record{Name: "web", AutoRemove: true})
	lock, err := e.Detach()
	if err != nil {
		t.Fatal(err)
	}
	cmd := helper(t, "inherit", s.Dir(), e.ID())
	cmd.ExtraFiles = []*os.File{lock}
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start(), lock.Close()); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "owned\n" {
		t.Fatal(line, err)
	}
	if _, err := s.Adopt(t.Context(), "web"); !errors.Is(err, ErrOwned) {
		t.Errorf("adopt: %v", err)
	}
	if r, err := s.Collect(t.Context(), nil); err != nil || len(r.Removed) > 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if err := errors.Join(in.Close(), cmd.Wait()); err != nil {
		t.Fatal(err)
	}
	if v, err := s.Lookup("web"); err != nil || v.Owned || v.Status.ExitCode != 7 {
		t.Errorf("%+v, %v", v, err)
	}
	if _, err := e.Detach(); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if _, err := s.Inherit(NewID(), lock); err == nil {
		t.Error("a closed file was inherited")
	}
	wrong, err := os.Open(s.Dir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Inherit(e.ID(), wrong); !errors.Is(err, ErrInvalid) {
		t.Errorf("another file: %v", err)
	}
	if err := wrong.Close(); err != nil {
		t.Fatal(err)
	}
}
