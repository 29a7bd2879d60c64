package cgroup

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/sandkit/sandkit/internal/kernel"
	"github.com/sandkit/sandkit/internal/sys"
	"github.com/sandkit/sandkit/internal/undo"
)

// A Tree is a group that holds the groups of one host program. As long as the
// program lives it holds a lock on its directories; when it was killed, the lock
// is gone and [Host.Collect] removes the tree. A Tree is safe for concurrent
// use. Its owner closes it.
type Tree struct {
	host   *Host
	parent string
	name   string

	mu      sync.Mutex
	closed  bool
	foreign bool // another program's
	shared  bool // other programs have groups in it as well
	locks   map[*hierarchy]*sys.FD
	made    []string     // parents that were made for this tree, outermost first
	given   []Controller // v2 controllers that groups in the tree have
}

// Claim makes a tree for this program. Parent is the group that the tree is
// made in: an absolute path starts at the top of the hierarchies, any other
// where this program may make groups, which is the top for root. Missing
// groups of the path are made. An empty parent is DefaultParent.
//
// When, on v2, the parent is the program's own group, or an ordinary user has
// been given no other, the first group with limits moves this program into a
// leaf "sandkit-host" below, provided that all processes of the group are the
// program's own; otherwise it is a NotSupportedError. Package
// [github.com/sandkit/sandkit/cgroup/systemd] gets a program such a group.
func (h *Host) Claim(ctx context.Context, parent string) (*Tree, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("claim cgroup tree: %w", err)
	}
	if err := checkParent(parent); err != nil {
		return nil, err
	}
	if parent == "" {
		parent = DefaultParent
	}
	t := &Tree{host: h, parent: parent, name: fmt.Sprintf("%016x", rand.Uint64()), locks: make(map[*hierarchy]*sys.FD)}
	for _, c := range []Controller{Pids, Memory, CPU, IO, Core} {
		x := h.find(c)
		if x == nil {
			continue
		}
		if err := t.claim(x); err != nil {
			return nil, errors.Join(fmt.Errorf("claim cgroup tree: %w", err), t.Close()) //nolint:contextcheck // what is left is removed also when ctx has ended
		}
		break // the others when a group needs them
	}
	return t, nil
}

func checkParent(parent string) error {
	if slices.Contains(strings.Split(parent, "/"), "..") || strings.ContainsAny(parent, "\x00\n") {
		return fmt.Errorf("claim cgroup tree: parent %q: %w", parent, os.ErrInvalid)
	}
	return nil
}

// Name is the tree's own name, which no other program's tree has.
func (t *Tree) Name() string { return t.name }

// parentIn is the parent's path in a hierarchy.
func (h *Host) parentIn(x *hierarchy, parent string) string {
	if path.IsAbs(parent) || x.version == 1 {
		return path.Join("/", parent)
	}
	return path.Join(h.base, parent)
}

func (t *Tree) group(x *hierarchy) string { return path.Join(t.host.parentIn(x, t.parent), t.name) }

// claim makes the tree's directory in a hierarchy, with a lock on it, unless it
// is there.
func (t *Tree) claim(x *hierarchy) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.foreign {
		return &kernel.NotSupportedError{Feature: "further controllers for a cgroup of another program", Hint: "set limits when it is made"}
	}
	if t.closed {
		return ErrRemoved
	}
	dir := x.dir(t.group(x))
	if t.locks[x] != nil {
		return nil
	}
	if x.version == 2 && t.host.baseErr != nil {
		return t.host.baseErr
	}
	// Others remove a parent when they leave it, and take a directory that is not
	// locked yet for a leftover.
	var err error
	for range 100 {
		if err = t.makeParents(x); err == nil {
			err = t.host.files.mkdir(dir)
		}
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			break
		}
		if err = t.hold(x, dir); err == nil {
			return nil
		}
		if !gone(err) && !errors.Is(err, errLocked) {
			break
		}
	}
	return t.host.explain(x, err)
}

// hold locks the tree's new directory and makes it fit for groups.
func (t *Tree) hold(x *hierarchy, dir string) error {
	lock, err := lockDir(dir)
	if err != nil {
		return err
	}
	if x.has(CPUSet) {
		if err := t.host.inheritSet(dir); err != nil {
			return errors.Join(err, t.host.files.rmdir(dir), lock.Close())
		}
	}
	t.locks[x] = lock
	return nil
}

// enable gives the tree's groups a v2 controller.
func (t *Tree) enable(c Controller) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if slices.Contains(t.given, c) {
		return nil
	}
	if err := t.host.enable(t.group(t.host.v2), string(c)); err != nil {
		return err
	}
	t.given = append(t.given, c)
	return nil
}

// makeParents makes the groups above the tree's.
func (t *Tree) makeParents(x *hierarchy) error {
	for group := range ancestors(t.host.parentIn(x, t.parent)) {
		dir := x.dir(group)
		if _, err := os.Lstat(dir); err != nil {
			err := t.host.files.mkdir(dir)
			if err != nil && !errors.Is(err, os.ErrExist) {
				return err
			}
			if err == nil && !slices.Contains(t.made, dir) {
				t.made = append(t.made, dir)
			}
		}
		// Also when it was there: who made it may have got no further.
		if x.has(CPUSet) && group != "/" {
			if err := t.host.inheritSet(dir); err != nil {
				return err
			}
		}
	}
	return nil
}

// Close removes what is left in the tree, processes included, and the tree
// itself. Closing again does nothing.
func (t *Tree) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil
	}
	t.closed = true
	ctx, cancel := context.WithTimeout(context.Background(), removeTimeout)
	defer cancel()
	var errs undo.Errors
	for x, lock := range t.locks {
		errs.Add(t.host.removeTree(ctx, x, x.dir(t.group(x))))
		errs.Add(lock.Close())
		t.host.leave(x, t.parent)
	}
	for _, dir := range slices.Backward(t.made) {
		if err := t.host.files.rmdir(dir); err != nil && !errors.Is(err, syscall.EBUSY) && !errors.Is(err, syscall.ENOTEMPTY) {
			errs.Add(err)
		}
	}
	if err := errs.Err(); err != nil {
		return fmt.Errorf("close cgroup tree: %w", err)
	}
	return nil
}
