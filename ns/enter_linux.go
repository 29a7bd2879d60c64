package ns

import (
	"fmt"
	"time"

	"github.com/sandkit/sandkit/internal/program"
	"github.com/sandkit/sandkit/internal/sys"
)

// Stages of a Program that this package adds.
const (
	StageNamespaces program.Stage = "namespaces"
	StageUsers      program.Stage = "users"
)

// mainPID is the main process's pid inside: the first child of process 1.
const mainPID = 2

// Entry makes a sandbox's namespaces and enters them. Its methods append to
// the Init sequence, in the order Begin, Spawn, Finish.
type Entry struct {
	Set Set
	// Base is the user namespace from which the sandboxes of an ordinary user
	// start; nil when the host program may do everything (root).
	Base *program.FD
	// Users maps the main process's new user namespace to that of process 1;
	// nil gives it none of its own.
	Users *Mapping
	// UID and GID are what process 1 becomes in that user namespace.
	UID, GID uint32
	// Joined has the opened namespaces that Set joins.
	Joined map[Kind]program.FD

	main program.FD   // pidfd of the main process
	made program.Word // its namespaces are there
}

// Begin turns the launcher into process 1 of a PID namespace, in a mount
// namespace of its own from which nothing propagates.
func (e *Entry) Begin(q *program.Sequence) {
	q.Stage(StageNamespaces, "")
	if e.Base != nil {
		q.Setns(*e.Base, sys.CLONE_NEWUSER)
	}
	if e.Set.Clocks != nil {
		e.clocks(q)
	}
	if e.Base != nil || e.Set.Clocks != nil {
		// Both take effect for children only, or have to come before.
		q.Fork(sys.CLONE_NEWPID)
	} else {
		q.Program().CloneFlags = sys.CLONE_NEWPID
	}
	q.Unshare(sys.CLONE_NEWNS)
	q.MountSetattr(program.Cwd, "/", true, program.MountAttr{Propagation: sys.MS_PRIVATE})
	for _, s := range e.Set.Each() {
		if fd, ok := e.Joined[s.Kind]; ok {
			q.Stage(StageNamespaces, string(s.Kind))
			q.Setns(fd, s.Kind.CloneFlag())
		}
	}
}

// clocks makes a time namespace. Until Linux 6.3 a process cannot vfork into
// one, so process 1 has to be forked into it.
func (e *Entry) clocks(q *program.Sequence) {
	q.Stage(StageNamespaces, string(Time))
	q.Unshare(sys.CLONE_NEWTIME)
	f := q.Openat(program.Cwd, "/proc/self/timens_offsets", sys.O_WRONLY, 0)
	q.Write(f, offset("monotonic", e.Set.Clocks.Monotonic)+offset("boottime", e.Set.Clocks.Boottime))
	q.Close(f)
	q.Stage(StageNamespaces, "")
}

// offset is a line of /proc/PID/timens_offsets: the nanoseconds are never
// negative.
func offset(clock string, d time.Duration) string {
	s, ns := d/time.Second, d%time.Second
	if ns < 0 {
		s, ns = s-1, ns+time.Second
	}
	return fmt.Sprintf("%s %d %d\n", clock, s, ns.Nanoseconds())
}

// created are the flags of the namespaces that the main process makes, so that
// its user namespace owns them.
func (e *Entry) created() int {
	flags := 0
	for _, s := range e.Set.Each() {
		if s.From.Mode == New {
			flags |= s.Kind.CloneFlag()
		}
	}
	return flags
}

// Spawn makes the main process in its user namespace and maps that. Proc is a
// mount of the new PID namespace's procfs. The main process then makes the
// other namespaces (see Main) while process 1 goes on: a network namespace
// takes as long as everything else together.
func (e *Entry) Spawn(q *program.Sequence, proc program.FD) {
	q.Stage(StageNamespaces, "")
	e.made = q.Program().NewWord()
	if e.Users == nil {
		q.Spawn(0)
		return
	}
	// The maps belong to whom the process does, and to root once it may not be
	// traced, as after joining a user namespace.
	q.Prctl(sys.PR_SET_DUMPABLE, 1, 0)
	q.Spawn(sys.CLONE_NEWUSER)
	q.Stage(StageUsers, e.Users.String())
	if e.Users.DenyGroups {
		writeFile(q, proc, fmt.Sprintf("%d/setgroups", mainPID), "deny")
	}
	writeFile(q, proc, fmt.Sprintf("%d/uid_map", mainPID), file(e.Users.UIDs))
	writeFile(q, proc, fmt.Sprintf("%d/gid_map", mainPID), file(e.Users.GIDs))
}

// Main appends to the Main sequence what makes the namespaces.
func (e *Entry) Main(q *program.Sequence) {
	if flags := e.created(); flags != 0 {
		q.Stage(StageNamespaces, "")
		q.Unshare(flags)
		q.Post(e.made)
	}
}

// Join takes process 1 into the namespaces that the main process has made. It
// stays in its own user and mount namespaces: it keeps its rights to mount.
func (e *Entry) Join(q *program.Sequence) {
	q.Stage(StageNamespaces, "")
	flags := e.created()
	if flags != 0 || e.Users != nil {
		e.main = q.PidfdOpen(mainPID)
	}
	if flags != 0 {
		q.Await(e.made)
		q.Setns(e.main, flags)
	}
}

func writeFile(q *program.Sequence, dir program.FD, name, content string) {
	f := q.Openat(dir, name, sys.O_WRONLY, 0)
	q.Write(f, content)
	q.Close(f)
}

// Finish takes process 1 into the main process's user namespace, which takes
// all of its rights outside away.
func (e *Entry) Finish(q *program.Sequence) {
	if e.Users == nil {
		return
	}
	q.Stage(StageUsers, "process 1")
	q.Setns(e.main, sys.CLONE_NEWUSER)
	q.Setresgid(e.GID)
	q.Setresuid(e.UID)
}

// NewUser is the Program of a process that makes a user namespace and waits.
func NewUser() *program.Program {
	p := program.New()
	p.Init.Stage(StageUsers, "")
	p.Init.Unshare(sys.CLONE_NEWUSER)
	p.Init.Stay()
	return p
}
