package cgroup

import (
	"errors"
	"os"
	"slices"
	"syscall"
	"testing"
)

// TestShare: a group goes on without the program that has made it, is found
// again, and its tree is collected only when nobody has a claim any more.
func TestShare(t *testing.T) {
	tr := tree(t)
	g, err := tr.Create(t.Context(), Config{Name: "given", Reserve: []Controller{Pids}})
	if err != nil {
		t.Fatal(err)
	}
	locks, err := g.Share()
	if err != nil || len(locks) == 0 {
		t.Fatalf("%v, %v", locks, err)
	}
	dirs := g.Dirs()
	name, own := g.Place()
	if name != tr.Name() || own != "given" || len(dirs) == 0 {
		t.Errorf("%s/%s, %v", name, own, dirs)
	}
	if err := errors.Join(g.Abandon(), g.Abandon(), tr.Leave(), tr.Leave()); err != nil {
		t.Error(err)
	}
	seen, err := tr.host.Reopen("sandkit-test", name, own)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := seen.Stats(); err != nil {
		t.Error(err)
	}
	if err := errors.Join(seen.Freeze(t.Context()), seen.Thaw(), seen.Abandon()); err != nil {
		t.Error(err)
	}
	for _, wrong := range [][2]string{{name, "other"}, {"x", own}, {name, ".."}, {name, ""}} {
		if g, err := tr.host.Reopen("sandkit-test", wrong[0], wrong[1]); err == nil {
			t.Errorf("%v: %v", wrong, g)
		}
	}
	if found, err := tr.host.Collect(t.Context(), "sandkit-test"); err != nil || slices.Contains(found, name) {
		t.Errorf("collected %v, %v", found, err)
	}
	for _, l := range locks {
		l.Close()
	}
	if found, err := tr.host.Collect(t.Context(), "sandkit-test"); err != nil || !slices.Contains(found, name) {
		t.Errorf("collected %v, %v; want %s", found, err, name)
	}
	for _, d := range dirs {
		if exists(d) {
			t.Errorf("%s is left", d)
		}
	}
}

// TestSharedTreeIsRemoved: who was given a group removes the tree after it, as
// nothing else is in it, and the tree's owner makes it anew.
func TestSharedTreeIsRemoved(t *testing.T) {
	tr := tree(t)
	g := create(t, tr, Limits{})
	locks, err := g.Share()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range locks {
		defer l.Close()
	}
	dirs := g.Dirs()
	if err := g.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, p := range dirs {
		if err := syscall.Rmdir(p[:len(p)-len(g.Name())]); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	again := create(t, tr, Limits{Pids: 5})
	if limit := stats(t, again).Pids.Limit; limit != 5 {
		t.Errorf("limit %d", limit)
	}
	if found, err := tr.host.Collect(t.Context(), "sandkit-test"); err != nil || slices.Contains(found, tr.Name()) {
		t.Errorf("collected %v, %v; it is in use", found, err)
	}
}
