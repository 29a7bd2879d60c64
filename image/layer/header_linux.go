package layer

import (
	"archive/tar"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/sandkit/sandkit/internal/sys"
)

// header describes a name; it is nil for what no tar has.
func (p *differ) header(f *found, path string) (*tar.Header, error) {
	h := &tar.Header{
		Name: path, Mode: int64(f.st.Mode & 0o7777), Format: tar.FormatPAX,
		ModTime: time.Unix(clampTime(f.st.MtimeSec, f.st.MtimeNs)),
	}
	uids, gids := p.o.UIDs, p.o.GIDs
	if f.in.layer != p.upperLayer { // it was moved as it is, and whoever moved it did not map it
		uids, gids = nil, nil
	}
	var err error
	if h.Uid, err = unmapID(uids, "uid", f.st.UID); err != nil {
		return nil, err
	}
	if h.Gid, err = unmapID(gids, "gid", f.st.GID); err != nil {
		return nil, err
	}
	switch f.st.Mode & sys.S_IFMT {
	case sys.S_IFDIR:
		h.Typeflag, h.Name = tar.TypeDir, path+"/"
	case sys.S_IFREG:
		h.Typeflag, h.Size = tar.TypeReg, f.st.Size
	case sys.S_IFLNK:
		h.Typeflag = tar.TypeSymlink
		if h.Linkname, err = f.in.readlink(f.name); err != nil {
			return nil, err
		}
	case sys.S_IFCHR, sys.S_IFBLK:
		h.Typeflag = tar.TypeChar
		if f.st.Mode&sys.S_IFMT == sys.S_IFBLK {
			h.Typeflag = tar.TypeBlock
		}
		major, minor := sys.DeviceNumbers(f.st.Rdev)
		h.Devmajor, h.Devminor = int64(major), int64(minor)
	case sys.S_IFIFO:
		h.Typeflag = tar.TypeFifo
	default:
		p.info.Skipped = append(p.info.Skipped, Skipped{Path(path), "socket"})
		return nil, nil
	}
	return h, p.attributes(h, f)
}

// attributes adds extended attributes. Those of overlayfs and of the host are
// not the layer's.
func (p *differ) attributes(h *tar.Header, f *found) error {
	all, err := f.in.xattrs(f.name)
	if err != nil {
		return err
	}
	for name, value := range all {
		switch {
		case name == xattrStat && p.o.Format != OverlayUser:
			continue // only the program inside can have written it
		case name == xattrStat:
			if err := p.recorded(h, string(value)); err != nil {
				return err
			}
			continue
		case !settable(name):
			continue
		case name == "security.capability":
			value = p.capability(value)
		}
		if h.PAXRecords == nil {
			h.PAXRecords = make(map[string]string)
		}
		h.PAXRecords[paxXattr+name] = string(value)
	}
	return nil
}

// recorded takes owner and device from our record of them.
func (p *differ) recorded(h *tar.Header, stat string) error {
	var e Entry
	if err := e.recorded(stat); err != nil {
		return err
	}
	h.Uid, h.Gid = e.UID, e.GID
	switch e.Type {
	case "char":
		h.Typeflag = tar.TypeChar
	case "block":
		h.Typeflag = tar.TypeBlock
	default:
		return nil
	}
	h.Size, h.Devmajor, h.Devminor = 0, int64(e.Major), int64(e.Minor)
	return nil
}

// capability undoes the id map of file capabilities: version 3 says which root
// they are for (linux/capability.h); for an image's own root that is version 2.
func (p *differ) capability(v []byte) []byte {
	const size2, size3, version, version2, version3 = 20, 24, 0xff000000, 0x02000000, 0x03000000
	if len(v) != size3 {
		return v
	}
	magic := binary.LittleEndian.Uint32(v)
	root := binary.LittleEndian.Uint32(v[size2:])
	if magic&version != version3 {
		return v
	}
	if inside, err := unmapID(p.o.UIDs, "uid", root); err != nil || inside != 0 {
		return v
	}
	v2 := append([]byte(nil), v[:size2]...)
	binary.LittleEndian.PutUint32(v2, magic&^uint32(version)|version2)
	return v2
}

// String shows the range.
func (r IDRange) String() string { return fmt.Sprintf("%d:%d:%d", r.Inside, r.Outside, r.Count) }
