package program

import (
	"strconv"
	"strings"

	"github.com/sandkit/sandkit/internal/sys"
)

// A flag is a bit, or several, with the kernel's name for it.
type flag struct {
	bits uint64
	name string
}

var (
	cloneFlags = []flag{
		{sys.CLONE_NEWUSER, "CLONE_NEWUSER"},
		{sys.CLONE_NEWNS, "CLONE_NEWNS"},
		{sys.CLONE_NEWPID, "CLONE_NEWPID"},
		{sys.CLONE_NEWNET, "CLONE_NEWNET"},
		{sys.CLONE_NEWIPC, "CLONE_NEWIPC"},
		{sys.CLONE_NEWUTS, "CLONE_NEWUTS"},
		{sys.CLONE_NEWCGROUP, "CLONE_NEWCGROUP"},
		{sys.CLONE_NEWTIME, "CLONE_NEWTIME"},
		{sys.CLONE_PARENT, "CLONE_PARENT"},
		{17, "SIGCHLD"},
	}
	openFlags = []flag{
		{sys.O_PATH, "O_PATH"},
		{sys.O_RDWR, "O_RDWR"},
		{sys.O_WRONLY, "O_WRONLY"},
		{sys.O_CREAT, "O_CREAT"},
		{sys.O_EXCL, "O_EXCL"},
		{sys.O_TRUNC, "O_TRUNC"},
		{sys.O_DIRECTORY, "O_DIRECTORY"},
		{sys.O_NOFOLLOW, "O_NOFOLLOW"},
		{sys.O_NOCTTY, "O_NOCTTY"},
		{sys.O_NONBLOCK, "O_NONBLOCK"},
		{sys.O_CLOEXEC, "O_CLOEXEC"},
	}
	resolveFlags = []flag{
		{sys.RESOLVE_IN_ROOT, "RESOLVE_IN_ROOT"},
		{sys.RESOLVE_BENEATH, "RESOLVE_BENEATH"},
		{sys.RESOLVE_NO_MAGICLINKS, "RESOLVE_NO_MAGICLINKS"},
		{sys.RESOLVE_NO_SYMLINKS, "RESOLVE_NO_SYMLINKS"},
		{sys.RESOLVE_NO_XDEV, "RESOLVE_NO_XDEV"},
	}
	treeFlags = []flag{
		{sys.OPEN_TREE_CLONE, "OPEN_TREE_CLONE"},
		{sys.OPEN_TREE_CLOEXEC, "OPEN_TREE_CLOEXEC"},
		{sys.AT_EMPTY_PATH, "AT_EMPTY_PATH"},
		{sys.AT_RECURSIVE, "AT_RECURSIVE"},
		{sys.AT_SYMLINK_NOFOLLOW, "AT_SYMLINK_NOFOLLOW"},
	}
	moveFlags = []flag{
		{sys.MOVE_MOUNT_F_EMPTY_PATH, "MOVE_MOUNT_F_EMPTY_PATH"},
		{sys.MOVE_MOUNT_T_EMPTY_PATH, "MOVE_MOUNT_T_EMPTY_PATH"},
	}
	attrFlags = []flag{
		{sys.MOUNT_ATTR_RDONLY, "MOUNT_ATTR_RDONLY"},
		{sys.MOUNT_ATTR_NOSUID, "MOUNT_ATTR_NOSUID"},
		{sys.MOUNT_ATTR_NODEV, "MOUNT_ATTR_NODEV"},
		{sys.MOUNT_ATTR_NOEXEC, "MOUNT_ATTR_NOEXEC"},
		{sys.MOUNT_ATTR_NOATIME, "MOUNT_ATTR_NOATIME"},
		{sys.MOUNT_ATTR_IDMAP, "MOUNT_ATTR_IDMAP"},
		{sys.MOUNT_ATTR_NOSYMFOLLOW, "MOUNT_ATTR_NOSYMFOLLOW"},
	}
	umountFlags   = []flag{{sys.MNT_DETACH, "MNT_DETACH"}}
	unlinkFlags   = []flag{{sys.AT_REMOVEDIR, "AT_REMOVEDIR"}}
	atFlags       = []flag{{sys.AT_SYMLINK_NOFOLLOW, "AT_SYMLINK_NOFOLLOW"}, {sys.AT_EMPTY_PATH, "AT_EMPTY_PATH"}}
	fsopenFlags   = []flag{{sys.FSOPEN_CLOEXEC, "FSOPEN_CLOEXEC"}}
	fsmountFlags  = []flag{{sys.FSMOUNT_CLOEXEC, "FSMOUNT_CLOEXEC"}}
	fsconfigNames = []flag{
		{sys.FSCONFIG_SET_FLAG, "FSCONFIG_SET_FLAG"},
		{sys.FSCONFIG_SET_STRING, "FSCONFIG_SET_STRING"},
		{sys.FSCONFIG_CMD_CREATE, "FSCONFIG_CMD_CREATE"},
	}
	prctlNames = []flag{
		{sys.PR_SET_DUMPABLE, "PR_SET_DUMPABLE"},
		{sys.PR_SET_KEEPCAPS, "PR_SET_KEEPCAPS"},
		{sys.PR_SET_NAME, "PR_SET_NAME"},
		{sys.PR_SET_SECUREBITS, "PR_SET_SECUREBITS"},
		{sys.PR_CAPBSET_DROP, "PR_CAPBSET_DROP"},
		{sys.PR_SET_NO_NEW_PRIVS, "PR_SET_NO_NEW_PRIVS"},
		{sys.PR_CAP_AMBIENT, "PR_CAP_AMBIENT"},
	}
)

// printFlags joins the names of the bits that are set; what has no name is
// printed as a number.
func printFlags(v uint64, table []flag) string {
	for _, f := range table { // an enumeration's value, which is no sum of bits
		if f.bits == v {
			return f.name
		}
	}
	var names []string
	for _, f := range table {
		if f.bits != 0 && v&f.bits == f.bits {
			names = append(names, f.name)
			v &^= f.bits
		}
	}
	if v != 0 || names == nil {
		names = append(names, hexOrZero(v))
	}
	return strings.Join(names, "|")
}

func hexOrZero(v uint64) string {
	if v == 0 {
		return "0"
	}
	return "0x" + strconv.FormatUint(v, 16)
}
