package testutil

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// cgroups lists the groups of sandboxes, but for those of other programs that
// run at the same time: these hold a lock on the directory that has theirs.
func cgroups() []string {
	var dirs []string
	others := locked()
	_ = filepath.WalkDir("/sys/fs/cgroup", func(p string, d os.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil //nolint:nilerr // groups come and go while we look
		}
		switch filepath.Base(filepath.Dir(p)) {
		case "sandkit":
			if others[identity(p)] {
				return filepath.SkipDir
			}
		default:
			if !strings.Contains(p, "/sandkit/") {
				return nil
			}
		}
		dirs = append(dirs, p)
		return nil
	})
	return dirs
}

// locked gives the files on which other programs hold a lock (flock), as
// /proc/locks names them.
func locked() map[string]bool {
	files := make(map[string]bool)
	b, err := os.ReadFile("/proc/locks")
	if err != nil {
		return files
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line) // 1: FLOCK ADVISORY WRITE 1234 00:1b:567 0 EOF
		if len(f) > 5 && f[1] == "FLOCK" && f[4] != strconv.Itoa(os.Getpid()) {
			files[f[5]] = true
		}
	}
	return files
}

// identity is a file's device and inode as in /proc/locks.
func identity(path string) string {
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		return ""
	}
	dev := uint64(st.Dev) //nolint:unconvert // 32 bits on some architectures
	return fmt.Sprintf("%02x:%02x:%d", dev>>8&0xfff, dev&0xff, st.Ino)
}
