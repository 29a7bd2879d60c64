package layer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/sandkit/sandkit/image"
)

// Bounds that EROFS has for the attributes of one file: a value, all of them,
// and all names (listxattr(2)).
const (
	maxImageXattr      = 1<<16 - 1
	maxImageXattrs     = 4 * (1<<16 - 2)
	maxImageXattrNames = 1 << 16
)

// kernelXattr does to an attribute of a file what the kernel would do if it
// were set there. The value is nil when nothing would come of it.
func kernelXattr(n *node, mode uint32, name string, value []byte) ([]byte, error) {
	switch {
	case strings.HasPrefix(name, "user."):
		if n.kind == kindSymlink || n.kind == kindOther {
			return nil, syscall.EPERM
		}
		return value, nil
	case name == "security.capability":
		return kernelCapability(value)
	case name == "system.posix_acl_access", name == "system.posix_acl_default":
		return kernelACL(n, mode, name, value)
	}
	return value, nil
}

func kernelACL(n *node, mode uint32, name string, value []byte) ([]byte, error) {
	if n.kind == kindSymlink {
		return nil, syscall.EOPNOTSUPP
	}
	if len(value) == 0 {
		return nil, nil
	}
	if name == "system.posix_acl_access" {
		return aclWithMode(value, mode)
	}
	_, err := checkACL(value)
	switch {
	case err != nil || len(value) == aclHeader:
		return nil, err
	case n.kind != kindDir:
		return nil, syscall.EACCES
	}
	return withoutIDs(value), nil
}

// kernelCapability checks a file's capabilities (linux/capability.h). Those of
// version 3 are for one user namespace; for the first it is version 2.
func kernelCapability(v []byte) ([]byte, error) {
	const size2, size3, effective, version2, version3 = 20, 24, 1, 0x02000000, 0x03000000
	if len(v) != size2 && len(v) != size3 {
		return nil, syscall.EINVAL
	}
	magic := binary.LittleEndian.Uint32(v)
	version := magic &^ effective
	switch {
	case len(v) == size2 && version == version2:
		return v, nil
	case len(v) == size2 || version != version3:
		return nil, syscall.EINVAL
	}
	switch binary.LittleEndian.Uint32(v[size2:]) {
	case 1<<32 - 1:
		return nil, syscall.EINVAL
	case 0:
		v2 := append([]byte(nil), v[:size2]...)
		binary.LittleEndian.PutUint32(v2, magic&effective|version2)
		return v2, nil
	}
	return v, nil
}

// asSet does to the attributes of a file what setting them would do.
func (b *imageBackend) asSet(n *node, m *meta) error {
	for _, name := range m.xattrNames() {
		value, err := kernelXattr(n, m.mode, name, []byte(m.xattrs[name]))
		switch {
		case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EOPNOTSUPP):
			b.info.skip(n.path(), "attribute "+name)
			delete(m.xattrs, name)
		case errors.Is(err, syscall.EINVAL):
			return malformed("attribute %s: %w", name, err)
		case err != nil:
			return os.NewSyscallError("set attribute "+name, err)
		case value == nil:
			delete(m.xattrs, name)
		default:
			m.xattrs[name] = string(value)
		}
	}
	return nil
}

// imageXattrs gives the attributes that a file has in the image.
func imageXattrs(n *node, m *meta) (map[string][]byte, error) {
	if len(m.xattrs) == 0 && m.stat == "" && !n.opaque {
		return nil, nil
	}
	all := make(map[string][]byte, len(m.xattrs)+1)
	for name, value := range m.xattrs {
		all[name] = []byte(value)
	}
	if m.stat != "" {
		all[xattrStat] = []byte(m.stat)
	}
	if n.opaque {
		all[OverlayTrusted.xattrPrefix()+"opaque"] = []byte("y")
	}
	return all, imageHolds(all)
}

// imageHolds tells whether an image has room for the attributes of a file.
func imageHolds(xattrs map[string][]byte) error {
	var size, names int64
	for name, value := range xattrs {
		if err := within("length of attribute "+name+" in an image", int64(len(value)), maxImageXattr); err != nil {
			return fmt.Errorf("%w: %w", ErrNeedsDirectory, err)
		}
		size += int64(len(name)+len(value)) + 8 // its header, and three bytes to fill up
		names += int64(len(name)) + 1
	}
	if size > maxImageXattrs || names > maxImageXattrNames {
		return fmt.Errorf("%w: %w", ErrNeedsDirectory, &image.LimitError{What: "size of a file's attributes in an image", Limit: maxImageXattrs, Got: size})
	}
	return nil
}
