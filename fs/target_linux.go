package fs

import (
	"path"
	"strings"
	"syscall"

	"github.com/sandkit/sandkit/internal/program"
	"github.com/sandkit/sandkit/internal/sys"
)

// Targets are resolved by the kernel, inside the root, at the moment of the
// mount: what is mounted before counts, and somebody who exchanges directories
// for symbolic links meanwhile (CVE-2021-30465) stays inside as well.
const resolveTarget = sys.RESOLVE_IN_ROOT | sys.RESOLVE_NO_MAGICLINKS

// resolvePlain is for mount points that have to be what they are called: a
// root whose /proc is a symbolic link is refused (CVE-2019-19921).
const resolvePlain = sys.RESOLVE_IN_ROOT | sys.RESOLVE_NO_SYMLINKS

// dir opens the directory at a path inside the root; it is made when it is
// missing, with all that lead to it.
func (t *Tree) dir(q *program.Sequence, target string) program.FD {
	return t.dirBy(q, target, resolveTarget)
}

func (t *Tree) dirBy(q *program.Sequence, target string, resolve uint64) program.FD {
	at := t.root
	if target == "/" {
		return at
	}
	names := strings.Split(strings.TrimPrefix(target, "/"), "/")
	for i, name := range names {
		q.Mkdirat(at, name, 0o755).Ignore(syscall.EEXIST)
		at = q.Openat2(t.root, strings.Join(names[:i+1], "/"), sys.O_PATH|sys.O_DIRECTORY, resolve)
	}
	return at
}

// entry opens the file at a path inside the root, which is made, empty, when
// it is missing.
func (t *Tree) entry(q *program.Sequence, target string) program.FD {
	parent := t.dir(q, path.Dir(target))
	q.Mknodat(parent, path.Base(target), sys.S_IFREG|0o644, 0).Ignore(syscall.EEXIST)
	return q.Openat2(t.root, strings.TrimPrefix(target, "/"), sys.O_PATH, resolveTarget)
}
