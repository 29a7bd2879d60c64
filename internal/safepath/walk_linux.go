package safepath

import (
	"fmt"
	"strings"
	"syscall"

	"github.com/sandkit/sandkit/internal/sys"
)

// maxLinks is the kernel's limit on symbolic links in one path (MAXSYMLINKS).
const maxLinks = 40

// walker resolves a path one component at a time. dirs are the directories
// from the root to the current one, all held open, so that ".." goes back to
// the directory through which the walk came, wherever that was moved to.
type walker struct {
	root  int
	dirs  []*sys.FD
	links int
}

// walk opens name inside root without openat2.
func walk(root int, name string, flags int) (*sys.FD, error) {
	w := &walker{root: root}
	defer w.pop(0)
	last, err := w.to(name, flags&sys.O_NOFOLLOW != 0)
	if err != nil {
		return nil, err
	}
	defer last.Close()
	if flags&sys.O_PATH != 0 && flags&sys.O_DIRECTORY == 0 {
		return sys.NewFD(last.Disown()), nil
	}
	return reopen(last, flags)
}

// reopen opens the very file that an O_PATH descriptor stands for.
func reopen(f *sys.FD, flags int) (*sys.FD, error) {
	mode, err := sys.Mode(f.Int())
	if err != nil {
		return nil, err
	}
	if mode&sys.S_IFMT == sys.S_IFLNK {
		return nil, syscall.ELOOP // O_NOFOLLOW met a link, as open(2) says
	}
	return sys.Openat(sys.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", f.Int()), flags&^sys.O_NOFOLLOW)
}

// to resolves name and gives an O_PATH descriptor of its last component.
func (w *walker) to(name string, keepLink bool) (*sys.FD, error) {
	rest := name
	for {
		var part string
		part, rest = cut(rest)
		if part == "" || part == "." {
			if rest != "" {
				continue
			}
			return sys.Openat(w.cwd(), ".", sys.O_PATH|sys.O_DIRECTORY)
		}
		if part == ".." {
			w.pop(max(0, len(w.dirs)-1))
			if rest == "" {
				rest = "."
			}
			continue
		}
		fd, err := sys.Openat(w.cwd(), part, sys.O_PATH|sys.O_NOFOLLOW)
		if err != nil {
			return nil, err
		}
		next, done, err := w.enter(fd, rest, keepLink)
		if done || err != nil {
			return fd, closeOn(err, fd)
		}
		rest = next
	}
}

// enter goes on from the component fd with the rest of the path: into a
// directory, or along a symbolic link. It owns fd unless the walk is done.
func (w *walker) enter(fd *sys.FD, rest string, keepLink bool) (next string, done bool, err error) {
	mode, err := sys.Mode(fd.Int())
	if err != nil {
		return "", false, err
	}
	isLink := mode&sys.S_IFMT == sys.S_IFLNK
	if rest == "" && (!isLink || keepLink) {
		return "", true, nil
	}
	if !isLink {
		if mode&sys.S_IFMT != sys.S_IFDIR {
			return "", false, syscall.ENOTDIR
		}
		w.dirs = append(w.dirs, fd)
		return rest, false, nil
	}
	if w.links++; w.links > maxLinks {
		return "", false, syscall.ELOOP
	}
	target, err := sys.Readlink(fd.Int())
	if err != nil {
		return "", false, err
	}
	if target == "" {
		return "", false, syscall.ENOENT
	}
	if target[0] == '/' {
		w.pop(0)
	}
	if len(target)+len(rest) > maxPath {
		return "", false, syscall.ENAMETOOLONG
	}
	if rest != "" {
		target += "/" + rest
	}
	return target, false, fd.Close()
}

func closeOn(err error, fd *sys.FD) error {
	if err != nil {
		fd.Close()
	}
	return err
}

func (w *walker) cwd() int {
	if n := len(w.dirs); n > 0 {
		return w.dirs[n-1].Int()
	}
	return w.root
}

func (w *walker) pop(n int) {
	for _, d := range w.dirs[n:] {
		d.Close()
	}
	w.dirs = w.dirs[:n]
}

// cut takes the first component off a path; a trailing slash demands a
// directory, which the "." that is left over does.
func cut(p string) (first, rest string) {
	p = strings.TrimLeft(p, "/")
	first, rest, more := strings.Cut(p, "/")
	if more && rest == "" {
		rest = "."
	}
	return first, rest
}
