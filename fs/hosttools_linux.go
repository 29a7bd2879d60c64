package fs

import (
	"os"
	"path"
	"strings"

	"github.com/sandkit/sandkit/internal/program"
	"github.com/sandkit/sandkit/internal/sys"
)

// A Tool is an entry of the host-tools root: a symbolic link, or a directory
// or file of the host that is shown read-only.
type Tool struct {
	Path string
	Link string // the target, for a link
	Dir  bool
}

// toolPaths are what programs need to run: programs, libraries, and of /etc
// what finds and configures them. Nothing of it is secret or personal.
var toolPaths = []string{
	"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
	"/etc/alternatives", "/etc/ld.so.cache",
	"/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/pki/tls/certs", "/etc/pki/ca-trust/extracted",
	"/etc/localtime", "/etc/protocols", "/etc/services",
}

// hostTools finds those that this host has.
func hostTools() []Tool {
	var tools []Tool
	for _, p := range toolPaths {
		st, err := os.Lstat(p)
		if err != nil {
			continue // not on this host
		}
		t := Tool{Path: p, Dir: st.IsDir()}
		if st.Mode()&os.ModeSymlink != 0 {
			if t.Link, err = os.Readlink(p); err != nil {
				continue
			}
		}
		tools = append(tools, t)
	}
	return tools
}

// emptyDirs are the writable directories of the host-tools root.
var emptyDirs = []struct {
	path string
	mode uint32
}{
	{"home", 0o755},
	{"root", 0o700},
	{"run", 0o755},
	{"tmp", 0o1777},
	{"var", 0o755},
	{"var/tmp", 0o1777},
	{"etc", 0o755},
	{"opt", 0o755},
	{"mnt", 0o755},
}

// hostTools assembles the default root in a tmpfs that nobody else sees, so
// plain paths do. The host's files keep the owners that the user namespace
// gives them, which is nobody: if they were idmapped, the sandbox's root could
// read what only the host's root may.
func (t *Tree) hostTools(q *program.Sequence) {
	t.stage(q, t.stagedSize())
	t.root = scratch(q, t.Root.scratch(), 0o755, userMount)
	attach(q, t.root)
	for _, d := range emptyDirs {
		q.Mkdirat(t.root, d.path, d.mode)
	}
	made := map[string]bool{".": true, "etc": true}
	for _, tool := range t.host.Tools {
		name := strings.TrimPrefix(tool.Path, "/")
		t.parents(q, path.Dir(name), made)
		q.Stage(StageRoot, tool.Path)
		switch {
		case tool.Link != "":
			q.Symlinkat(tool.Link, t.root, name)
			continue
		case tool.Dir:
			q.Mkdirat(t.root, name, 0o755)
		default:
			q.Mknodat(t.root, name, sys.S_IFREG|0o644, 0)
		}
		src := q.OpenTree(program.Cwd, tool.Path, true)
		q.MountSetattr(src, "", true, program.MountAttr{Set: userMount | sys.MOUNT_ATTR_RDONLY})
		q.MoveMount(src, t.root, name)
	}
	q.Stage(StageRoot, "/etc")
	for _, f := range madeUpFiles {
		fd := q.Openat(t.root, f.path, sys.O_WRONLY|sys.O_CREAT|sys.O_EXCL, 0o644)
		q.Write(fd, f.content)
		q.Close(fd)
	}
}

func (t *Tree) parents(q *program.Sequence, dir string, made map[string]bool) {
	if made[dir] {
		return
	}
	t.parents(q, path.Dir(dir), made)
	q.Mkdirat(t.root, dir, 0o755)
	made[dir] = true
}

// madeUpFiles are the part of /etc that is not the host's.
var madeUpFiles = []struct{ path, content string }{
	{"etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n"},
	{"etc/group", "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n"},
	{"etc/hosts", "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"},
	{"etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"},
}
