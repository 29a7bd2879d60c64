package layer

import (
	"io"
	"syscall"
)

// writer says what a layer's entries mean for the nodes that there are so far,
// and has a backend make that.
type writer struct {
	o       *Options
	limits  Limits
	info    *Info
	back    backend
	root    *node
	pending []pendingLink
	logical int64 // size of all files, with their holes
}

// pendingLink is a hard link whose target was not there yet.
type pendingLink struct {
	node   *node
	target []string
}

// skip notes that something of the layer is not there in the end.
func (i *Info) skip(path, what string) {
	i.Skipped = append(i.Skipped, Skipped{Path(path), what})
}

// implicit makes a directory that the layer has not described so far.
func (w *writer) implicit(dir *node, name string) (*node, error) {
	n, err := w.mkdir(dir, name)
	if err != nil {
		return nil, err
	}
	m := implicitMeta(w.o)
	n.meta = &m
	return n, nil
}

// mkdir makes a directory, in place of what has the name.
func (w *writer) mkdir(dir *node, name string) (*node, error) {
	before, err := w.clear(dir, name)
	if err != nil {
		return nil, err
	}
	// What was there in this layer hides the layers below, and so must this.
	hides := before != nil && !before.lower
	n := dir.put(&node{name: name, kind: kindDir, touched: true, opaque: hides, own: hides})
	return n, w.back.mkdir(n)
}

// clear removes what has a name.
func (w *writer) clear(dir *node, name string) (before *node, err error) {
	before, err = w.child(dir, name)
	if before == nil || err != nil {
		return nil, err
	}
	return before, w.remove(before)
}

// remove removes a node and everything below it.
func (w *writer) remove(n *node) error {
	if n.kind == kindDir {
		w.late(n)
		if err := w.list(n); err != nil {
			return err
		}
		for _, c := range n.children {
			if err := w.remove(c); err != nil {
				return err
			}
		}
	}
	delete(n.parent.children, n.name)
	switch n.kind {
	case kindAbsent, kindPending, kindWhiteout:
		return nil
	case kindDir, kindFile, kindSymlink, kindOther:
	}
	n.parent.touch()
	return w.back.remove(n)
}

// late notes that a directory is about to be described, or replaced, that the
// layer has put something into before.
func (w *writer) late(n *node) {
	if w.o.Format != Flat && n.touched && !n.described && !n.own && n.parent != nil {
		w.info.Late = append(w.info.Late, Path(n.path()))
	}
}

// lateAll does so for a directory and all below it.
func (w *writer) lateAll(n *node) {
	if n.kind != kindDir {
		return
	}
	w.late(n)
	for _, c := range n.children {
		w.lateAll(c)
	}
}

// removeLower removes what layers below left in a directory, but nothing that
// this layer has put there.
func (w *writer) removeLower(n *node) error {
	if !n.lower || n.kind != kindDir {
		return nil
	}
	if err := w.list(n); err != nil {
		return err
	}
	for _, c := range n.children {
		var err error
		if c.holds && c.kind == kindDir {
			err = w.removeLower(c)
			c.unknow(w.o)
		} else if c.lower {
			err = w.remove(c)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// unknow takes from a lower directory what it was, once the layer has taken
// that directory away: what it describes itself stays.
func (n *node) unknow(o *Options) {
	if n.lower && !n.described {
		m := implicitMeta(o)
		n.meta, n.restore, n.lower = &m, false, false
	}
}

// list makes nodes of everything in a lower directory.
func (w *writer) list(n *node) error {
	if !n.lower {
		return nil
	}
	names, err := w.back.names(n)
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, err := w.child(n, name); err != nil {
			return err
		}
	}
	return nil
}

// file makes a regular file.
func (w *writer) file(dir *node, name string, m *meta, content io.Reader, sparse bool) error {
	if _, err := w.clear(dir, name); err != nil {
		return err
	}
	return w.back.file(dir.put(&node{name: name, kind: kindFile, touched: true}), m, content, sparse)
}

// link makes a hard link.
func (w *writer) link(dir *node, name string, target *node) error {
	if _, err := w.clear(dir, name); err != nil {
		return err
	}
	if gone(target) {
		return malformed("hard link to what it replaces: %w", syscall.ENOENT)
	}
	n := dir.put(&node{name: name, kind: target.kind, target: target.target, touched: true})
	if target.kind == kindAbsent {
		return nil
	}
	return w.back.link(n, target)
}
