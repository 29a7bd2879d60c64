package transfer

import (
	"errors"
	iofs "io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/sandkit/sandkit/internal/safepath"
	"github.com/sandkit/sandkit/internal/sys"
)

// An opener opens a path, inside a root or on the host.
type opener func(name string, flags int) (*os.File, error)

func rootOpener(root *os.File) opener {
	return func(name string, flags int) (*os.File, error) { return safepath.Open(root, name, flags) }
}

func hostOpener(name string, flags int) (*os.File, error) {
	fd, err := sys.Openat(sys.AT_FDCWD, name, flags)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return fd.File(name), nil
}

// maxHops is how many links in a row a destination may be, as for the kernel.
const maxHops = 40

// find looks at a destination. The directory is the target itself if it is
// one, and otherwise the target's parent; the caller closes it. A link is
// followed, also one to what does not exist yet.
func find(open opener, p string) (t target, dir *os.File, err error) {
	for range maxHops {
		dir, err = open(p, sys.O_PATH|sys.O_DIRECTORY)
		if err == nil {
			return target{exists: true, dir: true}, dir, nil
		}
		if !errors.Is(err, syscall.ENOENT) && !errors.Is(err, syscall.ENOTDIR) {
			return t, nil, err
		}
		parent, base := cut(p)
		if base == "" {
			return t, nil, err
		}
		if dir, err = open(parent, sys.O_PATH|sys.O_DIRECTORY); err != nil {
			return t, nil, err
		}
		t = target{base: base}
		st, err := sys.Fstatat(int(dir.Fd()), base)
		switch {
		case errors.Is(err, syscall.ENOENT):
			return t, dir, nil
		case err == nil && st.Mode&sys.S_IFMT == sys.S_IFLNK:
			p, err = hop(dir, parent, base)
		case err == nil && st.Mode&sys.S_IFMT != sys.S_IFDIR:
			t.exists = true
			return t, dir, nil
		}
		dir.Close()
		if err != nil {
			return t, nil, &iofs.PathError{Op: "stat", Path: p, Err: err}
		}
	}
	return t, nil, &iofs.PathError{Op: "resolve", Path: p, Err: syscall.ELOOP}
}

// hop gives the path that a link leads to. Its ".." are the kernel's business.
func hop(dir *os.File, parent, base string) (string, error) {
	to, err := sys.Readlinkat(int(dir.Fd()), base)
	if err != nil || strings.HasPrefix(to, "/") {
		return to, err
	}
	return strings.TrimRight(parent, "/") + "/" + to, nil
}
