package fs

import (
	"errors"
	"os"
	"path"

	"github.com/sandkit/sandkit/internal/program"
	"github.com/sandkit/sandkit/internal/safepath"
	"github.com/sandkit/sandkit/internal/sys"
)

// isFound tells of a volume whose place on the host is known: in a dry run it is
// not.
func (m *Mount) isFound() bool { return m.Type == TypeVolume && m.Source != "" }

// from tells apart what is mounted from the host.
func (m *Mount) from() string {
	if m.Subpath == "" {
		return m.Source
	}
	return m.Source + "/" + m.Subpath
}

// isDir tells whether what is mounted from the host is a directory.
func (m *Mount) isDir() (isDir bool, err error) {
	if m.Subpath == "" {
		st, err := os.Stat(m.Source)
		return err == nil && st.IsDir(), err
	}
	root, err := os.Open(m.Source)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	f, err := safepath.Open(root, m.Subpath, sys.O_PATH)
	if err != nil {
		return false, err
	}
	st, err := f.Stat()
	return err == nil && st.IsDir(), errors.Join(err, f.Close())
}

// volume shows a volume as bind does a directory. What is in it was made by
// programs inside, so that a subpath is resolved within it.
func (t *Tree) volume(q *program.Sequence, m *Mount) {
	source := m.Source
	if source == "" {
		source = "volume " + m.Name
	}
	var src program.FD
	if m.Subpath == "" {
		src = q.OpenTree(program.Cwd, source, true)
	} else {
		dir := q.Openat(program.Cwd, source, sys.O_PATH|sys.O_DIRECTORY, 0)
		src = q.OpenTree(q.Openat2(dir, path.Clean(m.Subpath), sys.O_PATH, resolveTarget), "", true)
	}
	q.MountSetattr(src, "", true, program.MountAttr{Set: m.attrs()})
	if !m.HostOwners {
		t.idmap(q, src, true)
	}
	q.MoveMount(src, t.target(q, m.Target, m.Source == "" || t.host.Dirs[m.from()]), "")
}
