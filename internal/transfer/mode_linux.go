package transfer

import (
	"errors"
	iofs "io/fs"

	"github.com/sandkit/sandkit/internal/sys"
)

// setBits are the bits that io/fs and the kernel have in different places.
var setBits = map[iofs.FileMode]uint32{iofs.ModeSetuid: 0o4000, iofs.ModeSetgid: 0o2000, iofs.ModeSticky: 0o1000}

// modeBits gives the twelve bits.
func modeBits(m iofs.FileMode) uint32 {
	bits := uint32(m.Perm())
	for flag, bit := range setBits {
		if m&flag != 0 {
			bits |= bit
		}
	}
	return bits
}

// fileMode reads st_mode.
func fileMode(st uint32) iofs.FileMode {
	m := iofs.FileMode(st & 0o777)
	for flag, bit := range setBits {
		if st&bit != 0 {
			m |= flag
		}
	}
	switch st & sys.S_IFMT {
	case sys.S_IFDIR:
		m |= iofs.ModeDir
	case sys.S_IFLNK:
		m |= iofs.ModeSymlink
	case sys.S_IFIFO:
		m |= iofs.ModeNamedPipe
	case sys.S_IFSOCK:
		m |= iofs.ModeSocket
	case sys.S_IFBLK:
		m |= iofs.ModeDevice
	case sys.S_IFCHR:
		m |= iofs.ModeDevice | iofs.ModeCharDevice
	}
	return m
}

// named says what path an error is about, unless it does so itself.
func named(path string, err error) error {
	if err == nil {
		return nil
	}
	if c, ok := errors.AsType[*ConflictError](err); ok {
		c.Path = path
		return err
	}
	if e, ok := errors.AsType[*iofs.PathError](err); ok && e.Path == path {
		return err
	}
	return &iofs.PathError{Op: "copy", Path: path, Err: err}
}
