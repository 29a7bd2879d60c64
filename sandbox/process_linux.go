package sandbox

import (
	"fmt"
	"slices"
	"syscall"

	"github.com/sandkit/sandkit/internal/capability"
	"github.com/sandkit/sandkit/internal/kernel"
	"github.com/sandkit/sandkit/internal/program"
	"github.com/sandkit/sandkit/internal/sys"
	"github.com/sandkit/sandkit/sandbox/seccomp"
)

// mainPrelude plans what the main process does before it knows its program.
// Until the user changes it has every capability in its own user namespace.
func (b *builder) mainPrelude(q *program.Sequence) error {
	q.Stage(program.Stage(StageProcess), "")
	q.CloseFrom(1)
	q.Setsid()
	q.DefaultSignals()
	// An ordinary user has few keys (EDQUOT). The default filter lets nobody
	// reach the keyring anyway.
	q.JoinSessionKeyring().Ignore(syscall.ENOSYS, syscall.EPERM, syscall.EDQUOT)
	q.DropBounding(uint64(b.caps))
	if !b.spec.Process.NewPrivileges {
		q.Prctl(sys.PR_SET_NO_NEW_PRIVS, 1, 0)
		b.protect("no new privileges", "")
	}
	f, err := b.filter()
	if err != nil {
		return err
	}
	if f != nil && !b.spec.Process.NewPrivileges && b.ownProfile() {
		b.seccomp(q, f)
		f = nil
	}
	b.late = f
	return nil
}

// main plans the main process from the moment that it knows its program.
func (b *builder) main(q *program.Sequence, released program.Word) error {
	q.Stage(program.Stage(StageProcess), "")
	q.TakeFiles()
	q.Umask(b.umask())
	q.Await(released)
	if b.ownMounts() && !b.spec.Idle {
		// The copy keeps what process 1 mounted together (MNT_LOCKED).
		q.Unshare(sys.CLONE_NEWNS)
	}
	b.openTerminal(q)
	b.workDir(q)
	b.rlimits(q)
	if err := b.become(q); err != nil {
		return err
	}
	if err := b.landlock(q); err != nil {
		return err
	}
	if err := b.lateSeccomp(q); err != nil {
		return err
	}
	if b.spec.Idle {
		q.Exit() // it has shown that a program could be executed
		return nil
	}
	b.exec(q)
	return nil
}

// ownProfile tells whether the profile is one that is known to allow all that
// the main process has yet to do.
func (b *builder) ownProfile() bool {
	return b.spec.Seccomp.Equal(seccomp.Default()) || b.spec.Seccomp.Equal(seccomp.Strict())
}

// lateSeccomp loads the filter as the last thing before the execution, so that
// it has to allow nothing else.
func (b *builder) lateSeccomp(q *program.Sequence) error {
	if b.late == nil {
		return nil
	}
	if b.spec.Process.NewPrivileges && !b.effective().Has(capability.SysAdmin) {
		return fmt.Errorf("%w: WithNewPrivileges needs CAP_SYS_ADMIN (ambient for a user other than 0) or WithSeccomp(seccomp.Unconfined()): "+
			"the kernel takes no filter otherwise", ErrInvalidSpec)
	}
	b.seccomp(q, b.late)
	return nil
}

func (b *builder) seccomp(q *program.Sequence, f *filter) {
	q.Stage(program.Stage(StageSeccomp), "")
	q.Seccomp(f.code, f.flags)
	b.protect("seccomp", f.text)
}

// exec executes the command, looked up along PATH inside.
func (b *builder) exec(q *program.Sequence) {
	p, env := &b.spec.Process, b.environ()
	q.Stage(program.Stage(StageExec), p.program())
	if paths := p.lookupPaths(env); len(paths) == 1 {
		q.Execve(paths[0], p.Command, env)
	} else {
		q.ExecveAny(paths, p.Command, env)
	}
}

func (b *builder) environ() []string {
	defaults := []string{"PATH=" + defaultPath, "HOME=" + b.who.Home, "HOSTNAME=" + b.hostname()}
	if b.spec.Process.TTY != nil {
		defaults = append(defaults, "TERM=xterm")
	}
	return environ(b.spec.Process.Env, defaults...)
}

// workDir enters the working directory while it is root inside that looks for
// it. Links such as /proc/self/fd/N, which lead out of the root, are not
// followed (CVE-2024-21626).
func (b *builder) workDir(q *program.Sequence) {
	dir := b.spec.Process.Dir
	if dir == "" {
		dir = "/"
	}
	q.Stage(program.Stage(StageDir), dir)
	fd := q.Openat2(program.Cwd, dir, sys.O_PATH|sys.O_DIRECTORY, sys.RESOLVE_NO_MAGICLINKS)
	q.Fchdir(fd)
	q.Close(fd)
}

// rlimits sets resource limits while there may be a right to raise them.
func (b *builder) rlimits(q *program.Sequence) {
	limits, noCore := b.spec.Process.Rlimits, Rlimit{Resource: "core"}
	coreNumber, _ := noCore.number()
	if !slices.ContainsFunc(limits, func(r Rlimit) bool { n, err := r.number(); return err == nil && n == coreNumber }) {
		limits = append([]Rlimit{noCore}, limits...)
	}
	for _, r := range limits {
		n, err := r.number()
		if err != nil {
			continue // Validate has reported it
		}
		q.Stage(program.Stage(StageRlimit), r.Resource)
		ref := q.Setrlimit(n, r.Resource, r.Soft, r.Hard)
		if b.spec.mayDrop(DropRlimits) {
			ref.Ignore(syscall.EPERM)
		}
	}
}

func (b *builder) umask() uint32 {
	if m := b.spec.Process.Umask; m != nil {
		return uint32(*m)
	}
	return 0o022
}

// become takes on user, groups and capabilities. The order is the kernel's: a
// user other than root loses everything that is not kept.
func (b *builder) become(q *program.Sequence) error {
	q.Stage(program.Stage(StageUser), b.spec.Process.User)
	if b.who.UID != 0 {
		q.Prctl(sys.PR_SET_KEEPCAPS, 1, 0)
	}
	if err := b.groups(q); err != nil {
		return err
	}
	q.Setresgid(b.who.GID)
	q.Setresuid(b.who.UID)
	effective := b.effective()
	q.Capset(uint64(effective), uint64(effective), uint64(b.ambi))
	for n := range capability.Last + 1 {
		if b.ambi>>n&1 != 0 {
			q.Prctl(sys.PR_CAP_AMBIENT, sys.PR_CAP_AMBIENT_RAISE, uint64(n))
		}
	}
	b.protect("capabilities", effective.String())
	return nil
}

// effective are the capabilities that the program begins with.
func (b *builder) effective() capability.Set {
	if b.who.UID != 0 {
		return b.ambi
	}
	return b.caps
}

// groups sets the supplementary groups to exactly those of the user.
func (b *builder) groups(q *program.Sequence) error {
	groups := append(b.who.Groups, b.spec.Process.Groups...)
	if !b.users.single {
		q.Setgroups(groups)
		return nil
	}
	if len(groups) == 0 {
		return nil
	}
	return b.drop(DropGroups, &NotSupportedError{
		Feature: "supplementary groups for an ordinary user",
		Hint:    "give the user ranges in /etc/subuid and /etc/subgid and install newuidmap and newgidmap",
	})
}

// needLandlock gives the reason why Landlock cannot be had as asked for.
func (b *builder) needLandlock() error {
	hint := "leave out WithLandlock, or use BestEffort"
	if err := b.features.Need(kernel.Landlock, hint); err != nil {
		return err
	}
	if want := b.spec.Landlock.MinABI; b.features.Landlock < max(1, want) {
		return &NotSupportedError{
			Feature: fmt.Sprintf("Landlock ABI %d", want),
			Err:     fmt.Errorf("this kernel has ABI %d", b.features.Landlock),
			Hint:    hint,
		}
	}
	return nil
}
