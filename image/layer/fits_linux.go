package layer

import (
	"errors"
	"os"
	"runtime"
	"strings"

	"github.com/sandkit/sandkit/internal/sys"
)

// Fits tells whether a layer's directory, as [Apply] has left it, is right over
// these layers, given the lowest first: whether [Settle] would find nothing to
// change. Unlike Settle it changes nothing, so that it can be asked about a
// directory that serves other stacks already. It is false, too, where Settle
// would fail with ErrConflict.
func Fits(dir *os.File, lowers []*os.File, info *Info, format Format) (bool, error) {
	defer runtime.KeepAlive(lowers) // views have numbers only
	s := &settler{dir: dir, lowers: lowers, format: format, moved: make(map[string]string), open: make(map[string]bool), copied: make(map[string]bool)}
	for _, p := range info.Implicit {
		s.open[string(p)] = true
	}
	fits, err := s.fits(info)
	if errors.Is(err, ErrConflict) {
		return false, nil
	}
	return fits && err == nil, wrap("settle", "", info.Digest, err)
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
