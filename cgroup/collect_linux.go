package cgroup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/sandkit/sandkit/internal/sys"
	"github.com/sandkit/sandkit/internal/undo"
)

// errLocked says that another program holds a directory.
var errLocked = errors.New("directory is locked")

// lockDir opens a group's directory and locks it (flock, which the kernel has
// for directories of cgroups as well). The error matches os.ErrNotExist when
// the directory was removed before it was locked.
func lockDir(dir string) (*sys.FD, error) {
	n, err := retry(func() (int, error) {
		return syscall.Open(dir, syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW|syscall.O_CLOEXEC, 0)
	})
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	fd := sys.NewFD(n)
	if err := syscall.Flock(n, syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		fd.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = errLocked
		}
		return nil, &os.PathError{Op: "lock", Path: dir, Err: err}
	}
	var held, there syscall.Stat_t
	err = syscall.Fstat(n, &held)
	if err == nil {
		err = syscall.Lstat(dir, &there)
	}
	if err == nil && held.Ino != there.Ino {
		err = syscall.ENOENT
	}
	if err != nil {
		fd.Close()
		return nil, &os.PathError{Op: "lock", Path: dir, Err: err}
	}
	return fd, nil
}

// Collect removes the trees below a parent whose programs are gone, with the
// processes that are left in them, and returns the names of the trees. Trees
// of programs that live, and groups that are no trees, are left alone.
func (h *Host) Collect(ctx context.Context, parent string) ([]string, error) {
	if err := checkParent(parent); err != nil {
		return nil, err
	}
	if parent == "" {
		parent = DefaultParent
	}
	var errs undo.Errors
	var found []string
	seen := make(map[string]bool)
	for _, x := range h.hierarchies {
		if x.version == 2 && h.baseErr != nil {
			continue
		}
		dir := x.dir(h.parentIn(x, parent))
		entries, err := os.ReadDir(dir)
		if err != nil && !gone(err) {
			errs.Add(err)
		}
		for _, e := range entries {
			if !e.IsDir() || !isTreeName(e.Name()) {
				continue
			}
			removed, err := h.collect(ctx, x, filepath.Join(dir, e.Name()))
			if removed && !seen[e.Name()] {
				seen[e.Name()] = true
				found = append(found, e.Name())
			}
			errs.Add(err)
		}
		h.leave(x, parent)
	}
	if err := errs.Err(); err != nil {
		return found, fmt.Errorf("collect left cgroups: %w", err)
	}
	return found, nil
}

// leave removes a parent that is ours by its name, if nobody has a tree in it.
func (h *Host) leave(x *hierarchy, parent string) {
	if !path.IsAbs(parent) {
		_ = h.files.rmdir(x.dir(h.parentIn(x, parent))) // it does not matter if that fails
	}
}

// collect removes one tree unless it is in use.
func (h *Host) collect(ctx context.Context, x *hierarchy, dir string) (removed bool, err error) {
	lock, err := lockDir(dir)
	if errors.Is(err, errLocked) || gone(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer lock.Close()
	if err := h.removeTree(ctx, x, dir); err != nil {
		return false, err
	}
	return true, nil
}

// isTreeName tells whether a directory was made by Claim.
func isTreeName(name string) bool {
	return len(name) == 16 && strings.Trim(name, "0123456789abcdef") == ""
}
