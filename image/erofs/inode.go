package erofs

import (
	"errors"
	iofs "io/fs"
)

// inode is one that was read and checked: what it says about sizes and places
// is inside of the image.
type inode struct {
	nid    uint64
	mode   uint16
	size   int64
	begin  int64 // of the content in the image, but for what is inlined
	inline int64 // bytes at the end of the content
	where  int64 // of these in the image
	device uint32
	uid    uint32
	gid    uint32
	sec    int64
	nsec   uint32
	nlink  uint32
	xattrs int64 // where they are
	xsize  int64
}

func (n *inode) isDir() bool     { return n.mode&typeMask == typeDir }
func (n *inode) isRegular() bool { return n.mode&typeMask == typeRegular }
func (n *inode) isLink() bool    { return n.mode&typeMask == typeSymlink }

// inode reads one.
func (fs *Reader) inode(nid uint64) (*inode, error) {
	if fs.meta >= fs.size || nid > uint64(fs.size-fs.meta)/slotSize {
		return nil, malformed("inode %d is not in it", nid)
	}
	at := fs.meta + int64(nid)*slotSize
	var buf [extendedSize]byte
	b := buf[:min(extendedSize, fs.size-at)]
	if len(b) < compactSize {
		return nil, malformed("inode %d is not in it", nid)
	}
	if err := fs.read(b, at); err != nil {
		return nil, err
	}
	n := &inode{nid: nid, mode: le.Uint16(b[4:]), device: le.Uint32(b[16:])}
	format := le.Uint16(b)
	size := int64(compactSize)
	if format&1 == 0 {
		n.compact(b)
		n.sec, n.nsec = fs.built, fs.builtNsec
	} else {
		if len(b) < extendedSize {
			return nil, malformed("inode %d is not in it", nid)
		}
		n.extended(b)
		size = extendedSize
	}
	if count := int64(le.Uint16(b[2:])); count > 0 {
		n.xattrs, n.xsize = at+size, xattrHeader+4*(count-1)
	}
	if err := n.check(fs, int(format>>1), at+size+n.xsize); err != nil {
		return nil, err
	}
	return n, nil
}

func (n *inode) compact(b []byte) {
	n.nlink = uint32(le.Uint16(b[6:]))
	n.size = int64(le.Uint32(b[8:]))
	n.uid, n.gid = uint32(le.Uint16(b[24:])), uint32(le.Uint16(b[26:]))
}

func (n *inode) extended(b []byte) {
	n.size = int64(le.Uint64(b[8:]))
	n.uid, n.gid = le.Uint32(b[24:]), le.Uint32(b[28:])
	n.sec, n.nsec = int64(le.Uint64(b[32:])), le.Uint32(b[40:])
	n.nlink = le.Uint32(b[nlinkOffset:])
}

// check finds the content; after is where the inode and its attributes end.
func (n *inode) check(fs *Reader, layout int, after int64) error {
	switch {
	case direntTypes[n.mode>>12] == 0:
		return malformed("inode %d has mode %#o", n.nid, n.mode)
	case after > fs.size:
		return malformed("attributes of inode %d are not in it", n.nid)
	case n.nsec >= 1e9:
		return malformed("inode %d has %d nanoseconds", n.nid, n.nsec)
	case n.size < 0 || n.size > fs.size:
		return malformed("inode %d has %d bytes", n.nid, n.size)
	}
	if !n.isRegular() && !n.isDir() && !n.isLink() {
		return nil
	}
	switch layout {
	case layoutPlain:
	case layoutInline:
		n.inline, n.where = n.size%fs.block, after
	default:
		return malformed("inode %d has layout %d: %w", n.nid, layout, errors.ErrUnsupported)
	}
	if n.inline > fs.size-n.where {
		return malformed("content of inode %d is not in it", n.nid)
	}
	if full := n.size - n.inline; full > 0 {
		n.begin = int64(n.device) * fs.block
		if n.begin > fs.size || full > fs.size-n.begin {
			return malformed("content of inode %d is not in it", n.nid)
		}
	}
	n.device = 0
	return nil
}

// fileMode is the mode in Go's terms.
func (n *inode) fileMode() iofs.FileMode {
	m := iofs.FileMode(n.mode & 0o777)
	if n.mode&0o4000 != 0 {
		m |= iofs.ModeSetuid
	}
	if n.mode&0o2000 != 0 {
		m |= iofs.ModeSetgid
	}
	if n.mode&0o1000 != 0 {
		m |= iofs.ModeSticky
	}
	return m | modeType(direntTypes[n.mode>>12])
}

// modeType is a type in directories in Go's terms.
func modeType(typ uint8) iofs.FileMode {
	types := [...]iofs.FileMode{
		1: 0, 2: iofs.ModeDir, 3: iofs.ModeDevice | iofs.ModeCharDevice, 4: iofs.ModeDevice,
		5: iofs.ModeNamedPipe, 6: iofs.ModeSocket, 7: iofs.ModeSymlink,
	}
	if int(typ) >= len(types) || typ == 0 {
		return iofs.ModeIrregular
	}
	return types[typ]
}

// readContent reads bytes of the content of which it has enough.
func (fs *Reader) readContent(n *inode, b []byte, off int64) error {
	full := n.size - n.inline
	if off < full {
		k := min(int64(len(b)), full-off)
		if err := fs.read(b[:k], n.begin+off); err != nil {
			return err
		}
		b, off = b[k:], off+k
	}
	if len(b) == 0 {
		return nil
	}
	return fs.read(b, n.where+off-full)
}

// target reads a symbolic link.
func (fs *Reader) target(n *inode) (string, error) {
	if !n.isLink() {
		return "", errors.New("not a symbolic link")
	}
	if n.size == 0 || n.size > maxLink {
		return "", malformed("symbolic link of %d bytes", n.size)
	}
	b := make([]byte, n.size)
	if err := fs.readContent(n, b, 0); err != nil {
		return "", err
	}
	return string(b), nil
}
