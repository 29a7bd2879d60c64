package transfer

import (
	"fmt"
	iofs "io/fs"
)

// nobody is what the kernel shows of owners that are not mapped
// (/proc/sys/kernel/overflowuid).
const nobody = 65534

// IDs says which user and group inside belongs to which one outside. The zero
// value means that they are the same.
type IDs struct {
	Outside IDMap // from those inside to those outside: for writing
	Inside  IDMap // from those outside to those inside: for reading
}

// IDMap gives what a user or group is on the other side, and false for one
// that does not exist there. A nil function changes nothing.
type IDMap struct {
	UID, GID func(id uint32) (uint32, bool)
}

// strict fails for an owner that does not exist on the other side.
func (m IDMap) strict(uid, gid uint32) (u, g uint32, err error) {
	u, ok := apply(m.UID, uid)
	if !ok {
		return 0, 0, fmt.Errorf("user %d: %w", uid, ErrOwner)
	}
	if g, ok = apply(m.GID, gid); !ok {
		return 0, 0, fmt.Errorf("group %d: %w", gid, ErrOwner)
	}
	return u, g, nil
}

// shown gives nobody for an owner that does not exist on the other side.
func (m IDMap) shown(uid, gid uint32) (u, g uint32) {
	u, ok := apply(m.UID, uid)
	if !ok {
		u = nobody
	}
	if g, ok = apply(m.GID, gid); !ok {
		g = nobody
	}
	return u, g
}

func apply(f func(uint32) (uint32, bool), id uint32) (uint32, bool) {
	if f == nil {
		return id, true
	}
	return f(id)
}

// CopyOptions say how [CopyIn] copies. The zero value copies the content of
// the whole source, and gives it to user and group 0.
type CopyOptions struct {
	// IDs are the root's.
	IDs IDs
	// Source is what is copied: a path as io/fs has them, with "/" behind it if
	// it must be a directory, or "/." for what is in the directory. Empty is
	// ".", the content of all.
	Source string
	// FollowLinks copies what Source points to, if it is a symbolic link. Those
	// below are always copied as links.
	FollowLinks bool
	// Owner says to whom, inside, a copy belongs; nil is user and group 0. See
	// SourceOwner.
	Owner func(iofs.FileInfo) (uid, gid uint32)
}

// OutOptions say how [CopyOut] and [CopyOutTo] copy. The zero value copies
// symbolic links as such, and CopyOutTo gives what it makes to the program's
// own user.
type OutOptions struct {
	// IDs are the root's.
	IDs IDs
	// FollowLinks copies what the path points to, if it is a symbolic link, under
	// the link's name. Those below are always copied as links.
	FollowLinks bool
	// Skipped is told what is left out, and what it is: "a socket". Nil is fine.
	Skipped func(path, what string)

	// These are CopyOutTo's:

	// KeepOwner gives copies the owners' numbers as they are inside.
	KeepOwner bool
	// KeepSetID keeps set-user-ID and set-group-ID, which are a danger to the
	// host: what has them was written by the programs inside.
	KeepSetID bool
	// Devices makes device nodes, if this process is root; they are skipped
	// otherwise. They are a danger as well.
	Devices bool
}

func (o *OutOptions) skip(path, what string) {
	if o.Skipped != nil {
		o.Skipped(path, what)
	}
}
