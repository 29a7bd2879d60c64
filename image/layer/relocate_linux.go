package layer

import (
	"errors"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/sandkit/sandkit/internal/sys"
)

// resolve follows links in the layers below, with their root as "/": it gives
// the path without links that p means. What is missing is taken as it stands.
func (s *settler) resolve(p string) (string, error) {
	cur, todo := "", strings.Split(p, "/")
	for hops, steps := 0, 0; len(todo) > 0; steps++ {
		if steps == maxSteps {
			return "", malformed("path with too many steps: %w", syscall.ELOOP)
		}
		part := todo[0]
		todo = todo[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			cur = strings.TrimPrefix(path.Dir("/"+cur), "/")
			continue
		}
		next := path.Join(cur, part)
		target, err := s.linkAt(next)
		if err != nil {
			return "", err
		}
		if target == "" {
			cur = next
			continue
		}
		if hops++; hops > maxHops {
			return "", malformed("too many symbolic links: %w", syscall.ELOOP)
		}
		if strings.HasPrefix(target, "/") {
			cur = ""
		}
		todo = append(strings.Split(target, "/"), todo...)
	}
	return cur, nil
}

// onlyDir makes sure that a directory the layer describes takes the place of
// no link: it may have come after what goes this way.
func (s *settler) onlyDir(p string) error {
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

// linkAt reads the link at a path of the layers below; it is empty where there
// is none.
func (s *settler) linkAt(p string) (string, error) {
	mode, err := s.look.stat(p)
	switch {
	case err == nil && mode&sys.S_IFMT != sys.S_IFDIR:
		return "", ErrConflict // it may have come after what goes this way
	case err == nil && !s.open[p]:
		return "", s.onlyDir(p)
	case err != nil && !absent(err):
		return "", err
	}
	f, err := s.below(p)
	if f == nil || err != nil {
		return "", err
	}
	defer f.close()
	if f.st.Mode&sys.S_IFMT != sys.S_IFLNK {
		return "", nil
	}
	return f.in.readlink(f.name)
}

// move moves an implicit directory to where a link below points: there the
// layer's files would have gone, had it been unpacked over the others.
func (s *settler) move(p string, hollow bool) error {
	to, err := s.resolve(p)
	if err != nil {
		return err
	}
	if hollow && to != "" {
		f, err := s.below(to)
		if f.close(); f == nil || err != nil {
			return err // nothing to take away
		}
	}
	if to == p || strings.HasPrefix(to, p+"/") {
		return ErrConflict
	}
	s.changed = true
	m, err := s.layer.meta(p)
	if err != nil {
		return err
	}
	s.plain = sys.Stat{Mode: 0o755, UID: m.st.UID, GID: m.st.GID}
	if to != "" {
		if err := s.ensure(to); err != nil {
			return err
		}
	}
	if err := s.moveInto(p, to); err != nil {
		return err
	}
	s.moved[p] = to
	return nil
}

// ensure makes directories of the layer that are as they are below.
func (s *settler) ensure(p string) error {
	if p == "" || p == "." {
		return nil
	}
	if err := s.ensure(path.Dir(p)); err != nil {
		return err
	}
	mode, err := s.layer.stat(p)
	if err == nil && mode&sys.S_IFMT == sys.S_IFDIR {
		return nil
	}
	if !errors.Is(err, syscall.ENOENT) {
		return errors.Join(ErrConflict, err)
	}
	f, err := s.below(p)
	if err != nil {
		return err
	}
	defer f.close()
	if err := s.layer.mkdir(p); err != nil {
		return err
	}
	s.changed = true
	if f == nil {
		s.metas = append(s.metas, settledMeta{path: p, st: s.plain})
		return nil
	}
	if f.st.Mode&sys.S_IFMT != sys.S_IFDIR {
		return ErrConflict
	}
	return s.inherit(p, f)
}

// moveInto moves what is in one directory into another, and removes it.
func (s *settler) moveInto(from, to string) error {
	names, err := s.layer.names(from)
	if err != nil {
		return err
	}
	for _, name := range names {
		old, now := path.Join(from, name), path.Join(to, name)
		mode, err := s.layer.stat(now)
		switch {
		case errors.Is(err, syscall.ENOENT):
			err = s.layer.rename(old, now)
			s.carry(old, now)
		case err == nil && mode&sys.S_IFMT == sys.S_IFDIR:
			err = s.merge(old, now)
		case err == nil:
			err = ErrConflict // which of them came last is not known any more
		}
		if err != nil {
			return err
		}
	}
	opaque, err := s.layer.opaque(from)
	if err != nil {
		return err
	}
	if opaque {
		// Nothing in it is as it is below any more.
		s.metas = slices.DeleteFunc(s.metas, func(m settledMeta) bool { return strings.HasPrefix(m.path, to+"/") })
		if err := s.layer.hide(to); err != nil {
			return err
		}
	}
	return s.layer.remove(from, true)
}

// carry notes that everything below a path has another one now.
func (s *settler) carry(from, to string) {
	for p := range s.open {
		if rest, ok := strings.CutPrefix(p+"/", from+"/"); ok {
			delete(s.open, p)
			s.open[path.Join(to, rest)] = true
		}
	}
}

// merge moves a directory to where the layer has one already. Of both, one is
// described at most: of two it is not known any more which came last.
func (s *settler) merge(from, to string) error {
	if s.open[from] {
		return s.moveInto(from, to)
	}
	if !s.open[to] {
		return ErrConflict
	}
	m, err := s.layer.meta(from)
	if noDir(err) {
		return ErrConflict // a whiteout of what the layer adds to, for one
	}
	if err != nil {
		return err
	}
	delete(s.open, to)
	s.metas = slices.DeleteFunc(s.metas, func(m settledMeta) bool { return m.path == to })
	m.path = to
	s.metas = append(s.metas, m)
	return s.moveInto(from, to)
}

// whiteout removes a whiteout that hides nothing.
func (s *settler) whiteout(p string) error {
	f, err := s.below(p)
	if f != nil || err != nil {
		f.close()
		return err
	}
	s.changed = true
	return s.layer.remove(p, false)
}

// hollow removes a directory that was there for whiteouts only, if nothing
// below has it.
func (s *settler) hollow(p string) error {
	if p = s.now(p); !s.open[p] {
		return nil // it was joined with one that is described
	}
	f, err := s.below(p)
	isDir := f != nil && f.st.Mode&sys.S_IFMT == sys.S_IFDIR
	if f.close(); isDir || err != nil {
		return err
	}
	s.changed = true
	err = s.layer.remove(p, true)
	if errors.Is(err, syscall.ENOTEMPTY) {
		return nil // a copy of a file below went into it
	}
	return err
}

// opaqueRoot hides every name in the root of the layers below.
func (s *settler) opaqueRoot() error {
	names, err := newView(s.lowers, s.format).names()
	if err != nil {
		return err
	}
	for _, name := range names {
		s.changed = true
		err := s.layer.whiteout(name)
		if errors.Is(err, syscall.EEXIST) {
			// A directory of the layer hides those below; what is none does anyway.
			if err = s.layer.hide(name); noDir(err) {
				err = nil
			}
		}
		if err != nil {
			return at(name, err)
		}
	}
	return nil
}
