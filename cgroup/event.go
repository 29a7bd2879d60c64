package cgroup

// EventKind says what happened in a group.
type EventKind string

// What is told of.
const (
	// OOM: the group has no memory left within its limit, and a process of it is
	// about to be killed.
	OOM EventKind = "oom"
	// OOMKill: a process was killed for that (v1: Linux 4.13).
	OOMKill EventKind = "oom-kill"
	// MemoryLimit: the memory limit was reached, memory had to be found (v2; on
	// v1, Stats counts it).
	MemoryLimit EventKind = "memory-limit"
	// PidsLimit: a process or thread was refused (Linux 4.8). Newer kernels do
	// not say it at once where the controller is v1: there it is told with the
	// next event of any kind, at the latest with Empty.
	PidsLimit EventKind = "pids-limit"
	// Populated: there is a process in the group now. It takes a v2 tree, which
	// may be beside v1 controllers.
	Populated EventKind = "populated"
	// Empty: the last process has left the group (as Populated).
	Empty EventKind = "empty"
)

// Event is something that happened in a group.
type Event struct {
	Kind EventKind `json:"kind"`
	// Count is how often it happened since the last event of that kind; many
	// together are one event.
	Count uint64 `json:"count"`
}
