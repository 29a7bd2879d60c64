package sys

import "golang.org/x/sys/unix"

// A Call is a system call as data: what a [program.Program] is made of.
type Call struct {
	Name string
	Nr   uint32
}

// System calls that a Program uses.
var (
	CallCapset           = Call{"capset", unix.SYS_CAPSET}
	CallChdir            = Call{"chdir", unix.SYS_CHDIR}
	CallClone            = Call{"clone", unix.SYS_CLONE}
	CallClose            = Call{"close", unix.SYS_CLOSE}
	CallCloseRange       = Call{"close_range", unix.SYS_CLOSE_RANGE}
	CallDup3             = Call{"dup3", unix.SYS_DUP3}
	CallExecve           = Call{"execve", unix.SYS_EXECVE}
	CallExitGroup        = Call{"exit_group", unix.SYS_EXIT_GROUP}
	CallFchdir           = Call{"fchdir", unix.SYS_FCHDIR}
	CallFchmod           = Call{"fchmod", unix.SYS_FCHMOD}
	CallFchmodat         = Call{"fchmodat", unix.SYS_FCHMODAT}
	CallFchownat         = Call{"fchownat", unix.SYS_FCHOWNAT}
	CallFsconfig         = Call{"fsconfig", unix.SYS_FSCONFIG}
	CallFsmount          = Call{"fsmount", unix.SYS_FSMOUNT}
	CallFsopen           = Call{"fsopen", unix.SYS_FSOPEN}
	CallIoctl            = Call{"ioctl", unix.SYS_IOCTL}
	CallKeyctl           = Call{"keyctl", unix.SYS_KEYCTL}
	CallLandlockAddRule  = Call{"landlock_add_rule", unix.SYS_LANDLOCK_ADD_RULE}
	CallLandlockCreate   = Call{"landlock_create_ruleset", unix.SYS_LANDLOCK_CREATE_RULESET}
	CallLandlockRestrict = Call{"landlock_restrict_self", unix.SYS_LANDLOCK_RESTRICT_SELF}
	CallMkdirat          = Call{"mkdirat", unix.SYS_MKDIRAT}
	CallMknodat          = Call{"mknodat", unix.SYS_MKNODAT}
	CallMountSetattr     = Call{"mount_setattr", unix.SYS_MOUNT_SETATTR}
	CallMoveMount        = Call{"move_mount", unix.SYS_MOVE_MOUNT}
	CallNanosleep        = Call{"nanosleep", unix.SYS_NANOSLEEP}
	CallOpenTree         = Call{"open_tree", unix.SYS_OPEN_TREE}
	CallOpenat           = Call{"openat", unix.SYS_OPENAT}
	CallOpenat2          = Call{"openat2", unix.SYS_OPENAT2}
	CallPidfdOpen        = Call{"pidfd_open", unix.SYS_PIDFD_OPEN}
	CallPivotRoot        = Call{"pivot_root", unix.SYS_PIVOT_ROOT}
	CallPrctl            = Call{"prctl", unix.SYS_PRCTL}
	CallPrlimit          = Call{"prlimit64", unix.SYS_PRLIMIT64}
	CallSeccomp          = Call{"seccomp", unix.SYS_SECCOMP}
	CallSetdomainname    = Call{"setdomainname", unix.SYS_SETDOMAINNAME}
	CallSetfsgid         = Call{"setfsgid", unix.SYS_SETFSGID}
	CallSetfsuid         = Call{"setfsuid", unix.SYS_SETFSUID}
	CallSetgroups        = Call{"setgroups", unix.SYS_SETGROUPS}
	CallSethostname      = Call{"sethostname", unix.SYS_SETHOSTNAME}
	CallSetns            = Call{"setns", unix.SYS_SETNS}
	CallSetresgid        = Call{"setresgid", unix.SYS_SETRESGID}
	CallSetresuid        = Call{"setresuid", unix.SYS_SETRESUID}
	CallSetsid           = Call{"setsid", unix.SYS_SETSID}
	CallSocket           = Call{"socket", unix.SYS_SOCKET}
	CallSymlinkat        = Call{"symlinkat", unix.SYS_SYMLINKAT}
	CallUmask            = Call{"umask", unix.SYS_UMASK}
	CallUmount2          = Call{"umount2", unix.SYS_UMOUNT2}
	CallUnlinkat         = Call{"unlinkat", unix.SYS_UNLINKAT}
	CallUnshare          = Call{"unshare", unix.SYS_UNSHARE}
	CallWrite            = Call{"write", unix.SYS_WRITE}
)
