package ns

// A Kind is a type of namespace, named as in /proc/PID/ns.
type Kind string

// The kinds of namespaces.
const (
	User   Kind = "user"
	Mount  Kind = "mnt"
	PID    Kind = "pid"
	Net    Kind = "net"
	IPC    Kind = "ipc"
	UTS    Kind = "uts"
	Cgroup Kind = "cgroup"
	Time   Kind = "time" // Linux 5.6
)
