package systemd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/sandkit/sandkit/cgroup"
	"github.com/sandkit/sandkit/internal/testutil"
)

// hostDir makes files that look like a host with systemd and v2, on which this
// program is in a group.
func hostDir(t *testing.T, group string) string {
	t.Helper()
	root := t.TempDir()
	testutil.Tree(t, root, "dir run/systemd/system", "file sys/fs/cgroup/cgroup.controllers cpu", "file proc/self/cgroup 0::"+group+"\n")
	return root
}

// TestEnter: systemd is asked for a delegated scope with this process, and its
// group is the answer.
func TestEnter(t *testing.T) {
	address := bus(t)
	f := serve(t, address, &fake{result: "done"})
	s := Scope{Name: "job-1", Slice: "batch.slice", Description: "a test", Address: address}
	parent, err := s.enter(t.Context(), hostDir(t, "/batch.slice/job-1.scope"))
	if err != nil || parent != "/batch.slice/job-1.scope" {
		t.Fatalf("%q, %v", parent, err)
	}
	units, subscribed := f.requests()
	if len(units) != 1 || !subscribed {
		t.Fatalf("%v, subscribed %v", units, subscribed)
	}
	want := map[string]any{
		"PIDs": []uint32{uint32(os.Getpid())}, "Delegate": true, "Slice": "batch.slice", "Description": "a test", "CollectMode": "inactive-or-failed",
	}
	if u := units[0]; u.name != "job-1.scope" || u.mode != "fail" || fmt.Sprint(u.properties) != fmt.Sprint(want) {
		t.Errorf("asked for %+v, want %v", u, want)
	}
	// Systemd says that it made it, and is wrong.
	if _, err := s.enter(t.Context(), hostDir(t, "/user.slice/session-1.scope")); err == nil || !strings.Contains(err.Error(), "not in job-1.scope") {
		t.Errorf("in another group: %v", err)
	}
	// A name is made up, for each call another.
	for range 2 {
		_, _ = Scope{Address: address}.enter(t.Context(), hostDir(t, "/"))
	}
	units, _ = f.requests()
	a, b := units[2].name, units[3].name
	if a == b || !strings.HasPrefix(a, fmt.Sprintf("sandkit-%d-", os.Getpid())) || units[2].properties["Slice"] != nil {
		t.Errorf("%v", units[2:])
	}
}

// TestEnterFails: what systemd says is what the caller gets.
func TestEnterFails(t *testing.T) {
	address := bus(t)
	root := hostDir(t, "/x.scope")
	s := Scope{Name: "x", Address: address}
	if _, err := s.enter(t.Context(), root); !errors.Is(err, cgroup.ErrNotSupported) {
		t.Errorf("a bus without systemd: %v", err)
	}
	f := serve(t, address, &fake{result: "timeout"})
	var job *JobError
	if _, err := s.enter(t.Context(), root); !errors.As(err, &job) || job.Unit != "x.scope" || job.Result != "timeout" {
		t.Errorf("a job that fails: %v", err)
	}
	for name, want := range map[string]error{
		"org.freedesktop.systemd1.UnitExists":                         os.ErrExist,
		"org.freedesktop.DBus.Error.AccessDenied":                     os.ErrPermission,
		"org.freedesktop.DBus.Error.InteractiveAuthorizationRequired": os.ErrPermission,
	} {
		f.set("done", dbus.NewError(name, []any{"no such luck"}))
		if _, err := s.enter(t.Context(), root); !errors.Is(err, want) || !strings.Contains(err.Error(), "no such luck") {
			t.Errorf("%s: %v", name, err)
		}
	}
	f.set("done", dbus.NewError("org.example.Other", nil))
	if _, err := s.enter(t.Context(), root); err == nil || !strings.Contains(err.Error(), "start x.scope") {
		t.Errorf("another error: %v", err)
	}
	f.set("", nil) // it never ends
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.enter(ctx, root); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a job that never ends: %v", err)
	}
}

// TestForgedSignal: that a job is done counts only when systemd says it.
func TestForgedSignal(t *testing.T) {
	address := bus(t)
	stranger, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	f := &fake{}
	f.place = func(unit string, _ uint32) error {
		return stranger.Emit(busPath, managerIf+".JobRemoved", uint32(7), dbus.ObjectPath(busPath+"/job/7"), unit, "done")
	}
	serve(t, address, f)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := (Scope{Name: "x", Address: address}).enter(ctx, hostDir(t, "/x.scope")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a signal from somebody else: %v", err)
	}
}

// TestNoSystemd: what is missing is said.
func TestNoSystemd(t *testing.T) {
	v1 := t.TempDir()
	testutil.Tree(t, v1, "dir run/systemd/system")
	for root, want := range map[string]string{
		t.TempDir(): "systemd does not run", v1: "systemd.unified_cgroup_hierarchy=1", hostDir(t, "/"): "loginctl enable-linger",
	} {
		if _, err := (Scope{}).enter(t.Context(), root); !errors.Is(err, cgroup.ErrNotSupported) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (Scope{}).Enter(canceled); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestBadScopes(t *testing.T) {
	for _, s := range []Scope{
		{Name: "a/b"},
		{Name: "a b"},
		{Name: "a@b"},
		{Name: ".a"},
		{Name: "a\x00"},
		{Name: strings.Repeat("a", 250)},
		{Name: "ä"},
		{Slice: "a"},
		{Slice: ".slice"},
		{Slice: "a.scope"},
		{Slice: "../a.slice"},
	} {
		if _, err := s.Enter(t.Context()); !errors.Is(err, os.ErrInvalid) {
			t.Errorf("%+v: %v", s, err)
		}
	}
	for _, s := range []Scope{{}, {Name: "a-b_c.d:1", Slice: "user-1000.slice"}, {Name: strings.Repeat("a", 249)}} {
		if err := s.check(); err != nil {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

const top = "/sys/fs/cgroup"

// TestScopeHoldsGroups: with real groups, a program that was moved into a scope
// makes groups with limits below it. The fake does what systemd would.
func TestScopeHoldsGroups(t *testing.T) {
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	group, v2 := strings.CutPrefix(strings.TrimSpace(string(own)), "0::")
	if !testutil.InVM() {
		t.Skip("for the lane in the virtual machine, where cgroups are v2 and nobody else's")
	}
	if !v2 {
		t.Fatalf("in %q", own)
	}
	// Beside the group that this program is in; whoever runs the tests delegated
	// the one above.
	above := filepath.Dir(group)
	scope := func(unit string) string { return filepath.Join(top, above, unit) }
	f := &fake{result: "done"}
	f.place = func(unit string, pid uint32) error {
		if err := os.Mkdir(scope(unit), 0o755); err != nil {
			return err
		}
		return os.WriteFile(scope(unit)+"/cgroup.procs", fmt.Append(nil, pid), 0)
	}
	address := bus(t)
	serve(t, address, f)
	root := t.TempDir()
	testutil.Tree(t, root, "dir run/systemd/system", "file sys/fs/cgroup/cgroup.controllers cpu", "link proc /proc")
	cmd := exec.Command("/proc/self/exe", address, root)
	cmd.Env = []string{memberEnv + "=1"}
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	units, _ := f.requests()
	for _, u := range units {
		for _, dir := range []string{scope(u.name) + "/sandkit-host", scope(u.name)} {
			if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Error(err)
			}
		}
	}
	if err != nil || len(units) != 1 {
		t.Fatalf("%v, %v, %s", err, units, out)
	}
	parent := filepath.Join(above, units[0].name)
	lines := strings.Fields(string(out))
	want := []string{"10", parent, "0::" + parent + "/sandkit-host"}
	if len(lines) != 4 || !slices.Equal(lines[:3], want) || !strings.HasPrefix(lines[3], top+parent+"/") {
		t.Errorf("%q, want %q and a group below", lines, want)
	}
}
