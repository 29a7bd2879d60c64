package layer

import (
	"archive/tar"
	"maps"
	"slices"
	"strings"
)

// meta is what an inode has besides its type and content.
type meta struct {
	mode     uint32 // permissions, set-user-ID, set-group-ID, sticky
	uid, gid uint32 // as on the host
	inUID    uint32 // as in the layer
	inGID    uint32
	sec      int64
	nsec     int64
	xattrs   map[string]string
	stat     string // what a file stands for that cannot be made; for xattrStat
}

// implicitMeta is that of directories which no layer describes.
func implicitMeta(o *Options) meta {
	m := meta{mode: 0o755}
	if u, err := mapID(o.UIDs, "uid", 0); err == nil {
		m.uid = u
	}
	if g, err := mapID(o.GIDs, "gid", 0); err == nil {
		m.gid = g
	}
	return m
}

// Times outside of this range are moved to its ends, so that a tree is the
// same on every file system: ext4 stores no others.
const (
	minTime = -1 << 31
	maxTime = 1<<34 - 1<<31 - 1
)

// readMeta takes the metadata from a tar header; skipped are attributes that
// no layer sets.
func readMeta(h *tar.Header, o *Options, l *Limits) (m meta, skipped []string, err error) {
	m.mode = uint32(h.Mode & 0o7777)
	if m.uid, err = mapID(o.UIDs, "uid", int64(h.Uid)); err != nil {
		return m, nil, &FormatError{err}
	}
	if m.gid, err = mapID(o.GIDs, "gid", int64(h.Gid)); err != nil {
		return m, nil, &FormatError{err}
	}
	m.inUID, m.inGID = uint32(h.Uid), uint32(h.Gid)
	m.sec, m.nsec = clampTime(h.ModTime.Unix(), int64(h.ModTime.Nanosecond()))
	for _, key := range slices.Sorted(maps.Keys(h.PAXRecords)) {
		name, ok := strings.CutPrefix(key, paxXattr)
		if !ok {
			continue
		}
		if !settable(name) {
			skipped = append(skipped, "attribute "+name)
			continue
		}
		if err := within("length of an attribute's name", int64(len(name)), 255); err != nil {
			return m, nil, err
		}
		value := h.PAXRecords[key]
		if err := within("length of attribute "+name, int64(len(value)), l.Xattr); err != nil {
			return m, nil, err
		}
		if name == "security.capability" && value == "" { // the kernel takes it, and cannot read it
			return m, nil, malformed("attribute %s: no value", name)
		}
		if m.xattrs == nil {
			m.xattrs = make(map[string]string)
		}
		m.xattrs[name] = value
	}
	return m, skipped, nil
}

func clampTime(sec, nsec int64) (clampedSec, clampedNsec int64) {
	switch {
	case sec < minTime:
		return minTime, 0
	case sec > maxTime:
		return maxTime, 0
	}
	return sec, nsec
}

// paxXattr starts the keys of extended attributes.
const paxXattr = "SCHILY.xattr."

// xattrStat is our record of owners, and of devices, that a user without
// privileges cannot give to a file.
const xattrStat = "user.sandkit.stat"

// settable tells whether a layer may set an attribute. Those of overlayfs
// would steer the mount, others of trusted and security the host.
func settable(name string) bool {
	switch {
	case name == "security.capability", name == "system.posix_acl_access", name == "system.posix_acl_default":
		return true
	case strings.HasPrefix(name, "user.overlay."), strings.HasPrefix(name, "user.sandkit."):
		return false
	}
	return strings.HasPrefix(name, "user.") && len(name) > len("user.")
}

// xattrNames are the names of the attributes, in order.
func (m *meta) xattrNames() []string { return slices.Sorted(maps.Keys(m.xattrs)) }

// size is what the attributes take.
func (m *meta) size() int64 {
	n := 0
	for k, v := range m.xattrs {
		n += len(k) + len(v)
	}
	return int64(n)
}
