package layer

import (
	"io"
	"os"
)

// A backend is what a layer is put into. The writer decides on nodes what is
// where, and a backend makes it so. Whatever is made has no other thing at its
// place.
type backend interface {
	// lookup finds a name in a directory that was there before the layer; nil
	// when there is none. The node has no place yet.
	lookup(dir *node, name string) (*node, error)
	// names lists such a directory.
	names(dir *node) ([]string, error)

	mkdir(n *node) error
	file(n *node, m *meta, content io.Reader, sparse bool) error
	symlink(n *node, m *meta) error
	special(n *node, m *meta, mode uint32, rdev uint64) error // mode is the type only
	link(n, target *node) error
	whiteout(n *node) error

	// remove removes a node, which is an empty directory or none.
	remove(n *node) error
	// finish gives a directory its metadata. Nothing in it changes any more.
	finish(n *node) error
	// close gives up what the backend holds. It is called once, also after
	// errors.
	close()
}

// newWriter unpacks to a directory.
func newWriter(dir *os.File, o *Options, l Limits, info *Info) *writer {
	return &writer{
		o: o, limits: l, info: info, back: newDirBackend(dir, o, info),
		root: &node{kind: kindDir, lower: o.Format == Flat},
	}
}
