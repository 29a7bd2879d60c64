package erofs

import (
	"errors"
	"math/bits"
)

// Finish writes the directories from root on, corrects the numbers of links of
// files that have several names, and writes the superblock, last of all. It is
// the last call on a Writer, but for Size. It does not sync the file.
func (w *Writer) Finish(root *Node) error {
	if w.err != nil {
		return w.err
	}
	if root == nil || root.w != w || root.dir == nil {
		return errors.New("finish image: root is no directory of it")
	}
	err := w.finish(root)
	w.fail(err)
	w.fail(ErrFinished)
	return err
}

func (w *Writer) finish(root *Node) error {
	dirs, linked, err := collect(root)
	if err != nil {
		return err
	}
	for _, n := range linked {
		if err := w.inodes.patch(n.at+nlinkOffset, le.AppendUint32(nil, n.links)); err != nil {
			return err
		}
	}
	if err := w.inodes.finish(); err != nil {
		return err
	}
	header := make([]byte, max(headerSize, w.stream.block))
	sb := super{
		inodes: uint64(w.count) + uint64(len(dirs)), uuid: w.options.UUID,
		compat: compatChecksum | compatMtime,
	}
	copy(sb.volume[:], w.options.VolumeName)
	if err := w.shareRoot(root.dir, &sb, len(header)); err != nil {
		return err
	}
	if err := w.place(dirs, len(header)); err != nil {
		return err
	}
	if err := w.writeDirs(dirs, header); err != nil {
		return err
	}
	return w.writeSuper(&sb, header)
}

// collect lists the directories, each after its parent, and the files with
// more than one name.
func collect(root *Node) (dirs, linked []*Node, err error) {
	root.dir.parent = root
	dirs = []*Node{root}
	for i := 0; i < len(dirs); i++ {
		n := dirs[i]
		n.dir.sort(n)
		for _, e := range n.dir.entries {
			switch c := e.node; {
			case e.name == "." || e.name == "..":
			case c.dir == nil:
				if c.links++; c.links == 2 {
					linked = append(linked, c)
				}
			case c.dir.parent != nil:
				return nil, nil, errTwice(e.name)
			default:
				c.dir.parent = n
				n.dir.subdirs++
				dirs = append(dirs, c)
			}
		}
	}
	return dirs, linked, nil
}

// shareRoot moves attributes of the root that have no room in the header to
// the area for shared ones.
func (w *Writer) shareRoot(root *directory, sb *super, header int) error {
	if rootOffset+extendedSize+len(root.xattrs) <= header {
		return nil
	}
	refs, shared, err := shareXattrs(root.xattrs)
	if err != nil {
		return err
	}
	root.xattrs = refs
	sb.xattrBlock = uint32(w.stream.end() / int64(w.stream.block))
	if err := w.stream.write(shared); err != nil {
		return err
	}
	return w.stream.align()
}

// place gives each directory its place: the blocks of all first, then the
// inodes. The root's inode is in the header, since the superblock has only 16
// bits for its number.
func (w *Writer) place(dirs []*Node, header int) error {
	block := w.stream.block
	at := w.stream.end()
	for i, n := range dirs {
		d := n.dir
		d.split(block)
		inline := d.inline(block)
		if i == 0 {
			inline = d.tail > 0 && rootOffset+d.inodeSize() <= header &&
				(rootOffset+extendedSize+len(d.xattrs))%block+d.tail <= block
		}
		if d.tail > 0 && !inline {
			d.blocks++
			d.plain = true
		}
		d.block = at / int64(block)
		at += int64(d.blocks) * int64(block)
	}
	dirs[0].at = rootOffset
	for _, n := range dirs[1:] {
		size := n.dir.inodeSize()
		if room := int64(block) - at%int64(block); int64(size) > room {
			at += room
		}
		n.at = at
		at += int64(roundUp(size, slotSize))
	}
	return w.stream.checkLimit(roundUp(at, int64(block)) - w.stream.end())
}

// inodeSize is that of inode, attributes and what is inlined.
func (d *directory) inodeSize() int {
	size := extendedSize + len(d.xattrs)
	if !d.plain {
		size += d.tail
	}
	return size
}

func (d *directory) inline(block int) bool {
	return d.tail > 0 && extendedSize+len(d.xattrs)+d.tail <= block
}

// writeDirs writes the directories as place has laid them out.
func (w *Writer) writeDirs(dirs []*Node, header []byte) error {
	b := make([]byte, w.stream.block)
	for _, n := range dirs {
		rest := n.dir.entries
		for range n.dir.blocks {
			rest = encodeDirents(b, rest)
			if err := w.stream.write(b); err != nil {
				return err
			}
		}
	}
	for i, n := range dirs {
		w.count++
		b = n.dir.encode(b[:0], w.count, w.stream.block)
		if i == 0 {
			copy(header[rootOffset:], b)
			continue
		}
		if err := w.stream.zero(n.at - w.stream.end()); err != nil {
			return err
		}
		if err := w.stream.write(b); err != nil {
			return err
		}
	}
	return w.stream.align()
}

// encode appends inode, attributes and what is inlined.
func (d *directory) encode(b []byte, ino uint32, block int) []byte {
	e := d.attr.inode(typeDir)
	e.ino, e.xattrSize = ino, len(d.xattrs)
	e.nlink = 2 + d.subdirs
	e.size = uint64(d.size(block))
	if d.blocks > 0 {
		e.where = uint32(d.block)
	}
	if d.tail > 0 && !d.plain {
		e.layout = layoutInline
	}
	b = append(b, make([]byte, extendedSize)...)
	e.put(b)
	b = append(b, d.xattrs...)
	if e.layout == layoutInline {
		n := len(b)
		b = append(b, make([]byte, d.tail)...)
		encodeDirents(b[n:], d.entries[d.last:])
	}
	return b
}

func (w *Writer) writeSuper(sb *super, header []byte) error {
	if err := w.stream.finish(); err != nil {
		return err
	}
	sb.blockBits = uint8(bits.TrailingZeros(uint(w.stream.block)))
	sb.rootNID = rootOffset / slotSize
	sb.blocks = uint32(w.stream.end() / int64(w.stream.block))
	b := header[superOffset:]
	sb.put(b)
	sb.checksum = checksum(b[:checksumSize(w.stream.block)])
	sb.put(b)
	return w.stream.put(0, header)
}
