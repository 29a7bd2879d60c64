package layer

import (
	"errors"
	"slices"
	"strings"
	"syscall"

	"github.com/sandkit/sandkit/image/erofs"
)

type kind uint8

const (
	kindDir kind = iota
	kindFile
	kindSymlink
	kindOther    // a device or a FIFO
	kindAbsent   // left out: it has its place, but is not on the disk
	kindPending  // a hard link whose target is not known yet
	kindWhiteout // the name is taken away from the layers below
)

// node is one name in the directory that a layer is unpacked to. All
// decisions about paths are made on nodes, and none by the kernel.
type node struct {
	parent    *node
	name      string
	kind      kind
	lower     bool     // it was there before this layer
	touched   bool     // this layer changed something in it, or below it
	holds     bool     // this layer made it, or something below it
	described bool     // this layer has an entry for it
	opaque    bool     // what layers below have in it does not count
	own       bool     // what layers below have at its place does not count either
	hollow    bool     // it is there for whiteouts only
	target    string   // of a link
	waits     []string // for what a hard link does
	children  map[string]*node
	meta      *meta // of directories, which get it last
	restore   bool  // meta has only what the directory had before
	open      *openDir
	inode     *erofs.Node // in an image, if it is no directory
}

// path is where the node is in the layer.
func (n *node) path() string {
	var parts []string
	for ; n.parent != nil; n = n.parent {
		parts = append(parts, n.name)
	}
	var b strings.Builder
	for i, p := range slices.Backward(parts) {
		b.WriteString(p)
		if i > 0 {
			b.WriteByte('/')
		}
	}
	return b.String()
}

// touch notes that the layer puts something into a directory.
func (n *node) touch() {
	for ; n != nil && !n.touched; n = n.parent {
		n.touched = true
	}
}

// hold notes that the layer has something in a place.
func (n *node) hold() {
	for ; n != nil && !n.holds; n = n.parent {
		n.holds = true
	}
}

// put gives a node its place.
func (n *node) put(c *node) *node {
	if n.children == nil {
		n.children = make(map[string]*node)
	}
	c.parent = n
	n.children[c.name] = c
	if !c.lower {
		c.hold()
		n.touch()
	}
	return c
}

// child finds a name in a directory; nil when there is none.
func (w *writer) child(n *node, name string) (*node, error) {
	if c, ok := n.children[name]; ok || !n.lower {
		return c, nil
	}
	c, err := w.back.lookup(n, name)
	if c == nil || err != nil {
		return nil, err
	}
	return n.put(c), nil
}

// Bounds of following links, as the kernel has them.
const (
	maxHops  = 40
	maxSteps = 8192
)

// errNoDir is returned when a path has no directory, and none is to be made.
var errNoDir = errors.New("no such directory")

// directory finds the directory at a path. Links are followed as they would be
// with the layer's root as "/". What is missing is made, if create is set.
func (w *writer) directory(parts []string, create bool) (*node, error) {
	cur, hops := w.root, 0
	todo := parts
	for steps := 0; len(todo) > 0; steps++ {
		if steps == maxSteps {
			return nil, malformed("path with too many steps: %w", syscall.ELOOP)
		}
		name := todo[0]
		todo = todo[1:]
		if name == "" || name == "." {
			continue
		}
		if name == ".." {
			if cur.parent != nil {
				cur = cur.parent
			}
			continue
		}
		next, err := w.child(cur, name)
		if err != nil {
			return nil, err
		}
		switch {
		case next == nil || next.kind == kindWhiteout:
			if !create {
				return nil, errNoDir
			}
			if next, err = w.implicit(cur, name); err != nil {
				return nil, err
			}
			cur = next
		case next.kind == kindDir:
			cur = next
		case next.kind == kindSymlink:
			if hops++; hops > maxHops {
				return nil, malformed("too many symbolic links: %w", syscall.ELOOP)
			}
			if strings.HasPrefix(next.target, "/") {
				cur = w.root
			}
			todo = append(strings.Split(next.target, "/"), todo...)
		default:
			return nil, malformed("%q is no directory: %w", next.path(), syscall.ENOTDIR)
		}
	}
	return cur, nil
}

// find finds what is at a path; a link at its end is not followed. It is nil
// when there is nothing.
func (w *writer) find(parts []string) (*node, error) {
	if len(parts) == 0 {
		return w.root, nil
	}
	dir, err := w.directory(parts[:len(parts)-1], false)
	if errors.Is(err, errNoDir) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return w.child(dir, parts[len(parts)-1])
}
