package layer

import (
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"syscall"

	"github.com/sandkit/sandkit/internal/sys"
)

// maxLinks is how many symbolic links one path may lead over, as in the kernel.
const maxLinks = 40

// Open opens a regular file in directories that layers were unpacked to, or in
// mounts of them, given the lowest first: the file that a mount of all of them
// would show. Symbolic links are followed, and never lead out. The caller
// closes it.
func Open(format Format, layers []*os.File, name string) (io.ReadCloser, error) {
	defer runtime.KeepAlive(layers) // views have numbers only
	sources, err := sourcesOf(layers)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	f, err := open(newView(sources, format), name)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return f, nil
}

func open(root *view, name string) (io.ReadCloser, error) {
	f, err := root.find(name)
	if err != nil {
		return nil, err
	}
	defer f.close()
	if f == nil {
		return nil, syscall.EISDIR
	}
	switch f.st.Mode & sys.S_IFMT {
	case sys.S_IFDIR:
		return nil, syscall.EISDIR
	case sys.S_IFREG:
		return f.in.file(f.name)
	}
	return nil, errors.ErrUnsupported
}

// find follows a path, which may lead over links but not out; nil is the root
// itself. The caller closes what was found.
func (v *view) find(name string) (*found, error) {
	rest, links := strings.Split(name, "/"), 0
	var at []string // where rest begins, without links
	for {
		f, err := v.walk(at)
		if err != nil {
			return nil, err
		}
		dir := v
		if f != nil {
			dir = f.sub
		}
		part := ""
		for part == "" || part == "." {
			if len(rest) == 0 {
				return f, nil
			}
			part, rest = rest[0], rest[1:]
		}
		if part == ".." {
			f.close()
			at = at[:max(0, len(at)-1)]
			continue
		}
		next, err := dir.lookup(part)
		if next == nil && err == nil {
			err = syscall.ENOENT
		}
		if err != nil {
			f.close()
			return nil, err
		}
		f = f.keep(next)
		target, end, err := f.step(len(rest) == 0)
		if end && err == nil {
			return f, nil
		}
		f.close()
		switch {
		case err != nil:
			return nil, err
		case target == "":
			at = append(at, part)
			continue
		}
		if links++; links > maxLinks {
			return nil, syscall.ELOOP
		}
		if strings.HasPrefix(target, "/") {
			at = nil
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
}

// step says what a path leads to after f: through a link to a target, into a
// directory, or to something else, where it must end.
func (f *found) step(last bool) (target string, end bool, err error) {
	switch f.st.Mode & sys.S_IFMT {
	case sys.S_IFDIR:
		return "", false, nil
	case sys.S_IFLNK:
		target, err = f.in.readlink(f.name)
		if err == nil && target == "" {
			err = syscall.ENOENT
		}
		return target, false, err
	}
	if !last {
		return "", false, syscall.ENOTDIR
	}
	return "", true, nil
}
