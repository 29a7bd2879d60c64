package layer

import (
	"encoding/binary"
	"syscall"
)

// Tags of the entries in an access control list (linux/posix_acl.h).
const (
	aclUserObj  = 0x01
	aclUser     = 0x02
	aclGroupObj = 0x04
	aclGroup    = 0x08
	aclMask     = 0x10
	aclOther    = 0x20
)

// The form that system.posix_acl_* have for programs: a version and entries of
// tag, permissions and id.
const (
	aclHeader  = 4
	aclEntry   = 8
	aclVersion = 2
	aclNobody  = 1<<32 - 1
)

// checkACL tells whether the kernel would take a list: EOPNOTSUPP for versions
// it does not know, EINVAL for what is wrong. Base lists say no more than a
// mode does.
func checkACL(v []byte) (base bool, err error) {
	if len(v) < aclHeader {
		return false, syscall.EINVAL
	}
	if binary.LittleEndian.Uint32(v) != aclVersion {
		return false, syscall.EOPNOTSUPP
	}
	if (len(v)-aclHeader)%aclEntry != 0 {
		return false, syscall.EINVAL
	}
	// What the entry before allows to come next.
	next, base := uint16(aclUserObj), true
	for e := v[aclHeader:]; len(e) > 0; e = e[aclEntry:] {
		tag, perm, id := binary.LittleEndian.Uint16(e), binary.LittleEndian.Uint16(e[2:]), binary.LittleEndian.Uint32(e[4:])
		named := tag == aclUser || tag == aclGroup
		if next&tag == 0 || tag&(tag-1) != 0 || perm&^7 != 0 || named && id == aclNobody {
			return false, syscall.EINVAL
		}
		base = base && !named && tag != aclMask
		switch tag {
		case aclUserObj:
			next = aclUser | aclGroupObj
		case aclGroupObj:
			next = aclGroup | aclMask
			if base {
				next |= aclOther
			}
		case aclGroup:
			next = aclGroup | aclMask
		case aclMask:
			next = aclOther
		case aclOther:
			next = 0
		}
	}
	if next != 0 && len(v) > aclHeader {
		return false, syscall.EINVAL
	}
	return base, nil
}

// aclWithMode gives an access list the permissions of a mode, as chmod does.
// There is nothing left of one that says no more than that.
func aclWithMode(v []byte, mode uint32) ([]byte, error) {
	base, err := checkACL(v)
	if base || err != nil {
		return nil, err
	}
	v = withoutIDs(v)
	for e := v[aclHeader:]; len(e) > 0; e = e[aclEntry:] {
		perm := uint16(mode & 7)
		switch binary.LittleEndian.Uint16(e) {
		case aclUserObj:
			perm = uint16(mode >> 6 & 7)
		case aclMask: // the group's own entry stays, it is bounded by this one
			perm = uint16(mode >> 3 & 7)
		case aclOther:
		default:
			continue
		}
		binary.LittleEndian.PutUint16(e[2:], perm)
	}
	return v, nil
}

// withoutIDs takes away the ids of entries that name nobody.
func withoutIDs(v []byte) []byte {
	v = append([]byte(nil), v...)
	for e := v[aclHeader:]; len(e) > 0; e = e[aclEntry:] {
		if tag := binary.LittleEndian.Uint16(e); tag != aclUser && tag != aclGroup {
			binary.LittleEndian.PutUint32(e[4:], aclNobody)
		}
	}
	return v
}
