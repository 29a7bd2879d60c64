package layer

import (
	"errors"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/sandkit/sandkit/internal/sys"
)

// Fits tells whether a layer, as [Apply] or [Stage] has left it, is right over
// these layers, given the lowest first: whether to settle it would change
// nothing. All are directories, mounts of images, or files with images that are
// finished. Nothing is changed, so that it can be asked about a layer that
// serves other stacks already. It is false, too, where Settle would fail with
// [ErrConflict].
func Fits(layer *os.File, lowers []*os.File, info *Info, format Format) (bool, error) {
	defer runtime.KeepAlive(layer) // sources have numbers only
	defer runtime.KeepAlive(lowers)
	roots, err := sourcesOf(append(slices.Clone(lowers), layer))
	if err != nil {
		return false, wrap("settle", "", info.Digest, err)
	}
	top := lookedSource{roots[len(lowers)], format.xattrPrefix()}
	fits, err := newSettler(top, roots[:len(lowers)], info, format).fits(info)
	if errors.Is(err, ErrConflict) {
		return false, nil
	}
	return fits && err == nil, wrap("settle", "", info.Digest, err)
}

// lookedSource is a layer that is only looked at.
type lookedSource struct {
	top    source
	prefix string // of overlayfs's attributes
}

func (l lookedSource) root() (unpackedDir, error) { return lookedDir{l.top, l.prefix, false}, nil }

func (l lookedSource) stat(p string) (mode uint32, err error) {
	dir := lookedDir{l.top, l.prefix, false}
	parts := strings.Split(p, "/")
	for _, part := range parts[:len(parts)-1] {
		next, err := dir.src.open(part)
		dir.close()
		if err != nil {
			return 0, err
		}
		dir = lookedDir{next, l.prefix, true}
	}
	defer dir.close()
	st, err := dir.src.stat(parts[len(parts)-1])
	return st.Mode, err
}

type lookedDir struct {
	src    source
	prefix string
	own    bool
}

func (d lookedDir) isOpaque() (bool, error) {
	v, _, err := d.src.xattr("", d.prefix+"opaque")
	return string(v) == "y", err
}

func (d lookedDir) enter(name string) (unpackedDir, error) {
	src, err := d.src.open(name)
	if err != nil {
		return nil, err
	}
	return lookedDir{src, d.prefix, true}, nil
}

func (d lookedDir) close() {
	if d.own {
		d.src.close()
	}
}

func (s *settler) fits(info *Info) (bool, error) {
	// Hollow directories either are as below or go away.
	if len(info.Hollow) > 0 {
		return false, nil
	}
	for _, p := range info.Late {
		if err := s.late(string(p)); err != nil {
			return false, at(string(p), err)
		}
	}
	for _, p := range info.Implicit {
		if there, _, err := s.has(string(p)); there || err != nil {
			return false, at(string(p), err)
		}
	}
	for _, l := range info.Links {
		if ok, err := s.fitsLink(l); !ok || err != nil {
			return false, at(string(l.Path), err)
		}
	}
	for _, p := range info.Whiteouts {
		if there, _, err := s.has(string(p)); !there || err != nil {
			return false, at(string(p), err)
		}
	}
	if !info.OpaqueRoot {
		return true, nil
	}
	names, err := newView(s.lowers, s.format).names()
	return len(names) == 0, err
}

// has tells whether there is something below a path of the layer, and whether
// it is a directory.
func (s *settler) has(p string) (there, isDir bool, err error) {
	f, err := s.below(p)
	if f == nil || err != nil {
		return false, false, err
	}
	defer f.close()
	return true, f.st.Mode&sys.S_IFMT == sys.S_IFDIR, nil
}

// fitsLink tells whether a hard link has no file below to link to.
func (s *settler) fitsLink(l Link) (bool, error) {
	if !l.Early {
		return false, nil
	}
	target := string(l.Target)
	parent, name := "", target
	if i := strings.LastIndexByte(target, '/'); i >= 0 {
		parent, name = target[:i], target[i+1:]
	}
	parent, err := s.resolve(parent)
	if err != nil {
		return false, err
	}
	there, isDir, err := s.has(strings.TrimPrefix(parent+"/"+name, "/"))
	return !there || isDir, err
}
