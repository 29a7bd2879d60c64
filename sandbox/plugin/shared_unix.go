//go:build unix

package plugin

import (
	iofs "io/fs"
	"os"
	"syscall"
)

// takeGroup gives a directory to the group that another has.
func takeGroup(dir string, of iofs.FileInfo) error {
	st, ok := of.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	own, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if now, ok := own.Sys().(*syscall.Stat_t); ok && now.Gid == st.Gid {
		return nil
	}
	return os.Chown(dir, -1, int(st.Gid))
}
