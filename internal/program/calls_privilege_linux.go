package program

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/sandkit/sandkit/internal/sys"
)

// Setresuid sets all user ids.
func (s *Sequence) Setresuid(uid uint32) Ref {
	return s.add(call(sys.CallSetresuid, integer(uid), integer(uid), integer(uid)))
}

// Setresgid sets all group ids.
func (s *Sequence) Setresgid(gid uint32) Ref {
	return s.add(call(sys.CallSetresgid, integer(gid), integer(gid), integer(gid)))
}

// Setfsuid sets the owner of files that are made from now on.
func (s *Sequence) Setfsuid(uid uint32) Ref { return s.add(call(sys.CallSetfsuid, integer(uid))) }

// Setfsgid is Setfsuid for groups.
func (s *Sequence) Setfsgid(gid uint32) Ref { return s.add(call(sys.CallSetfsgid, integer(gid))) }

// Setgroups sets the supplementary groups.
func (s *Sequence) Setgroups(gids []uint32) Ref {
	var b []byte
	var t []string
	for _, g := range gids {
		b = binary.NativeEndian.AppendUint32(b, g)
		t = append(t, fmt.Sprint(g))
	}
	list := null()
	if len(gids) > 0 {
		list = object(&Object{Bytes: b, Text: "[" + strings.Join(t, ", ") + "]"})
	}
	return s.add(call(sys.CallSetgroups, integer(len(gids)), list))
}

// Prctl makes a prctl call with two numbers.
func (s *Sequence) Prctl(option int, a, b uint64) Ref {
	return s.add(call(sys.CallPrctl, bits(option, prctlNames), integer(a), integer(b), integer(0), integer(0)))
}

// SetName sets the name that ps shows, of at most 15 bytes.
func (s *Sequence) SetName(name string) Ref {
	return s.add(call(sys.CallPrctl, bits(sys.PR_SET_NAME, prctlNames), text(name)))
}

// DropBounding drops every capability from the bounding set, also those that
// have no name yet, but for those to keep, one bit each.
func (s *Sequence) DropBounding(keep uint64) Ref {
	return s.add(call(opDropBounding, bits(int(keep), nil)))
}

// Capset sets the effective, permitted and inheritable sets, each a bit mask.
func (s *Sequence) Capset(effective, permitted, inheritable uint64) Ref {
	header := binary.NativeEndian.AppendUint32(nil, sys.LINUX_CAPABILITY_VERSION_3)
	header = binary.NativeEndian.AppendUint32(header, 0)
	var data []byte
	for _, half := range []uint{0, 32} {
		for _, set := range []uint64{effective, permitted, inheritable} {
			data = binary.NativeEndian.AppendUint32(data, uint32(set>>half))
		}
	}
	t := fmt.Sprintf("{effective=%#x, permitted=%#x, inheritable=%#x}", effective, permitted, inheritable)
	return s.add(call(sys.CallCapset,
		object(&Object{Bytes: header, Text: "V3"}), object(&Object{Bytes: data, Text: t})))
}

// Seccomp loads a filter: an array of struct sock_filter, 8 bytes each.
func (s *Sequence) Seccomp(filter []byte, flags uint64) Ref {
	n := len(filter) / 8
	prog := &Object{Bytes: make([]byte, 16), Text: fmt.Sprintf("{%d instructions}", n)}
	binary.NativeEndian.PutUint16(prog.Bytes, uint16(n))
	prog.point(8, object(&Object{Bytes: filter}))
	return s.add(call(sys.CallSeccomp, integer(sys.SECCOMP_SET_MODE_FILTER), integer(flags), object(prog)))
}

// LandlockRuleset makes an empty ruleset that handles these access rights;
// attr is struct landlock_ruleset_attr as this kernel knows it.
func (s *Sequence) LandlockRuleset(attr []byte, shown string) FD {
	return s.fd(call(sys.CallLandlockCreate, object(&Object{Bytes: attr, Text: shown}), integer(len(attr)), integer(0)))
}

// LandlockAllow adds a rule: these rights for path and all below it.
func (s *Sequence) LandlockAllow(ruleset FD, path string, access uint64) Ref {
	// struct landlock_path_beneath_attr {__u64 allowed_access; __s32 parent_fd;}
	// packed; the result of the open lands in the second field.
	beneath := &Object{Bytes: make([]byte, 16), Text: fmt.Sprintf("{%#x, %s}", access, quote(path))}
	binary.NativeEndian.PutUint64(beneath.Bytes, access)
	open := call(sys.CallOpenat, Cwd.arg(), text(path), bits(sys.O_PATH|sys.O_CLOEXEC, openFlags), octal(0))
	open.out = place{object: beneath, offset: 8}
	s.add(open)
	return s.add(call(sys.CallLandlockAddRule, ruleset.arg(), integer(sys.LANDLOCK_RULE_PATH_BENEATH), object(beneath), integer(0)))
}

// LandlockRestrict applies the ruleset to the process.
func (s *Sequence) LandlockRestrict(ruleset FD) Ref {
	return s.add(call(sys.CallLandlockRestrict, ruleset.arg(), integer(0)))
}
