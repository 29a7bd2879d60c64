package erofs

import (
	"cmp"
	"slices"
)

// dirent is a name in a directory, "." and ".." among them.
type dirent struct {
	name string
	node *Node
}

// layout is where a directory goes.
type layout struct {
	parent  *Node
	entries []dirent // sorted
	subdirs uint32
	blocks  int   // full ones
	last    int   // the first entry that is not in them
	tail    int   // bytes of the entries from last on
	plain   bool  // these bytes have a block, too, the last
	block   int64 // the first block
}

// sort takes the names out of the map.
func (d *directory) sort(self *Node) {
	d.entries = make([]dirent, 0, len(d.children)+2)
	d.entries = append(d.entries, dirent{".", self}, dirent{"..", d.parent})
	for name, child := range d.children {
		d.entries = append(d.entries, dirent{name, child})
	}
	d.children = nil
	slices.SortFunc(d.entries, func(a, b dirent) int { return cmp.Compare(a.name, b.name) })
}

// split finds out what goes into which block.
func (d *directory) split(block int) {
	for i, e := range d.entries {
		need := direntSize + len(e.name)
		if d.tail+need > block {
			d.blocks++
			d.last, d.tail = i, 0
		}
		d.tail += need
	}
	if d.tail == block {
		d.blocks++
		d.last, d.tail = len(d.entries), 0
	}
}

// size is the directory's, in bytes.
func (d *directory) size(block int) int64 {
	full := d.blocks
	if d.plain {
		full--
	}
	return int64(full)*int64(block) + int64(d.tail)
}

// encodeDirents fills b with as many entries as it can hold, and zeros. It
// gives the others.
func encodeDirents(b []byte, entries []dirent) []dirent {
	n, size := 0, 0
	for n < len(entries) && size+direntSize+len(entries[n].name) <= len(b) {
		size += direntSize + len(entries[n].name)
		n++
	}
	name := n * direntSize
	for i, e := range entries[:n] {
		d := b[i*direntSize:]
		le.PutUint64(d, uint64(e.node.at/slotSize))
		le.PutUint16(d[8:], uint16(name))
		d[10], d[11] = direntTypes[e.node.typ>>12], 0
		name += copy(b[name:], e.name)
	}
	clear(b[name:])
	return entries[n:]
}
