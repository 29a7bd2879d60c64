package transfer

import (
	"fmt"
	iofs "io/fs"
	"path"
	"strings"
)

// A source is what is copied.
type source struct {
	name     string // its last component; empty for the root itself
	dir      bool
	contents bool // what is in it, and not itself
	asserts  bool // its path says that it is a directory
}

// A target is what was found at the destination.
type target struct {
	base    string // its last component
	exists  bool
	dir     bool
	asserts bool // its path says that it is a directory
}

// place decides, as Docker does, what a source is called: in the target if that
// is a directory, and otherwise in the target's parent. Without a name it is
// only what is in the source.
func place(s source, t target) (name string, err error) {
	switch {
	case s.asserts && !s.dir:
		return "", fmt.Errorf("source: %w", ErrNotDirectory)
	case t.asserts && t.exists && !t.dir:
		return "", fmt.Errorf("destination: %w", ErrNotDirectory)
	case t.dir && s.contents:
		return "", nil
	case t.dir:
		return s.name, nil
	case t.exists && s.dir:
		return "", ErrCopyDirectory
	case t.asserts && !s.dir:
		return "", fmt.Errorf("destination: %w", ErrNoDirectory)
	}
	return t.base, nil
}

// sourceOf reads what a path says of a source; clean is what it leads to.
func sourceOf(clean, p string) (s source) {
	s.asserts, s.contents = asserted(p)
	if s.name = path.Base(clean); s.name == "/" || s.name == "." {
		s.name, s.contents = "", true
	}
	return s
}

// asserted tells whether a path says that it is a directory, and whether it
// means what is in it.
func asserted(p string) (dir, contents bool) {
	contents = p == "." || strings.HasSuffix(p, "/.")
	return contents || strings.HasSuffix(p, "/"), contents
}

// inside cleans a path inside the root as Docker does: it starts at the root,
// whether it has a slash in front or not, and ".." is taken as text.
func inside(p string) (string, error) {
	if p == "" || strings.IndexByte(p, 0) >= 0 {
		return "", fmt.Errorf("path %q: %w", p, iofs.ErrInvalid)
	}
	return path.Join("/", p), nil
}

// cut takes the last component off a path, which may have ".." in it. The
// base is empty where there is none that could be made.
func cut(p string) (dir, base string) {
	p = strings.TrimRight(p, "/")
	i := strings.LastIndexByte(p, '/')
	dir, base = p[:i+1], p[i+1:]
	if dir == "" {
		dir = "."
	}
	if base == "." || base == ".." {
		base = ""
	}
	return dir, base
}

// checkName makes sure that a name from a source is one component.
func checkName(name string) error {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
		return fmt.Errorf("name %q: %w", name, iofs.ErrInvalid)
	}
	return nil
}
