package sys

import (
	"os"

	"golang.org/x/sys/unix"
)

// ActAs calls f on a thread of its own that makes and reaches files as another
// user and group, without losing its rights over files (SECBIT_NO_SETUID_FIXUP,
// setfsuid). What f starts does not run on that thread.
func ActAs(uid, gid uint32, f func() error) error {
	return onSpoiltThread(func() error {
		if err := become(uid, gid); err != nil {
			return err
		}
		return f()
	})
}

func become(uid, gid uint32) error {
	if err := unix.Prctl(unix.PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl PR_SET_SECUREBITS", err)
	}
	// They tell the one before; whether it worked is seen by asking again.
	for _, id := range []struct {
		name string
		set  func(int) (int, error)
		to   int
	}{{"setfsgid", unix.SetfsgidRetGid, int(gid)}, {"setfsuid", unix.SetfsuidRetUid, int(uid)}} {
		if _, err := id.set(id.to); err != nil {
			return os.NewSyscallError(id.name, err)
		}
		if now, err := id.set(-1); err != nil || now != id.to {
			return os.NewSyscallError(id.name, unix.EPERM)
		}
	}
	return nil
}
