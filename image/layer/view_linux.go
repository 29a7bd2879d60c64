package layer

import (
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/sandkit/sandkit/internal/sys"
)

// view is a directory as overlayfs would show it: directories of several
// layers, the highest first. It owns their descriptors, but not the roots'.
type view struct {
	prefix string // of overlayfs's attributes
	dirs   []viewDir
	roots  []viewDir // of the same layers, for directories that were moved
}

type viewDir struct {
	source
	layer int
}

// found is a name in a view.
type found struct {
	st   sys.Stat
	name string  // it has in its layer
	in   viewDir // where the highest layer has it
	sub  *view   // of a directory
	up   *view   // holds in open; nil when another does
}

// newView looks at layers, given the lowest first.
func newView(layers []source, f Format) *view {
	v := &view{prefix: f.xattrPrefix()}
	for i, l := range slices.Backward(layers) {
		v.dirs = append(v.dirs, viewDir{l, i})
	}
	v.roots = v.dirs
	return v
}

// empty is a directory that no layer has.
func (v *view) empty() *view { return &view{prefix: v.prefix, roots: v.roots} }

// close closes the descriptors.
func (v *view) close() {
	if v == nil {
		return
	}
	for _, d := range v.dirs {
		d.close()
	}
	v.dirs = nil
}

// lookup finds a name; nil when there is none.
func (v *view) lookup(name string) (*found, error) {
	var f *found
	for i, d := range v.dirs {
		st, err := d.stat(name)
		if errors.Is(err, syscall.ENOENT) {
			continue
		}
		if err != nil {
			f.close()
			return nil, os.NewSyscallError("stat", err)
		}
		isDir := st.Mode&sys.S_IFMT == sys.S_IFDIR
		if !isDir && (f != nil || v.isWhiteout(d, name, st)) {
			break
		}
		if f == nil {
			f = &found{st: st, in: d, name: name, sub: v.empty()}
		}
		if !isDir {
			break
		}
		more, redirect, err := v.enter(f.sub, d, name)
		if err != nil {
			f.close()
			return nil, err
		}
		if strings.HasPrefix(redirect, "/") {
			return f, v.follow(f, i, redirect)
		}
		if redirect != "" {
			name = redirect
		}
		if !more {
			break
		}
	}
	return f, nil
}

// close closes what belongs to the find.
func (f *found) close() {
	if f != nil {
		f.sub.close()
		f.up.close()
	}
}

// keep makes a find in f's directory hold that open. It is f's end.
func (f *found) keep(next *found) *found {
	if f == nil {
		return next
	}
	f.up.close()
	next.up = f.sub
	return next
}

// enter opens a directory of one layer. More is false when it hides those
// below; redirect is where it was in them, when it was moved.
func (v *view) enter(sub *view, d viewDir, name string) (more bool, redirect string, err error) {
	dir, err := d.open(name)
	if err != nil {
		return false, "", err
	}
	sub.dirs = append(sub.dirs, viewDir{dir, d.layer})
	opaque, _, err := dir.xattr("", v.prefix+"opaque")
	if err != nil {
		return false, "", os.NewSyscallError("read attribute", err)
	}
	to, _, err := dir.xattr("", v.prefix+"redirect")
	if err != nil {
		return false, "", os.NewSyscallError("read attribute", err)
	}
	return string(opaque) != "y", string(to), nil
}

// follow adds the directory that a moved one was in the layers below the i-th.
func (v *view) follow(f *found, i int, redirect string) error {
	below := v.empty()
	for _, r := range v.roots {
		if r.layer < v.dirs[i].layer {
			below.dirs = append(below.dirs, r)
		}
	}
	from, err := below.walk(strings.Split(redirect, "/"))
	if err != nil {
		f.close()
		return err
	}
	if from != nil {
		f.sub.dirs = append(f.sub.dirs, from.sub.dirs...)
	}
	return nil
}

// walk finds a path that has no links in it; nil when there is nothing.
func (v *view) walk(parts []string) (*found, error) {
	var f *found
	for _, p := range parts {
		if p == "" {
			continue
		}
		next, err := v.lookup(p)
		if next == nil || err != nil {
			f.close()
			return nil, err
		}
		f, v = f.keep(next), next.sub
	}
	return f, nil
}

// isWhiteout tells whether a file stands for one that was taken away.
func (v *view) isWhiteout(dir source, name string, st sys.Stat) bool {
	switch st.Mode & sys.S_IFMT {
	case sys.S_IFCHR:
		return st.Rdev == 0
	case sys.S_IFREG:
		if st.Size != 0 {
			return false
		}
		_, ok, err := dir.xattr(name, v.prefix+"whiteout")
		return ok && err == nil
	}
	return false
}

// names lists what the view shows, and nothing twice.
func (v *view) names() ([]string, error) {
	var all []string
	for _, d := range v.dirs {
		names, err := d.names()
		if err != nil {
			return nil, err
		}
		all = append(all, names...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}
