package layer

import (
	"fmt"
	"strings"

	"github.com/sandkit/sandkit/internal/sys"
)

// symlink makes a symbolic link; its target is text.
func (w *writer) symlink(dir *node, name, target string, m *meta) error {
	if _, err := w.clear(dir, name); err != nil {
		return err
	}
	return w.back.symlink(dir.put(&node{name: name, kind: kindSymlink, target: target, touched: true}), m)
}

// special makes a device or a FIFO.
func (w *writer) special(dir *node, name string, mode uint32, rdev uint64, m *meta) error {
	if _, err := w.clear(dir, name); err != nil {
		return err
	}
	n := dir.put(&node{name: name, kind: kindOther, touched: true})
	if mode != sys.S_IFIFO {
		switch {
		case w.o.Devices == DevicesRecord:
			n.kind, m.stat = kindFile, recordOf(mode, rdev, m)
			return w.back.file(n, m, strings.NewReader(""), false)
		case w.o.Devices == DevicesSkip || w.o.Rootless:
			n.kind = kindAbsent
			w.info.skip(n.path(), "device")
			return nil
		}
	}
	return w.back.special(n, m, mode, rdev)
}

// recordOf says what an empty file stands for that is put where a device
// belongs.
func recordOf(mode uint32, rdev uint64, m *meta) string {
	kind := "c"
	if mode == sys.S_IFBLK {
		kind = "b"
	}
	major, minor := sys.DeviceNumbers(rdev)
	return fmt.Sprintf("%d:%d:%s:%d:%d", m.inUID, m.inGID, kind, major, minor)
}

// directoryEntry makes a directory, or gives one that is there its entry.
func (w *writer) directoryEntry(dir *node, name string, m *meta) error {
	n, err := w.child(dir, name)
	if err != nil {
		return err
	}
	if n == nil || n.kind != kindDir {
		if n, err = w.mkdir(dir, name); err != nil {
			return err
		}
	} else {
		w.late(n)
	}
	w.describe(n, m)
	return nil
}

// describe keeps a directory's metadata until the end.
func (w *writer) describe(n *node, m *meta) {
	n.touch()
	n.hold()
	n.meta, n.restore, n.described = m, false, true
}

// whiteout takes a name away from the layers below. What this layer has put
// there, or puts there later, stays.
func (w *writer) whiteout(parts []string, name string) error {
	dir, err := w.directory(parts, w.o.Format != Flat)
	if err == errNoDir { //nolint:errorlint // it is returned as it is
		return nil
	}
	if err != nil {
		return err
	}
	n, err := w.child(dir, name)
	switch {
	case err != nil:
		return err
	case w.o.Format != Flat && n == nil:
		dir.put(&node{name: name, kind: kindWhiteout, touched: true})
	case w.o.Format != Flat:
		w.lateAll(n)
		n.opaque, n.own = true, true // of consequence only to directories
	case n == nil:
	case n.lower && !n.holds:
		return w.remove(n)
	default:
		if err := w.removeLower(n); err != nil {
			return err
		}
		n.unknow(w.o)
	}
	return nil
}

// opaque takes away everything that layers below have in a directory.
func (w *writer) opaque(parts []string) error {
	dir, err := w.directory(parts, w.o.Format != Flat)
	switch {
	case err == errNoDir: //nolint:errorlint // it is returned as it is
		return nil
	case err != nil:
		return err
	case w.o.Format == Flat:
		return w.removeLower(dir)
	}
	for _, c := range dir.children {
		w.lateAll(c)
	}
	dir.opaque = true
	dir.touch()
	return nil
}
