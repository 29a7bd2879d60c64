package seccomp

import (
	"reflect"
	"slices"
)

// Profile says which system calls a sandbox may make. It is an immutable
// value; the zero value is [Default]. A Profile is written to JSON as its
// name ("default", "strict", "unconfined"), as the document it was parsed
// from, or, with changes by [Profile.Allow] and [Profile.Deny], as an object
// {"base": ..., "allow": [...], "deny": [...]}.
type Profile struct {
	base  base
	doc   *document // baseCustom only
	edits *edits    // nil: none
}

// base is what a profile starts from.
type base uint8

const (
	baseDefault base = iota
	baseStrict
	baseUnconfined
	baseCustom
)

// String returns the name that JSON has for it.
func (b base) String() string {
	switch b {
	case baseDefault:
		return "default"
	case baseStrict:
		return "strict"
	case baseUnconfined:
		return "unconfined"
	case baseCustom:
		return "custom"
	}
	return "unknown"
}

// Default returns the profile for programs as they are found in images and on
// hosts. It allows no call that Docker's default profile refuses, and it
// refuses in addition: foreign architectures, ptrace and process_vm_* without
// CAP_SYS_PTRACE, device nodes without CAP_MKNOD, line disciplines, the
// terminal ioctls TIOCSTI and TIOCLINUX, socket families other than Unix,
// IPv4, IPv6, netlink and (with CAP_NET_RAW) packet, netlink protocols that
// only an administrator uses, and 16-bit code segments. Capabilities in the
// Target open the calls that they open with Docker.
func Default() Profile { return Profile{} }

// Strict returns Default without file locks, leases and file watches, page
// cache inspection, looking into other processes, and rarely used kernel code
// such as libaio's calls. Programs that lock files (sqlite, apt) fail under it
// with ENOLCK.
func Strict() Profile { return Profile{base: baseStrict} }

// Unconfined returns the profile that loads no filter at all.
func Unconfined() Profile { return Profile{base: baseUnconfined} }

// Equal says whether p and q are the same profile. Profiles that are written
// differently are not equal even if they judge every call alike.
func (p Profile) Equal(q Profile) bool { return reflect.DeepEqual(p, q) }

// filtered says whether the profile needs a filter.
func (p Profile) filtered() bool {
	return p.base != baseUnconfined || p.edits != nil && len(p.edits.deny) > 0
}

// defaultAction is taken when no rule matches.
func (p Profile) defaultAction() action {
	switch p.base {
	case baseUnconfined:
		return actAllow
	case baseCustom:
		return p.doc.action
	default:
		return actErrno | errnoPERM
	}
}

// rules returns the rules of the profile without its edits.
func (p Profile) rules() []rule {
	switch p.base {
	case baseStrict:
		return slices.Concat(allowRules, capRules, argumentRules, denyRules, strictRules)
	case baseUnconfined:
		return nil
	case baseCustom:
		return p.doc.rules
	default:
		return slices.Concat(allowRules, capRules, argumentRules, denyRules)
	}
}

// flags are the flags that the filter is loaded with.
func (p Profile) flags() Flags {
	switch p.base {
	case baseStrict:
		return 0
	case baseCustom:
		return p.doc.flags
	default:
		return FlagSpecAllow
	}
}
