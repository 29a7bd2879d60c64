package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"syscall"

	"github.com/sandkit/sandkit/internal/kernel"
	"github.com/sandkit/sandkit/internal/undo"
)

// Share prepares the group for other programs, which [Host.Reopen] it: it gets
// what freezing needs. It gives copies of the locks that keep the group's tree
// from being collected: it is left alone as long as any process has them open. The
// caller closes them.
func (g *Group) Share() ([]*os.File, error) {
	if _, err := g.freezer(true); err != nil && !errors.Is(err, kernel.ErrNotSupported) {
		return nil, fmt.Errorf("share cgroup %s: %w", g.name, err)
	}
	return g.tree.claims()
}

func (t *Tree) claims() ([]*os.File, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, fmt.Errorf("share cgroup tree: %w", ErrRemoved)
	}
	t.shared = true
	var all []*os.File
	for x, lock := range t.locks {
		f, err := lock.Duplicate(x.mount)
		if err != nil {
			for _, f := range all {
				f.Close()
			}
			return nil, fmt.Errorf("share cgroup tree in %s: %w", x.mount, err)
		}
		all = append(all, f)
	}
	return all, nil
}

// lost tells whether the directory of a shared tree was removed, by the program
// whose group was the last in it, and forgets it then.
func (t *Tree) lost(x *hierarchy) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	lock := t.locks[x]
	if !t.shared || lock == nil {
		return false
	}
	var held, there syscall.Stat_t
	if err := syscall.Fstat(lock.Int(), &held); err != nil {
		return false
	}
	if err := syscall.Lstat(x.dir(t.group(x)), &there); err == nil && there.Ino == held.Ino {
		return false
	}
	lock.Close()
	delete(t.locks, x)
	if x.version == 2 {
		t.given = nil
	}
	return true
}

// Leave is Close that ends no process: groups that are still there are those of
// whoever has got them with [Group.Share]. The tree itself goes if it is empty.
func (t *Tree) Leave() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil
	}
	t.closed = true
	var errs undo.Errors
	for x, lock := range t.locks {
		_ = t.host.files.rmdir(x.dir(t.group(x))) // it may not be empty
		errs.Add(lock.Close())
		t.host.leave(x, t.parent)
	}
	if err := errs.Err(); err != nil {
		return fmt.Errorf("leave cgroup tree: %w", err)
	}
	return nil
}

// Dirs gives the group's directories. The one above each is the tree's, and the
// one above that its parent.
func (g *Group) Dirs() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var dirs []string
	for _, p := range g.places {
		dirs = append(dirs, p.dir)
	}
	return dirs
}

// Abandon forgets a group that another program removes.
func (g *Group) Abandon() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.removed {
		return nil
	}
	g.removed = true
	g.host.watcher.forget(g)
	return errors.Join(g.reader.close(), g.filter.close())
}

// Reopen gives a group that another program has made, by its name in a tree of
// that name, see [Host.Claim] for the parent. It can be read, frozen and thawed;
// it gets no further controllers. The error matches os.ErrNotExist when there is
// none.
func (h *Host) Reopen(parent, tree, name string) (*Group, error) {
	err := checkParent(parent)
	if err == nil && (!isTreeName(tree) || name == "" || filepath.Base(name) != name || name == "..") {
		err = os.ErrInvalid
	}
	if err != nil {
		return nil, fmt.Errorf("open cgroup %s/%s: %w", tree, name, err)
	}
	if parent == "" {
		parent = DefaultParent
	}
	t := &Tree{host: h, parent: parent, name: tree, closed: true, foreign: true}
	g := &Group{host: h, tree: t, name: name, made: true}
	for _, x := range h.hierarchies {
		group := path.Join(t.group(x), name)
		if _, err := os.Lstat(x.dir(group)); err == nil {
			g.places = append(g.places, place{x, group, x.dir(group)})
		}
	}
	if len(g.places) == 0 {
		return nil, fmt.Errorf("open cgroup %s/%s: %w", tree, name, os.ErrNotExist)
	}
	return g, nil
}

// Place is the name of the group's tree and its own.
func (g *Group) Place() (tree, name string) { return g.tree.name, g.name }
