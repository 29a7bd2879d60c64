package erofs

import (
	"errors"
	iofs "io/fs"
	"strings"
)

// maxFollowed is how many symbolic links one path may lead over.
const maxFollowed = 40

var (
	errLoop   = errors.New("too many symbolic links")
	errNotDir = errors.New("not a directory")
)

// found is a file and the directory that it is in.
type found struct {
	path   string
	node   *inode
	parent uint64
}

// validPath is io/fs.ValidPath for any bytes.
func validPath(name string) bool {
	if name == "." {
		return true
	}
	for rest, more := name, true; more; {
		var part string
		part, rest, more = strings.Cut(rest, "/")
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	return !strings.Contains(name, "\x00")
}

func base(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// find walks a path.
func (fs *Reader) find(op, name string, follow bool) (*found, error) {
	if !validPath(name) {
		return nil, &iofs.PathError{Op: op, Path: name, Err: iofs.ErrInvalid}
	}
	f, err := fs.walk(name, follow)
	if err != nil {
		return nil, &iofs.PathError{Op: op, Path: name, Err: err}
	}
	return f, nil
}

func (fs *Reader) walk(name string, follow bool) (*found, error) {
	cur, rest, err := fs.start(name, follow)
	if err != nil {
		return nil, err
	}
	for links := 0; rest != ""; {
		var part string
		part, rest, _ = strings.Cut(rest, "/")
		if part == "" || part == "." {
			continue
		}
		if !cur.node.isDir() {
			return nil, errNotDir
		}
		next, err := fs.step(cur, part)
		if err != nil {
			return nil, err
		}
		if !next.node.isLink() || rest == "" && !follow {
			cur = next
			continue
		}
		if links++; links > maxFollowed {
			return nil, errLoop
		}
		target, err := fs.target(next.node)
		if err != nil {
			return nil, err
		}
		if target[0] == '/' {
			if cur, err = fs.rootDir(); err != nil {
				return nil, err
			}
		}
		if rest == "" && follow {
			rest = target
		} else {
			rest = target + "/" + rest
		}
	}
	if cur.node.isDir() {
		fs.last.Store(&found{name, cur.node, cur.parent})
	}
	return cur, nil
}

// start gives the directory where to begin, and what is left of the path. One
// that is walked in order needs no more than one step for each directory.
func (fs *Reader) start(name string, follow bool) (*found, string, error) {
	if last := fs.last.Load(); last != nil {
		if rest, below := strings.CutPrefix(name, last.path); below && rest == "" && follow {
			return last, "", nil
		} else if below && strings.HasPrefix(rest, "/") {
			return last, rest, nil
		}
	}
	root, err := fs.rootDir()
	if name == "." {
		name = ""
	}
	return root, name, err
}

func (fs *Reader) rootDir() (*found, error) {
	n, err := fs.inode(fs.root)
	return &found{node: n, parent: fs.root}, err
}

// step goes from a directory to what it has under a name.
func (fs *Reader) step(dir *found, name string) (*found, error) {
	nid, ok, err := fs.lookup(dir.node, name)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, iofs.ErrNotExist
	}
	n, err := fs.inode(nid)
	if err != nil {
		return nil, err
	}
	parent := dir.node.nid
	if name == ".." {
		if !n.isDir() {
			return nil, malformed("%q of directory %d is no directory", name, dir.node.nid)
		}
		parent, ok, err = fs.lookup(n, "..")
		if err == nil && !ok {
			err = malformed("directory %d has no %q", nid, "..")
		}
		if err != nil {
			return nil, err
		}
	}
	return &found{node: n, parent: parent}, nil
}
