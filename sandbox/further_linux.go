package sandbox

import (
	"syscall"

	"github.com/sandkit/sandkit/internal/capability"
	"github.com/sandkit/sandkit/internal/program"
	"github.com/sandkit/sandkit/internal/sys"
)

// toExec is what process 1 needs to make further processes: it cannot use it
// itself, unless it takes it up again, and nobody inside can make it do so.
func (b *builder) toExec() capability.Set {
	set := capability.Kill | capability.SetUID | capability.SetGID | capability.SetPCap
	if b.spec.HostUsers {
		// The host program itself may have less than all.
		return set | b.effective()
	}
	set |= b.caps
	if b.ownMounts() {
		set |= capability.SysChroot | capability.SysPtrace // to join the main process's mount namespace
	}
	return set
}

// ownMounts tells whether the main process has a mount namespace of its own:
// only the owner of one may mount in it.
func (b *builder) ownMounts() bool { return b.caps.Has(capability.SysAdmin) && !b.spec.HostUsers }

// buildFurther plans another process, which process 1 makes.
func (b *builder) buildFurther() error {
	b.prog, b.plan = program.New(), &Plan{}
	b.plan.steps = b.prog
	for range b.stdio {
		b.prog.PassMain("")
	}
	q := b.prog.Main
	q.Stage(program.Stage(StageProcess), "")
	q.Capset(uint64(b.first), uint64(b.first), 0)
	q.Setsid()
	if b.spec.Process.TTY != nil {
		q.ControllingTerminal(program.Stdin)
	}
	q.DefaultSignals()
	q.JoinSessionKeyring().Ignore(syscall.ENOSYS, syscall.EPERM, syscall.EDQUOT)
	switch {
	case !b.first.Has(capability.SysAdmin) || b.spec.HostUsers:
	case b.mainPID == 0:
		q.Unshare(sys.CLONE_NEWNS)
	default:
		main := q.PidfdOpen(b.mainPID)
		q.Setns(main, sys.CLONE_NEWNS)
		q.Close(main)
	}
	q.DropBounding(uint64(b.caps))
	if !b.spec.Process.NewPrivileges {
		q.Prctl(sys.PR_SET_NO_NEW_PRIVS, 1, 0)
	}
	q.Umask(b.umask())
	b.workDir(q)
	b.rlimits(q)
	if err := b.become(q); err != nil {
		return err
	}
	// Another user's rights may have made the memory open to inspection, which is
	// process 1's until the execution (fs.suid_dumpable).
	q.Stage(program.Stage(StageProcess), "")
	q.Prctl(sys.PR_SET_DUMPABLE, 0, 0)
	if err := b.landlock(q); err != nil {
		return err
	}
	var err error
	if b.late, err = b.filter(); err != nil {
		return err
	}
	if err := b.lateSeccomp(q); err != nil {
		return err
	}
	b.exec(q)
	return nil
}
