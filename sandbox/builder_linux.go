package sandbox

import (
	"fmt"
	"os"
	"strings"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/internal/capability"
	"github.com/sandkit/sandkit/internal/kernel"
	"github.com/sandkit/sandkit/internal/passwd"
	"github.com/sandkit/sandkit/internal/program"
	"github.com/sandkit/sandkit/internal/sys"
	"github.com/sandkit/sandkit/ns"
)

// builder turns a Spec into a Program. It decides, from what it was given
// alone; what has to be looked up on the host is in the fields already.
type builder struct {
	spec     *Spec
	id       string
	features *kernel.Features
	users    users
	tree     *fs.Tree
	who      passwd.Identity
	image    *rooted      // nil: none
	volumes  *heldVolumes // nil: none
	private  bool         // nobody will ask for the files, or for further processes

	// Of a further process: the running sandbox; its main process inside.
	live    *Sandbox
	mainPID int
	first   capability.Set // what process 1 keeps

	// What the launcher is handed, in order. In a dry run the files are nil.
	stdio  []*os.File // standard streams and extra files
	usersF *os.File   // the host program's user namespace
	joined map[ns.Kind]*os.File

	groupFiles int       // descriptors for joining a cgroup, which come first
	group      *group    // once it is known
	noGroup    []Dropped // limits that drop, as there are no cgroups

	prog  *program.Program
	files []*os.File
	plan  *Plan
	caps  capability.Set // effective and bounding
	ambi  capability.Set
	late  *filter // a seccomp filter that is not loaded yet

	master *program.FD // the main process's terminal; nil for none
}

// pass hands a file to the launcher.
func (b *builder) pass(name string, f *os.File) program.FD {
	b.files = append(b.files, f)
	return b.prog.Pass(name)
}

var stdioNames = []string{"stdin", "stdout", "stderr"}

// build makes the plan.
func (b *builder) build() error {
	b.prog, b.plan = program.New(), &Plan{}
	b.plan.steps = b.prog
	if err := b.parseCapabilities(); err != nil {
		return err
	}
	for i := range b.stdio {
		name := fmt.Sprintf("extra%d", i)
		if i < len(stdioNames) {
			name = stdioNames[i]
		}
		b.prog.PassMain(name)
	}
	b.joinGroup(b.prog.Init)
	entry, err := b.entry()
	if err != nil {
		return err
	}
	b.prepareTree()
	if err := b.prelude(entry); err != nil {
		return err
	}
	b.prog.Cut()
	b.passLayers()
	q, released := b.prog.Init, b.prog.NewWord()
	b.tree.Build(q)
	b.terminal(q)
	b.tree.Finish(q)
	b.name(q)
	entry.Finish(q)
	b.finish(q, released)
	b.protectFiles()
	return b.main(b.prog.Main, released)
}

// prelude plans what most sandboxes have in common, which can be carried out
// ahead of time: the namespaces, the kernel's file systems, and what the main
// process needs no root file system for.
func (b *builder) prelude(entry *ns.Entry) error {
	q, m := b.prog.Init, b.prog.Main
	entry.Begin(q)
	entry.Spawn(q, b.tree.Begin(q))
	b.tree.Devices(q)
	entry.Join(q)
	b.tree.Kernel(q)
	entry.Main(m)
	if b.spec.Namespaces.Net.Mode == ns.New {
		m.Stage(program.Stage(StageNetwork), "lo")
		m.LoopbackUp()
	}
	if b.spec.Namespaces.UTS.Mode == ns.New {
		m.Stage(program.Stage(StageHostname), "")
		m.Setdomainname("")
	}
	return b.mainPrelude(m)
}

// parseCapabilities reads the names, which Validate has checked.
func (b *builder) parseCapabilities() error {
	var err error
	if b.caps, err = capability.Parse(b.spec.Process.Capabilities); err != nil {
		return err
	}
	if b.ambi, err = capability.Parse(b.spec.Process.AmbientCapabilities); err != nil {
		return err
	}
	b.caps |= b.ambi
	return nil
}

// entry says how the namespaces are made.
func (b *builder) entry() (*ns.Entry, error) {
	e := &ns.Entry{Set: b.spec.Namespaces, Joined: make(map[ns.Kind]program.FD)}
	if e.Set.Clocks != nil {
		if err := b.features.Need(kernel.TimeNS, "leave out Clocks, or use BestEffort"); err != nil {
			if err := b.drop(DropClocks, err); err != nil {
				return nil, err
			}
			e.Set.Clocks = nil
		}
	}
	if !b.spec.HostUsers {
		m := b.users.as(b.who.UID, b.who.GID)
		e.Users = &m
		if b.users.single {
			e.UID, e.GID = b.who.UID, b.who.GID
		}
		b.protect("user namespace", m.String())
	}
	if b.users.outer != nil {
		fd := b.pass("base user namespace", b.usersF)
		e.Base = &fd
	} else if !b.spec.HostUsers {
		fd := b.pass("id map", b.usersF)
		b.tree.IDMap = &fd
	}
	for _, s := range e.Set.Each() {
		if s.From.Mode == ns.Join {
			e.Joined[s.Kind] = b.pass(string(s.Kind)+" namespace", b.joined[s.Kind])
		}
	}
	b.protect("namespaces", b.namespaceList(e))
	return e, nil
}

// namespaceList names the namespaces that are the sandbox's own.
func (b *builder) namespaceList(e *ns.Entry) string {
	list := []string{string(ns.Mount), string(ns.PID)}
	for _, s := range e.Set.Each() {
		if s.From.Mode == ns.New {
			list = append(list, string(s.Kind))
		}
	}
	if e.Set.Clocks != nil {
		list = append(list, string(ns.Time))
	}
	return strings.Join(list, " ")
}

// prepareTree tells the tree who owns what.
func (b *builder) prepareTree() {
	t := b.tree
	t.Privileged, t.HostRoot = b.users.outer == nil, b.spec.HostUsers
	t.ForeignNet = b.spec.Namespaces.Net.Mode != ns.New
	t.ForeignIPC = b.spec.Namespaces.IPC.Mode != ns.New
	t.LooseIDMap = b.spec.mayDrop(DropIDMap)
	t.SetUID = b.spec.Process.NewPrivileges
	same := func(id uint32) (uint32, bool) { return id, true }
	t.Owner = fs.Owner{UID: same, GID: same}
	if !b.spec.HostUsers {
		m := b.users.as(b.who.UID, b.who.GID)
		t.Owner = fs.Owner{UID: m.UIDOutside, GID: m.GIDOutside}
	}
}

// name gives the sandbox its host name.
func (b *builder) name(q *program.Sequence) {
	if b.spec.Namespaces.UTS.Mode == ns.New {
		q.Stage(program.Stage(StageHostname), b.hostname())
		q.Sethostname(b.hostname())
	}
}

func (b *builder) hostname() string {
	if b.spec.Hostname != "" {
		return b.spec.Hostname
	}
	return shortID(b.id)
}

// finish turns process 1 into what it stays: without rights but to signal the
// sandbox's processes (and those in reserve that further processes need), closed
// to inspection, with nothing open but the control socket and, until the host
// program has them, the root and its changes. Only then the main process goes on.
func (b *builder) finish(q *program.Sequence, released program.Word) {
	q.Stage(program.Stage(StageProcess), "process 1")
	if b.first = capability.Kill; !b.private {
		b.first = b.toExec()
	}
	q.Capset(uint64(capability.Kill), uint64(b.first), 0)
	if b.private || !b.spec.Process.NewPrivileges {
		q.Prctl(sys.PR_SET_NO_NEW_PRIVS, 1, 0)
	}
	q.SetName("sandkit-init")
	q.Prctl(sys.PR_SET_DUMPABLE, 0, 0)
	if kept := b.kept(); len(kept) == 0 {
		q.CloseFrom(1)
	} else {
		q.Keep(kept...)
	}
	q.HostAlive()
	q.Post(released)
	if b.spec.Idle {
		q.StayIdle()
		return
	}
	q.Stay()
}

// protectFiles lists what the tree hides and protects.
func (b *builder) protectFiles() {
	b.protect("root", b.spec.Root.String())
	masked, readOnly := b.tree.Hidden()
	b.protect("masked paths", fmt.Sprint(len(masked)))
	b.protect("read-only paths", fmt.Sprint(len(readOnly)))
}

func (b *builder) protect(name, detail string) {
	b.plan.Protections = append(b.plan.Protections, Protection{name, detail})
}

// drop lets go of something best effort, or gives the reason back as an error.
func (b *builder) drop(what Droppable, reason error) error {
	if !b.spec.mayDrop(what) {
		return reason
	}
	b.plan.Dropped = append(b.plan.Dropped, Dropped{what, reason})
	return nil
}

// filter compiles the seccomp profile for this sandbox; nil means none.
func (b *builder) filter() (*filter, error) {
	f, err := filters.get(b.spec.Seccomp, b.caps, b.features.Version)
	if err != nil || f.code == nil {
		return nil, err
	}
	if err := b.features.Need(kernel.Seccomp, "use WithSeccomp(seccomp.Unconfined())"); err != nil {
		return nil, b.drop(DropSeccomp, err)
	}
	return f, nil
}
