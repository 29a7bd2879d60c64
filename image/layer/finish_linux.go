package layer

import (
	"maps"
	"slices"
	"strings"
	"syscall"
)

// finish makes what had to wait for the end: hard links to what came later,
// whiteouts, and the metadata of directories.
func (w *writer) finish() error {
	if err := w.finishLinks(); err != nil {
		return err
	}
	w.info.Root = w.root.described
	w.info.OpaqueRoot = w.root.opaque
	w.root.findHollow()
	return w.finishDir(w.root)
}

// finishLinks makes hard links whose target came after them. Those that are
// left mean files of lower layers.
func (w *writer) finishLinks() error {
	for progress := true; progress; {
		progress = false
		for i, p := range w.pending {
			if p.node == nil {
				continue
			}
			if p.node.parent.children[p.node.name] != p.node || gone(p.node) {
				w.pending[i].node = nil // another entry took its place
				continue
			}
			target, err := w.find(p.target)
			if err != nil {
				return at(p.node.path(), err)
			}
			if target == nil || target.kind == kindPending || target.kind == kindWhiteout || target.kind == kindDir {
				continue
			}
			if err := w.link(p.node.parent, p.node.name, target); err != nil {
				return at(p.node.path(), err)
			}
			if w.o.Format != Flat {
				w.info.Links = append(w.info.Links, Link{Path(p.node.path()), Path(strings.Join(p.target, "/")), true})
			}
			w.pending[i].node = nil
			progress = true
		}
	}
	for _, p := range w.pending {
		if p.node == nil {
			continue
		}
		target := strings.Join(p.target, "/")
		if w.o.Format == Flat {
			return at(p.node.path(), malformed("hard link to %q, which is not there: %w", target, syscall.ENOENT))
		}
		w.info.Links = append(w.info.Links, Link{Path(p.node.path()), Path(target), false})
	}
	return nil
}

// gone tells whether a directory above was removed.
func gone(n *node) bool {
	for ; n.parent != nil; n = n.parent {
		if n.parent.children[n.name] != n {
			return true
		}
	}
	return false
}

// findHollow finds directories that only whiteouts needed.
func (n *node) findHollow() bool {
	n.hollow = n.parent != nil && !n.lower && !n.described
	for _, c := range n.children {
		inside := c.kind == kindWhiteout || c.kind == kindDir && c.findHollow()
		n.hollow = n.hollow && inside
	}
	return n.hollow
}

// finishHollow replaces a hollow directory that hides what is below by what
// does nothing else.
func (w *writer) finishHollow(dir, n *node) error {
	if err := w.remove(n); err != nil || dir.opaque {
		return err
	}
	return w.makeWhiteout(dir.put(&node{name: n.name, kind: kindWhiteout, touched: true}))
}

// finishDir finishes a directory that the layer has touched, what is inside
// first.
func (w *writer) finishDir(n *node) error {
	if !n.touched {
		return nil
	}
	if w.o.Format != Flat && n.parent != nil && !n.described && !n.own {
		w.info.Implicit = append(w.info.Implicit, Path(n.path()))
		if n.hollow {
			w.info.Hollow = append(w.info.Hollow, Path(n.path()))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(n.children)) {
		c := n.children[name]
		var err error
		switch {
		case c.kind == kindDir && c.hollow && (c.own || n.opaque):
			err = at(c.path(), w.finishHollow(n, c))
		case c.kind == kindDir:
			err = w.finishDir(c)
		case c.kind == kindWhiteout && !n.opaque:
			err = at(c.path(), w.makeWhiteout(c))
		}
		if err != nil {
			return err
		}
	}
	return at(n.path(), w.back.finish(n))
}

func (w *writer) makeWhiteout(n *node) error {
	w.info.Whiteouts = append(w.info.Whiteouts, Path(n.path()))
	return w.back.whiteout(n)
}
