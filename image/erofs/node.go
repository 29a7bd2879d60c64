package erofs

import (
	"errors"
	"iter"
	"maps"
	"slices"
	"strings"
)

// Node is a file of an image that is being written. It has no name of its own:
// a directory gives it one with Add, and several names make hard links. What
// goes wrong in the methods of a Node, which give no errors, is returned by
// [Writer.Finish].
type Node struct {
	w     *Writer
	at    int64      // the inode's place; of directories once they are laid out
	dir   *directory // only of directories
	links uint32     // names that were found by Finish, but not for directories
	typ   uint32
}

// directory is what a directory has more than other files.
type directory struct {
	attr     Attr // without Xattrs
	xattrs   []byte
	children map[string]*Node
	layout
}

// SetAttr sets the attributes of a directory, which are 0755, root's and of
// 1970 before. Those of other files are given when they are made.
func (n *Node) SetAttr(a Attr) {
	if n.dir == nil {
		n.w.fail(errors.New("SetAttr: not a directory"))
		return
	}
	xattrs, err := encodeXattrs(a.Xattrs)
	if err = errors.Join(err, a.check()); err != nil {
		n.w.fail(err)
		return
	}
	a.Xattrs = nil
	n.dir.attr, n.dir.xattrs = a, xattrs
}

// Add gives child a name in directory n, instead of what has it now. A name is
// any bytes but NUL and '/', 255 at most, and neither "." nor "..".
// Directories can have one name only, and none below themselves.
func (n *Node) Add(name string, child *Node) {
	switch {
	case n.dir == nil:
		n.w.fail(badInput("name", name, "not added to a directory"))
	case child == nil || child.w != n.w:
		n.w.fail(badInput("name", name, "not of a file of the same image"))
	case len(name) > maxName:
		n.w.fail(tooLong("name", name, "length", maxName, len(name)))
	case name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00"):
		n.w.fail(badInput("name", name, "not a name of a file"))
	default:
		if n.dir.children == nil {
			n.dir.children = make(map[string]*Node)
		}
		n.dir.children[name] = child
	}
}

// Remove takes a name away, if it is there.
func (n *Node) Remove(name string) {
	if n.dir != nil {
		delete(n.dir.children, name)
	}
}

// Lookup gives the file of that name, nil if there is none.
func (n *Node) Lookup(name string) *Node {
	if n.dir == nil {
		return nil
	}
	return n.dir.children[name]
}

// Names gives a directory's names in the order of their bytes, as they are
// when the loop begins.
func (n *Node) Names() iter.Seq2[string, *Node] {
	return func(yield func(string, *Node) bool) {
		if n.dir == nil {
			return
		}
		for _, name := range slices.Sorted(maps.Keys(n.dir.children)) {
			if child := n.dir.children[name]; child != nil && !yield(name, child) {
				return
			}
		}
	}
}

// IsDir tells whether n is a directory.
func (n *Node) IsDir() bool { return n.dir != nil }

// errTwice is what a directory with two names leads to.
func errTwice(name string) error {
	return badInput("name", name, "directory has another name, or contains itself")
}
