package ns

import "github.com/sandkit/sandkit/internal/sys"

var cloneFlags = map[Kind]int{
	User: sys.CLONE_NEWUSER, Mount: sys.CLONE_NEWNS, PID: sys.CLONE_NEWPID, Net: sys.CLONE_NEWNET,
	IPC: sys.CLONE_NEWIPC, UTS: sys.CLONE_NEWUTS, Cgroup: sys.CLONE_NEWCGROUP, Time: sys.CLONE_NEWTIME,
}

// CloneFlag is the kernel's flag for a namespace of this kind (CLONE_NEW...).
func (k Kind) CloneFlag() int { return cloneFlags[k] }
