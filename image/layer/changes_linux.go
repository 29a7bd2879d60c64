package layer

import (
	"cmp"
	"context"
	"errors"
	"os"
	"runtime"
	"slices"
	"syscall"

	"github.com/sandkit/sandkit/internal/sys"
)

// Changes lists what an overlay's upper directory changes about the lower ones,
// given the lowest first, by path. What is in a directory that was added is
// listed, too; of one that was deleted only the directory. A directory that was
// moved was added in one place and deleted in the other. What is changed
// meanwhile may be in the list or not.
func Changes(ctx context.Context, upper *os.File, lowers []*os.File, o ChangesOptions) ([]Change, error) {
	c := &comparer{ctx: ctx, o: o, upper: len(lowers)}
	all := append(slices.Clip(lowers), upper)
	roots, err := sourcesOf(all)
	if err == nil {
		_, err = c.dir(newView(roots, o.Format), newView(roots[:len(lowers)], o.Format), "")
	}
	runtime.KeepAlive(all) // views have numbers only
	if err != nil {
		return nil, wrap("compare", "", "", err)
	}
	slices.SortFunc(c.changes, func(a, b Change) int { return cmp.Compare(a.Path, b.Path) })
	return c.changes, nil
}

type comparer struct {
	ctx     context.Context //nolint:containedctx // it ends with the call that made the comparer
	o       ChangesOptions
	upper   int // the number of the upper layer
	changes []Change
}

func (c *comparer) add(kind ChangeKind, path string) {
	c.changes = append(c.changes, Change{kind, Path(path)})
}

// dir compares a directory with what it was before. Excluded tells that
// something below was left out.
func (c *comparer) dir(now, before *view, prefix string) (excluded bool, err error) {
	names, err := c.names(now, before)
	if err != nil {
		return false, err
	}
	for _, name := range names {
		if c.ctx.Err() != nil {
			return false, context.Cause(c.ctx)
		}
		if slices.Contains(c.o.Exclude, Path(prefix+name)) {
			excluded = true
			continue
		}
		more, err := c.name(now, before, name, prefix+name)
		if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ESTALE) {
			continue // it was removed, or replaced, meanwhile
		}
		if err != nil {
			return false, at(prefix+name, err)
		}
		excluded = excluded || more
	}
	return excluded, nil
}

// names are those that may have changed: what the upper layer has, and, where
// something else shows through from below than before, all.
func (c *comparer) names(now, before *view) ([]string, error) {
	below := now.dirs
	inUpper := len(below) > 0 && below[0].layer == c.upper
	if inUpper {
		below = below[1:]
	}
	switch same := slices.EqualFunc(below, before.dirs, sameDir); {
	case same && !inUpper:
		return nil, nil
	case same:
		return now.dirs[0].names()
	}
	old, err := before.names()
	if err != nil {
		return nil, err
	}
	names, err := now.names()
	names = append(names, old...)
	slices.Sort(names)
	return slices.Compact(names), err
}

// sameDir tells whether two are the same directory.
func sameDir(a, b viewDir) bool {
	one, err1 := a.stat("")
	other, err2 := b.stat("")
	return err1 == nil && err2 == nil && one.Device == other.Device && one.Inode == other.Inode
}

// name compares what has a name with what had it before.
func (c *comparer) name(now, before *view, name, path string) (excluded bool, err error) {
	f, err := now.lookup(name)
	if err != nil {
		return false, err
	}
	defer f.close()
	old, err := before.lookup(name)
	if err != nil {
		return false, err
	}
	defer old.close()
	switch {
	case f == nil && old == nil:
	case f == nil:
		c.add(Deleted, path)
	case old == nil:
		c.add(Added, path)
		return false, c.all(f, path+"/")
	case f.in.layer == c.upper:
		return c.both(f, old, path)
	case f.in.layer != old.in.layer || f.st.Inode != old.st.Inode: // another directory was moved here
		return c.both(f, old, path)
	}
	return false, nil
}

// both compares two of one name.
func (c *comparer) both(f, old *found, path string) (excluded bool, err error) {
	mark := len(c.changes)
	isDir, wasDir := f.isDir(), old.isDir()
	switch {
	case isDir && wasDir:
		excluded, err = c.dir(f.sub, old.sub, path+"/")
	case isDir:
		err = c.all(f, path+"/")
	}
	if err != nil {
		return false, err
	}
	if excluded && len(c.changes) == mark && c.sameMeta(f, old) {
		return true, nil
	}
	c.add(Modified, path)
	return false, nil
}

// sameMeta tells whether a directory is what it was, but for its times.
func (c *comparer) sameMeta(f, old *found) bool {
	same := func(ranges []IDRange, now, before uint32) bool {
		id, err := unmapID(ranges, "id", now)
		return now == before || err == nil && uint32(id) == before
	}
	return f.st.Mode == old.st.Mode && same(c.o.UIDs, f.st.UID, old.st.UID) && same(c.o.GIDs, f.st.GID, old.st.GID)
}

// all adds everything in a new directory.
func (c *comparer) all(f *found, prefix string) error {
	if !f.isDir() {
		return nil
	}
	_, err := c.dir(f.sub, f.sub.empty(), prefix)
	return err
}

func (f *found) isDir() bool { return f.st.Mode&sys.S_IFMT == sys.S_IFDIR }
