package seccomp

import "fmt"

// action is what the kernel does with a call: a SECCOMP_RET_* value of
// linux/seccomp.h, with its data (an errno, a tracer's message) in the low 16
// bits.
type action uint32

const (
	actKillProcess action = 0x80000000 // Linux 4.14
	actKillThread  action = 0x00000000
	actTrap        action = 0x00030000
	actErrno       action = 0x00050000
	actTrace       action = 0x7ff00000
	actLog         action = 0x7ffc0000 // Linux 4.14
	actAllow       action = 0x7fff0000

	actionMask action = 0xffff0000
	dataMask   action = 0x0000ffff
)

// Linux errno values, here because package syscall has those of the system
// that the program is built for. They are the same on amd64 and arm64.
const (
	errnoPERM           action = 1
	errnoNOLCK          action = 37
	errnoNOSYS          action = 38
	errnoPROTONOSUPPORT action = 93
	errnoAFNOSUPPORT    action = 97
)

const (
	// maxErrno is the kernel's MAX_ERRNO: larger errno data is cut to it.
	maxErrno = 4095
	// maxTraceData is what fits into a tracer's message.
	maxTraceData = 0xffff
)

// stricter says whether a goes before b in the kernel's order of precedence,
// which is the signed order of the action bits.
func (a action) stricter(b action) bool {
	return int32(a&actionMask) < int32(b&actionMask)
}

// permits says whether a call that gets this action may be executed.
func (a action) permits() bool {
	switch a & actionMask {
	case actAllow, actLog, actTrace:
		return true
	}
	return false
}

// String returns the action as the libseccomp name without its prefix, with
// the errno or message in parentheses.
func (a action) String() string {
	switch a & actionMask {
	case actKillProcess:
		return "KILL_PROCESS"
	case actKillThread:
		return "KILL_THREAD"
	case actTrap:
		return "TRAP"
	case actErrno:
		return "ERRNO(" + errnoName(a&dataMask) + ")"
	case actTrace:
		return fmt.Sprintf("TRACE(%d)", a&dataMask)
	case actLog:
		return "LOG"
	case actAllow:
		return "ALLOW"
	}
	return fmt.Sprintf("ACTION(%#x)", uint32(a))
}

func errnoName(data action) string {
	switch data {
	case errnoPERM:
		return "EPERM"
	case errnoNOLCK:
		return "ENOLCK"
	case errnoNOSYS:
		return "ENOSYS"
	case errnoPROTONOSUPPORT:
		return "EPROTONOSUPPORT"
	case errnoAFNOSUPPORT:
		return "EAFNOSUPPORT"
	}
	return fmt.Sprint(uint32(data))
}
