// Package capability knows the names and numbers of Linux capabilities
// (include/uapi/linux/capability.h).
package capability

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Set is a bit mask of capabilities.
type Set uint64

// ErrUnknown is matched when a name is no capability.
var ErrUnknown = errors.New("unknown capability")

// names are in the order of the kernel's numbers.
var names = []string{
	"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
	"LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
	"SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
	"SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
	"MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
	"CHECKPOINT_RESTORE",
}

// Last is the highest number that has a name (CAP_CHECKPOINT_RESTORE, Linux 5.9).
var Last = len(names) - 1

// The capabilities that the project itself reasons about.
var (
	Kill      = mustSet("KILL")
	SetGID    = mustSet("SETGID")
	SetUID    = mustSet("SETUID")
	SetPCap   = mustSet("SETPCAP")
	Mknod     = mustSet("MKNOD")
	SysAdmin  = mustSet("SYS_ADMIN")
	SysChroot = mustSet("SYS_CHROOT")
	SysPtrace = mustSet("SYS_PTRACE")
)

func mustSet(name string) Set {
	s, err := Parse([]string{name})
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return s
}

// Parse reads names, with or without "CAP_", in any case; "ALL" is all.
func Parse(list []string) (Set, error) {
	var s Set
	for _, name := range list {
		short := strings.TrimPrefix(strings.ToUpper(name), "CAP_")
		if short == "ALL" {
			s |= All()
			continue
		}
		n := slices.Index(names, short)
		if n < 0 {
			return 0, fmt.Errorf("%w %q, want a name from capabilities(7) such as NET_BIND_SERVICE", ErrUnknown, name)
		}
		s |= 1 << n
	}
	return s, nil
}

// All is every capability that has a name.
func All() Set { return 1<<len(names) - 1 }

// Has tells whether all of other are in s.
func (s Set) Has(other Set) bool { return s&other == other }

// Names lists the set, each with "CAP_", by number.
func (s Set) Names() []string {
	var list []string
	for n, name := range names {
		if s>>n&1 != 0 {
			list = append(list, "CAP_"+name)
		}
	}
	return list
}

// String joins the names, or says "none".
func (s Set) String() string {
	if s == 0 {
		return "none"
	}
	return strings.Join(s.Names(), ",")
}
