package layer

import (
	"errors"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/sandkit/sandkit/internal/sys"
)

// NeedsLower tells whether a layer's directory depends on the layers below. If
// not, it fits any, and may be shared by all images that have the layer.
func (i *Info) NeedsLower() bool {
	return len(i.Implicit) > 0 || len(i.Late) > 0 || len(i.Links) > 0 || len(i.Whiteouts) > 0 || i.OpaqueRoot
}

// Settle settles what a layer's directory leaves open, now that those of the
// layers below are there, settled themselves and given the lowest first, as
// directories or as files with EROFS images:
//
//   - Directories that the layer does not describe are as they are below.
//     Where there is a symbolic link below, they become what it points to.
//   - Hard links to files below get a copy of the file, beside both names.
//   - Whiteouts of names that nothing below has go away, and directories with
//     nothing else; programs could see them.
//   - A root that hides everything below hides each name.
//
// Changed is false when the directory was right as it was, and then serves over
// other layers that are the same in this. Otherwise it belongs to this very
// stack of layers. The error matches [ErrConflict] when the layer has files
// below something that is no directory, or describes a directory after its
// content where there is a link, or links lead through what it replaces: such
// layers can only be unpacked [Flat].
func Settle(dir *os.File, lowers []*os.File, info *Info, format Format) (changed bool, err error) {
	defer runtime.KeepAlive(dir)
	return settle(unpackedFiles{dir, format.xattrPrefix()}, lowers, info, format)
}

func settle(layer unpacked, lowers []*os.File, info *Info, format Format) (changed bool, err error) {
	defer runtime.KeepAlive(lowers) // views have numbers only
	roots, err := sourcesOf(lowers)
	if err != nil {
		return false, wrap("settle", "", info.Digest, err)
	}
	s := newSettler(layer, roots, info, format)
	s.layer = layer
	hollow := make(map[Path]bool)
	for _, p := range info.Hollow {
		hollow[p] = true
	}
	for _, p := range info.Late {
		if err := s.late(string(p)); err != nil {
			return false, wrap("settle", "", info.Digest, at(string(p), err))
		}
	}
	for _, p := range info.Implicit {
		if err := s.implicit(string(p), hollow[p]); err != nil {
			return true, wrap("settle", "", info.Digest, at(string(p), err))
		}
	}
	for _, l := range info.Links {
		if err := s.link(s.now(string(l.Path)), string(l.Target), l.Early); err != nil {
			return true, wrap("settle", "", info.Digest, at(string(l.Path), err))
		}
	}
	for _, p := range info.Whiteouts {
		if err := s.whiteout(s.now(string(p))); err != nil {
			return true, wrap("settle", "", info.Digest, at(string(p), err))
		}
	}
	for _, p := range slices.Backward(info.Hollow) {
		if err := s.hollow(string(p)); err != nil {
			return true, wrap("settle", "", info.Digest, at(string(p), err))
		}
	}
	if info.OpaqueRoot {
		if err := s.opaqueRoot(); err != nil {
			return true, wrap("settle", "", info.Digest, err)
		}
	}
	// What is inside first: afterwards there may be no permission.
	for _, m := range slices.Backward(s.metas) {
		if err := s.layer.setMeta(m); err != nil {
			return true, wrap("settle", "", info.Digest, at(m.path, err))
		}
	}
	return s.changed, nil
}

type settler struct {
	look    looked
	layer   unpacked // the same, nil when nothing is to be changed
	lowers  []source
	format  Format
	moved   map[string]string // implicit directories that a link below moved
	open    map[string]bool   // directories that the layer does not describe
	metas   []settledMeta
	copied  map[string]bool // files that hard links brought up, and these
	plain   sys.Stat        // of directories that nothing below has
	changed bool
}

func newSettler(layer looked, lowers []source, info *Info, format Format) *settler {
	s := &settler{look: layer, lowers: lowers, format: format, moved: make(map[string]string), open: make(map[string]bool), copied: make(map[string]bool)}
	for _, p := range info.Implicit {
		s.open[string(p)] = true
	}
	return s
}

// now is where a path of the layer is by now.
func (s *settler) now(p string) string {
	for from := p; from != "."; from = path.Dir(from) {
		if to, ok := s.moved[from]; ok {
			return s.now(path.Join(to, strings.TrimPrefix(p, from)))
		}
	}
	return p
}

// below finds what the lower layers have at a path of this one, as far as this
// layer's own directories let one see it. The caller closes it; it is nil when
// there is nothing.
func (s *settler) below(p string) (*found, error) {
	v := newView(s.lowers, s.format)
	own, err := s.look.root()
	if err != nil {
		return nil, err
	}
	defer func() {
		if own != nil {
			own.close()
		}
	}()
	var f *found
	for rest := strings.Split(p, "/"); ; rest = rest[1:] {
		if own != nil {
			opaque, err := own.isOpaque()
			if err != nil || opaque {
				f.close()
				return nil, err
			}
		}
		next, err := v.lookup(rest[0])
		if next == nil || err != nil {
			f.close()
			return nil, err
		}
		f, v = f.keep(next), next.sub
		if len(rest) == 1 {
			return f, nil
		}
		if own == nil {
			continue
		}
		dir, err := own.enter(rest[0])
		switch {
		case errors.Is(err, syscall.ENOENT):
			dir = nil // only below: nothing here hides it
		case err != nil:
			f.close()
			if noDir(err) {
				err = nil // it hides what is below
			}
			return nil, err
		}
		own.close()
		own = dir
	}
}

// late makes sure that there is no link below where the layer put something
// before it said what is there: these files are lost.
func (s *settler) late(p string) error {
	// What the layer has there in the end does not hide what was.
	f, err := newView(s.lowers, s.format).walk(strings.Split(p, "/"))
	if f == nil || err != nil {
		return err
	}
	defer f.close()
	if f.st.Mode&sys.S_IFMT != sys.S_IFDIR {
		return ErrConflict
	}
	return nil
}

// implicit settles one directory.
func (s *settler) implicit(p string, hollow bool) error {
	here := s.now(p)
	if !s.open[here] {
		return nil // it was joined with one that is described
	}
	f, err := s.below(here)
	if f == nil || err != nil {
		return err
	}
	defer f.close()
	switch f.st.Mode & sys.S_IFMT {
	case sys.S_IFDIR:
		return s.inherit(here, f)
	case sys.S_IFLNK:
		return s.move(here, hollow)
	}
	return ErrConflict
}

// inherit notes that a directory is to be as it is below.
func (s *settler) inherit(p string, f *found) error {
	xattrs, err := kept(f.in, f.name)
	if err != nil {
		return err
	}
	s.changed = true
	s.metas = append(s.metas, settledMeta{p, f.st, xattrs})
	return nil
}

// kept are the attributes that go from layer to layer.
func kept(dir source, name string) (map[string][]byte, error) {
	all, err := dir.xattrs(name)
	if err != nil {
		return nil, err
	}
	keep := make(map[string][]byte)
	for k, v := range all {
		if settable(k) || k == xattrStat {
			keep[k] = v
		}
	}
	return keep, nil
}

// setStat makes an open file like another one.
func setStat(fd int, st sys.Stat, xattrs map[string][]byte) error {
	have, err := sys.Fstatat(fd, "")
	if err != nil {
		return os.NewSyscallError("stat", err)
	}
	if have.UID != st.UID || have.GID != st.GID {
		if err := sys.Fchown(fd, st.UID, st.GID); err != nil {
			return os.NewSyscallError("chown", err)
		}
	}
	for name, value := range xattrs {
		if err := sys.SetXattr(fd, name, value); err != nil {
			return os.NewSyscallError("set attribute "+name, err)
		}
	}
	if err := sys.Fchmod(fd, st.Mode); err != nil {
		return os.NewSyscallError("chmod", err)
	}
	return os.NewSyscallError("set times", sys.SetTimes(fd, "", st.MtimeSec, st.MtimeNs))
}

// openPath opens a directory component by component; no link is followed.
func openPath(root *os.File, p string) (*sys.FD, error) {
	fd, err := sys.Openat(int(root.Fd()), ".", sys.O_RDONLY|sys.O_DIRECTORY)
	for part := range strings.SplitSeq(p, "/") {
		if err != nil {
			return nil, os.NewSyscallError("open directory", err)
		}
		if part == "" || part == "." {
			continue
		}
		var next *sys.FD
		next, err = sys.Openat(fd.Int(), part, sys.O_RDONLY|sys.O_DIRECTORY|sys.O_NOFOLLOW)
		fd.Close()
		fd = next
	}
	if err != nil {
		return nil, os.NewSyscallError("open directory", err)
	}
	return fd, nil
}
