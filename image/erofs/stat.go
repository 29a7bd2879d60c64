package erofs

import (
	iofs "io/fs"
	"time"
)

// Stat is what [io/fs.FileInfo] has no method for.
type Stat struct {
	Ino       uint64 // names with the same number are hard links of one file
	Mode      uint32 // st_mode, with the file type
	Nlink     uint32
	UID, GID  uint32
	Rdev      uint64 // of devices, as in stat(2) on Linux
	MtimeSec  int64
	MtimeNsec uint32
	Xattrs    map[string][]byte // nil if there are none
}

// Major is the first half of a device's number.
func (s *Stat) Major() uint32 { return uint32(s.Rdev >> 8 & maxMajor) }

// Minor is the second half of a device's number.
func (s *Stat) Minor() uint32 { return uint32(s.Rdev&0xff | s.Rdev>>12&(maxMinor&^0xff)) }

// info is a file's description.
type info struct {
	name string
	mode iofs.FileMode
	size int64
	stat Stat
}

func (fs *Reader) info(n *inode, name string) (*info, error) {
	xattrs, err := fs.readXattrs(n)
	if err != nil {
		return nil, err
	}
	i := &info{name: name, mode: n.fileMode(), size: n.size, stat: Stat{
		Ino: n.nid, Mode: uint32(n.mode), Nlink: n.nlink, UID: n.uid, GID: n.gid,
		MtimeSec: n.sec, MtimeNsec: n.nsec, Xattrs: xattrs,
	}}
	if i.mode&iofs.ModeDevice != 0 {
		i.stat.Rdev = uint64(n.device)
	}
	return i, nil
}

// Name is the last part of the path.
func (i *info) Name() string { return i.name }

// Size is in bytes, for directories and symbolic links, too.
func (i *info) Size() int64 { return i.size }

// Mode has type and permissions.
func (i *info) Mode() iofs.FileMode { return i.mode }

// IsDir tells whether it is a directory.
func (i *info) IsDir() bool { return i.mode.IsDir() }

// ModTime is exact unless it is further away than Go's times reach.
func (i *info) ModTime() time.Time { return time.Unix(i.stat.MtimeSec, int64(i.stat.MtimeNsec)) }

// String is for display.
func (i *info) String() string { return iofs.FormatFileInfo(i) }

// Sys gives a *Stat, which the caller may change.
func (i *info) Sys() any {
	s := i.stat
	return &s
}

// readXattrs reads an inode's attributes.
func (fs *Reader) readXattrs(n *inode) (map[string][]byte, error) {
	if n.xsize <= xattrHeader {
		return nil, nil
	}
	b := make([]byte, n.xsize)
	if err := fs.read(b, n.xattrs); err != nil {
		return nil, err
	}
	m := make(map[string][]byte)
	shared := xattrHeader + 4*int(b[4])
	if shared > len(b) {
		return nil, malformed("inode %d has %d shared attributes", n.nid, b[4])
	}
	for rest := b[shared:]; len(rest) > 0; {
		size, err := parseXattr(m, rest)
		if err != nil {
			return nil, err
		}
		rest = rest[size:]
	}
	for i := xattrHeader; i < shared; i += 4 {
		at := fs.xattr + 4*int64(le.Uint32(b[i:]))
		e := make([]byte, xattrEntry+maxXattrName+maxXattrValue)
		e = e[:max(0, min(int64(len(e)), fs.size-at))]
		if err := fs.read(e, at); err != nil {
			return nil, err
		}
		if _, err := parseXattr(m, e); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// parseXattr adds the attribute that b begins with, and gives its size.
func parseXattr(m map[string][]byte, b []byte) (int, error) {
	if len(b) < xattrEntry {
		return 0, malformed("attribute of %d bytes", len(b))
	}
	end := xattrEntry + int(b[0])
	size := end + int(le.Uint16(b[2:]))
	if size > len(b) {
		return 0, malformed("attribute of %d bytes in %d", size, len(b))
	}
	name, ok := joinXattr(int(b[1]), string(b[xattrEntry:end]))
	if !ok {
		return 0, malformed("attribute %q of kind %d", b[xattrEntry:end], b[1])
	}
	if _, twice := m[name]; twice {
		return 0, malformed("attribute %q is there twice", name)
	}
	m[name] = append([]byte{}, b[end:size]...)
	return min(roundUp(size, 4), len(b)), nil
}
