package erofs

import "strconv"

// Attr is what a file has beside its content. The zero value belongs to root
// and gives nobody permissions.
type Attr struct {
	Mode      uint32 // permissions with set-user-id, set-group-id and sticky bit (07777); no file type
	UID, GID  uint32
	MtimeSec  int64 // seconds since 1970; negative ones are before
	MtimeNsec uint32
	// Xattrs are extended attributes by full name: user.*, trusted.*, security.*,
	// system.posix_acl_access and system.posix_acl_default, with values as the
	// kernel gives them.
	Xattrs map[string][]byte
}

func (a *Attr) check() error {
	if a.Mode&^0o7777 != 0 {
		return badInput("mode", "0"+strconv.FormatUint(uint64(a.Mode), 8), "more than permissions")
	}
	if a.MtimeNsec >= 1e9 {
		return badInput("mtime", strconv.FormatUint(uint64(a.MtimeNsec), 10), "more nanoseconds than a second has")
	}
	return nil
}

// inode begins an inode with the attributes.
func (a *Attr) inode(typ uint32) extended {
	return extended{
		mode: uint16(typ | a.Mode), uid: a.UID, gid: a.GID,
		mtime: uint64(a.MtimeSec), nsec: a.MtimeNsec, nlink: 1,
	}
}
