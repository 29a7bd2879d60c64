package store

import (
	"os"
	"syscall"
	"time"

	"github.com/sandkit/sandkit/internal/sys"
)

const noFollow = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

func supported() error { return nil }

func tryLock(f *os.File, offset int64) (bool, error) { return sys.TryLockByte(f, offset) }
func unlock(f *os.File, offset int64) error          { return sys.UnlockByte(f, offset) }
func syncData(f *os.File) error                      { return sys.SyncData(f) }
func syncFS(f *os.File) error                        { return sys.SyncFS(f) }

// changed is when a file was written to or got its name. A tree's time of
// modification may be one that an image gives it.
func changed(info os.FileInfo) time.Time {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(st.Ctim.Unix())
	}
	return info.ModTime()
}

// diskSize is what a file takes up, in bytes.
func diskSize(info os.FileInfo) int64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Blocks * 512
	}
	return info.Size()
}
