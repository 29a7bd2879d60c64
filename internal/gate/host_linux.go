package gate

import (
	"fmt"
	"os"
	"syscall"

	"github.com/sandkit/sandkit/internal/sys"
)

func tryLock(f *os.File, offset int64) (bool, error)  { return sys.TryLockByte(f, offset) }
func tryShare(f *os.File, offset int64) (bool, error) { return sys.TryShareByte(f, offset) }
func unlock(f *os.File, offset int64) error           { return sys.UnlockByte(f, offset) }

// checkOwner makes sure that nobody else may change a directory.
func checkOwner(dir string, info os.FileInfo) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("BUG: no owner of %s", dir)
	}
	if uid := os.Geteuid(); st.Uid != uint32(uid) {
		return fmt.Errorf("%s belongs to user %d, not to %d: %w", dir, st.Uid, uid, os.ErrPermission)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s may be written to by others (mode %v): %w", dir, info.Mode().Perm(), os.ErrPermission)
	}
	return nil
}
